"""How good was each contender? One row per contender, window and kind of demand, and ours on the series it answered.

MASE and sMAPE are of the median (a peer's median is its point forecast), in-sample scale at the seasonal lag; the quantile loss is
the mean over the nine deciles, points standing in for all of them where a contender gives no quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from rfid3_demand.evaluation.ours import OURS
from rfid3_demand.evaluation.race import Result
from rfid3_demand.evaluation.rolling import Window
from rfid3_demand.evaluation.said import DECILES, LEVELS
from rfid3_shared import evaluate

MEDIAN = LEVELS.index(0.5)
INTERVALS = {"80": (LEVELS.index(0.1), LEVELS.index(0.9)), "95": (LEVELS.index(0.025), LEVELS.index(0.975))}


@dataclass(frozen=True)
class Truth:
    """Outcomes of all windows, one row per window and series."""

    windows: Sequence[Window]
    season: int

    @cached_property
    def y(self) -> np.ndarray:
        """(N, H)."""
        return np.concatenate([window.truth for window in self.windows])

    @cached_property
    def scale(self) -> np.ndarray:
        """(N,) in-sample error of the seasonal naive forecast; NaN where a history never changes: no MASE."""
        return np.concatenate([np.atleast_1d(evaluate.mase_scale(w.panel.y, self.season)) for w in self.windows])

    @cached_property
    def kinds(self) -> np.ndarray:
        """(N,) kind of demand of the history at that origin."""
        return np.concatenate([evaluate.classify_all(window.panel.y) for window in self.windows])

    @cached_property
    def origins(self) -> np.ndarray:
        """(N,) steps between origin and end."""
        return np.concatenate([np.full(len(window.truth), window.back) for window in self.windows])

    @property
    def counts(self) -> bool:
        """Whether every window's panel holds counts."""
        return all(window.panel.counts for window in self.windows)


@dataclass(frozen=True)
class Sheet:
    """What one contender said, one row per window and series."""

    result: Result

    @cached_property
    def mean(self) -> np.ndarray:
        """(N, H)."""
        return np.concatenate(self.result.mean)

    @cached_property
    def quantiles(self) -> np.ndarray:
        """(N, H, LEVELS); the point at every level where there are no quantiles."""
        given = np.concatenate(self.result.quantiles)
        return np.where(np.isfinite(given), given, self.mean[..., None])

    @cached_property
    def answered(self) -> np.ndarray:
        """(N,) whether every step was answered."""
        return np.asarray(np.isfinite(self.mean).all(axis=1))


def table(windows: Sequence[Window], results: Sequence[Result], season: int) -> pl.DataFrame:
    """Columns contender, role, window (steps before the end, or all), kind (or all), answered, of, mase, wql, smape, owa,
    coverage_80, coverage_95, below_90, at_90, below_97.5, at_97.5 (shares of outcomes strictly below, and at or below, that
    quantile), seconds, stopped, failed, point_only, counts, rfid3_mase, rfid3_wql (ours on what
    both answered), common_mase, common_wql (theirs on that).
    """
    truth = Truth(windows, season)
    sheets = {result.name: Sheet(result) for result in results}
    found: list[dict[str, Any]] = []
    for name, sheet in sheets.items():
        for window, kind, rows in _groups(truth):
            said = rows & sheet.answered
            line: dict[str, Any] = {"contender": name, "role": sheet.result.role, "window": window, "kind": kind}
            line |= {"answered": int(said.sum()), "of": int(rows.sum())} | _scores(truth, sheet, said)
            line["owa"] = _owa(truth, sheet, sheets.get("Naive2"), said)
            whole = window == kind == "all"
            line |= {"seconds": sheet.result.seconds if whole else None, "stopped": sheet.result.stopped}
            line |= {
                "failed": len(sheet.result.faults) if whole else None,
                "point_only": sheet.result.point_only,
                "counts": truth.counts,
            }
            found.append(line | _compared(truth, sheet, sheets.get(OURS), said))
    return pl.DataFrame(found, infer_schema_length=None).with_columns(pl.col(pl.Float64).fill_nan(None))


def _groups(truth: Truth) -> list[tuple[str, str, np.ndarray]]:
    everything = np.ones(len(truth.y), dtype=bool)
    kinds = [("all", str(kind), truth.kinds == kind) for kind in np.unique(truth.kinds)]
    origins = [(str(back), "all", truth.origins == back) for back in np.unique(truth.origins)[::-1]]
    return [("all", "all", everything), *(kinds if len(kinds) > 1 else []), *(origins if len(origins) > 1 else [])]


def mase(y: np.ndarray, forecast: np.ndarray, scale: np.ndarray) -> float:
    """Mean over rows of the mean absolute error in units of its scale; rows without scale or outcome are left out."""
    error = np.abs(y - forecast)
    known = np.isfinite(error)
    count = known.sum(axis=1)
    row = np.divide(np.where(known, error, 0.0).sum(axis=1), count * scale, out=np.full(len(y), np.nan), where=count > 0)
    row = row[np.isfinite(row)]
    return float(row.mean()) if len(row) else float("nan")


def _scores(truth: Truth, sheet: Sheet, rows: np.ndarray) -> dict[str, float | None]:
    y, q = truth.y[rows], sheet.quantiles[rows]
    result: dict[str, float | None] = {
        "mase": mase(y, q[..., MEDIAN], truth.scale[rows]),
        "wql": evaluate.weighted_quantile_loss(y, q[..., 1:10], DECILES) if len(y) else None,
        "smape": evaluate.smape(y, q[..., MEDIAN]),
    }
    for name, (low, high) in INTERVALS.items():
        inside = None if sheet.result.point_only else evaluate.coverage(y, q[..., low], q[..., high])
        result[f"coverage_{name}"] = inside
    for name, level in (("90", 0.9), ("97.5", 0.975)):
        band = (None, None) if sheet.result.point_only else evaluate.calibration_band(y, q[..., LEVELS.index(level)])
        result |= {f"below_{name}": band[0], f"at_{name}": band[1]}
    return result


def _owa(truth: Truth, sheet: Sheet, naive: Sheet | None, rows: np.ndarray) -> float | None:
    if naive is None:
        return None
    rows = rows & naive.answered
    y, scale, said, plain = truth.y[rows], truth.scale[rows], sheet.quantiles[rows][..., MEDIAN], naive.mean[rows]
    return evaluate.owa(evaluate.smape(y, said), mase(y, said, scale), evaluate.smape(y, plain), mase(y, plain, scale))


def _compared(truth: Truth, sheet: Sheet, ours: Sheet | None, rows: np.ndarray) -> dict[str, float | None]:
    """Ours and theirs on the rows that both answered: the only fair comparison when time ran out for one of them."""
    found: dict[str, float | None] = {}
    both = rows if ours is None else rows & ours.answered
    for name, one in (("rfid3", ours), ("common", sheet)):
        known = one is not None and ours is not None and bool(both.any())
        q = one.quantiles[both] if one is not None and known else None
        found[f"{name}_mase"] = None if q is None else mase(truth.y[both], q[..., MEDIAN], truth.scale[both])
        found[f"{name}_wql"] = None if q is None else evaluate.weighted_quantile_loss(truth.y[both], q[..., 1:10], DECILES)
    return found
