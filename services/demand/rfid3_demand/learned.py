"""How does what a full run learned reach the next refresh? Two files beside the snapshot: numbers as JSON, arrays as .npz.

Nothing in them can run code: classes are looked up in a list of those that may be kept, arrays are loaded without pickle.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from rfid3_demand.model import plain_form
from rfid3_demand.model.corrected_levels import Buckets
from rfid3_demand.model.count_intervals import Spread
from rfid3_demand.model.intervals import Calibration
from rfid3_demand.model.learned import Learned, LearnedVariant
from rfid3_demand.model.panel import Forecast, Variant
from rfid3_demand.model.pickup import Trust
from rfid3_demand.model.reconcile import ErrorModel
from rfid3_demand.nodes import Node
from rfid3_demand.performance import EPOCH
from rfid3_demand.snapshot import Snapshot

KEPT: dict[str, Any] = {
    each.__name__: each for each in (Learned, LearnedVariant, Calibration, Spread, Buckets, ErrorModel, Trust)
}
"""Classes that may be in the files."""
NUMBERS, ARRAYS, BOOSTER = "learned.json", "learned.npz", "lightgbm.txt"


def write(forecast: Forecast, folder: Path) -> None:
    """What the forecast's run learned, and the first step as it was said, before a week in progress was added to it.

    Nothing is written when nothing was kept. Raises TypeError for what is in no list of kept classes.
    """
    if forecast.learned is None:
        return
    arrays: dict[str, np.ndarray] = {}
    plain = plain_form.taken_apart(forecast.learned, arrays, KEPT, "learned")
    for name, each in forecast.variants.items():
        arrays[f"first/{name}"] = each.mean[:, 0]
    arrays["first_quantiles"] = forecast.variants["ensemble"].quantiles[:, 0]
    (folder / NUMBERS).write_bytes(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS))
    np.savez(folder / ARRAYS, allow_pickle=False, **arrays)


def previous(snapshot: Snapshot, folder: Path, tree_settings: dict[str, Any]) -> Forecast | None:
    """The forecast behind a snapshot as far as a refresh needs it; None where nothing was kept.

    Its contributions, sufficiency and honest horizons are left out: a refresh makes them anew.
    """
    if not (folder / NUMBERS).exists():
        return None
    with np.load(folder / ARRAYS, allow_pickle=False) as file:
        arrays = dict(file)
    spec = snapshot.spec
    variants = {}
    for k, name in enumerate(spec.variants):
        mean, quantiles = np.array(snapshot.means[k]), np.array(snapshot.quantiles[k])
        mean[:, 0] = arrays[f"first/{name}"]
        if name == "ensemble":
            quantiles[:, 0] = arrays["first_quantiles"]
        variants[name] = Variant(mean, quantiles, {})
    booster = folder / BOOSTER
    return Forecast(
        nodes=tuple(Node(**node).key for node in spec.nodes), dates=tuple(snapshot.weeks), levels=tuple(spec.levels),
        variants=variants, contributions={}, sufficiency=(), max_horizon=np.empty(0, dtype=int), backtest=_table(snapshot),
        scores=pl.DataFrame(spec.scores, infer_schema_length=None),
        booster_text=booster.read_text() if booster.exists() else None, tree_settings=tree_settings, notes=spec.notes,
        learned=plain_form.put_together(orjson.loads((folder / NUMBERS).read_bytes()), arrays, KEPT),
    )  # fmt: skip


def _table(snapshot: Snapshot) -> pl.DataFrame:
    """The back-test in the columns that `Forecast.backtest` has."""
    rows, spec = np.asarray(snapshot.backtest), snapshot.spec
    keys = pl.Series([Node(**node).key for node in spec.nodes], dtype=pl.String)
    cutoff, ds = (pl.Series([EPOCH + timedelta(days=int(day)) for day in rows[:, at]], dtype=pl.Date) for at in (1, 2))
    means = ["mean" if name == "ensemble" else f"mean_{name}" for name in spec.variants]
    columns: dict[str, Any] = {
        "node": keys.gather(rows[:, 0].astype(int)), "cutoff": cutoff,
        "step": ((rows[:, 2] - rows[:, 1]) / 7).round().astype(np.int32), "ds": ds, "y": rows[:, 3],
    }  # fmt: skip
    columns |= {name: rows[:, 6 + k] for k, name in enumerate(means)}
    columns |= {"seasonal_naive": rows[:, 4], "mean_4": rows[:, 5]}
    columns |= {f"q_{level:g}": rows[:, 6 + len(means) + k] for k, level in enumerate(spec.backtest_levels)}
    return pl.DataFrame(columns).with_columns(pl.col(pl.Float32).fill_nan(None))
