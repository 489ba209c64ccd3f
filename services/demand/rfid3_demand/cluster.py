"""How do blocks of series and the global tree reach the workers of a Dask cluster?

Blocks go through Fugue's `transform`, as plain arrays in a column of text; the tree is grown by LightGBM's own Dask interface, every
worker holding a part of the rows. Workers run this package's candidates, so they need the same version of it installed.
"""

from __future__ import annotations

import base64
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import orjson

from rfid3_demand.model import plain_form
from rfid3_demand.model.candidates import METHODS
from rfid3_demand.model.engine import Answers, TrainingRows, answered
from rfid3_demand.model.method import Method
from rfid3_demand.model.past import Past
from rfid3_demand.model.tree_features import TreeData
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.lean_lightgbm import lightgbm_with_dask

REACHED_WITHIN_S = 5.0
LOOPBACK = "127.0.0.1"
KEPT = {"Past": Past, "TreeData": TreeData}
POOLED = ("profile", "short_profile")
"""What a block brings along because it was pooled over all series."""
JSON = "json"
QUIET = ("Sending large graph", "Parameter n_jobs", "Parameter tree_learner", "Parameter machines", "Found 'n_estimators'")
"""How remarks of the libraries begin that say what is meant so."""


class Cluster:
    """The workers that a Dask client reaches."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def answer(self, blocks: Sequence[Past], methods: Sequence[Method]) -> list[Answers]:
        """Blocks spread over the workers; the same numbers as here, because the same code answers each block."""
        import pandas as pd
        from fugue.workflow.api import transform

        names = [method.name for method in methods]
        sent = pd.DataFrame({"block": np.arange(len(blocks)), "content": [packed(block) for block in blocks]})
        with _quietly():
            found = transform(
                sent, _answer, schema="block:long,content:str", params={"names": names}, engine=self.client,
                partition={"num": len(blocks), "algo": "coarse"}, as_local=True,
            )  # fmt: skip
        table = found.as_pandas() if hasattr(found, "as_pandas") else found
        by_block = dict(zip(table["block"], table["content"], strict=True))
        return [_arrays(by_block[k]) for k in range(len(blocks))]

    def boost(self, parameters: dict[str, Any], rows: TrainingRows, rounds: int) -> Any:
        """A booster from rows spread over all workers: histograms are summed, so it differs from a local one by binning."""
        import dask.array

        parts = max(1, len(self.client.scheduler_info()["workers"]))
        size = -(-len(rows.y) // parts)
        # rows come by origin: every worker gets rows of all origins, or each would find its bins in a time of its own
        dealt = np.argsort(np.arange(len(rows.y)) % parts, kind="stable")

        from_array: Any = dask.array.from_array

        def spread(values: np.ndarray | None) -> Any:
            return None if values is None else from_array(values[dealt], chunks=(size, *values.shape[1:]))

        own = {
            name: value for name, value in parameters.items() if name not in ("num_threads", "deterministic", "force_row_wise")
        }
        with _quietly():
            model = lightgbm_with_dask().DaskLGBMRegressor(client=self.client, n_estimators=rounds, **own)
            model.fit(
                spread(rows.x), spread(rows.y), sample_weight=spread(rows.weight), init_score=spread(rows.offset),
                feature_name=list(rows.names), categorical_feature=list(rows.categorical),
            )  # fmt: skip
        return model.booster_


@contextmanager
def on_this_machine(workers: int) -> Iterator[Cluster]:
    """A cluster of worker processes on this machine, reachable from it alone, gone afterwards."""
    from distributed import Client, LocalCluster

    logging.getLogger("distributed").setLevel(logging.WARNING)  # who starts and closes is told by the process list
    kind: Any = LocalCluster
    connect: Any = Client
    with (
        kind(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=f"{LOOPBACK}:0", host=LOOPBACK
        ) as cluster,
        connect(cluster, timeout=REACHED_WITHIN_S) as client,
    ):
        client.wait_for_workers(workers, timeout=60)
        yield Cluster(client)


@contextmanager
def on_scheduler(address: str) -> Iterator[Cluster]:
    """The cluster behind a scheduler's `host:port`. Raises InvalidParameters when it does not answer, or has no workers."""
    from distributed import Client

    connect: Any = Client
    try:
        client = connect(f"tcp://{address}", timeout=REACHED_WITHIN_S)
    except (OSError, TimeoutError):
        raise InvalidParameters(
            f"No Dask scheduler answers at {address} within {REACHED_WITHIN_S:g} s. Is `dask scheduler` running there?",
            parameter="engine",
        ) from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise InvalidParameters(
                f"The Dask scheduler at {address} has no workers: start `dask worker {address}`.", parameter="engine"
            )
        yield Cluster(client)


def packed(block: Past) -> str:
    """A block as text: arrays and JSON, no pickle."""
    arrays: dict[str, np.ndarray] = {}
    plain = plain_form.taken_apart(block, arrays, KEPT)
    pooled = {name: block.__dict__[name] for name in POOLED if name in block.__dict__}
    return _text({**{f"pooled{name}": values for name, values in pooled.items()}, **arrays,
                   JSON: np.frombuffer(orjson.dumps(plain), dtype=np.uint8)})  # fmt: skip


def unpacked(content: str) -> Past:
    """The block that `packed` was given."""
    arrays = _arrays(content)
    block: Past = plain_form.put_together(orjson.loads(arrays.pop(JSON).tobytes()), arrays, KEPT)
    for name in POOLED:
        if f"pooled{name}" in arrays:
            block.__dict__[name] = arrays[f"pooled{name}"]
    return block


def _answer(rows: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    """On a worker: what the named methods say of each block."""
    methods = [method for method in METHODS if method.name in names]
    return [{"block": row["block"], "content": _text(answered(unpacked(row["content"]), methods))} for row in rows]


def _text(arrays: dict[str, np.ndarray]) -> str:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    # data frames take columns of objects for text
    return base64.b64encode(file.getvalue()).decode()


def _arrays(content: str) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(base64.b64decode(content)), allow_pickle=False) as file:
        return dict(file)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the libraries' remarks on what is meant so: large graphs, parameters that a cluster sets itself."""
    with warnings.catch_warnings():
        for beginning in QUIET:
            warnings.filterwarnings("ignore", beginning, UserWarning)
        yield
