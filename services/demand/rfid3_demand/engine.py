"""Where is training computed? `local`, `local-cluster:<workers>` on this machine, or `dask://<host>:<port>`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from rfid3_demand.model.engine import LOCAL, Engine
from rfid3_shared.errors import InvalidParameters

FORMS = ("local", "local-cluster:2", "dask://127.0.0.1:8786")
NEEDED = ("dask", "distributed", "fugue", "fugue_dask", "pandas", "sklearn")
MOST_WORKERS = 64
_CLUSTER = re.compile(r"local-cluster:(\d+)")
_SCHEDULER = re.compile(r"dask://[^\s:/]+:\d+")


def checked(name: str) -> str:
    """The engine's name as it is understood. Raises InvalidParameters with the accepted forms."""
    wanted = name.strip()
    cluster = _CLUSTER.fullmatch(wanted)
    if wanted == "local" or (cluster and 1 <= int(cluster[1]) <= MOST_WORKERS) or _SCHEDULER.fullmatch(wanted):
        return wanted
    raise InvalidParameters(
        f"There is no training engine {name!r}. Write {', '.join(FORMS[:-1])} (1 to {MOST_WORKERS} workers) or {FORMS[-1]}.",
        parameter="engine",
    )


@contextmanager
def opened(name: str) -> Iterator[Engine]:
    """The engine of that name, closed afterwards.

    Raises InvalidParameters for a wrong name, when the extra is not installed, or when the scheduler does not answer in time.
    """
    wanted = checked(name)
    if wanted == "local":
        yield LOCAL
        return
    if absent := [package for package in NEEDED if find_spec(package) is None]:
        raise InvalidParameters(
            f"The training engine {wanted} needs {', '.join(absent)}: install rfid3-demand with its extra, rfid3-demand[train,cluster].",
            parameter="engine",
        )
    from rfid3_demand import cluster

    count = _CLUSTER.fullmatch(wanted)
    with cluster.on_this_machine(int(count[1])) if count else cluster.on_scheduler(wanted.removeprefix("dask://")) as engine:
        yield engine
