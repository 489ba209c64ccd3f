"""What is answered about the machines asked about? Two fits where some have a past and others none; each asked about its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from rfid3_maintenance.unit_history import fitted
from rfid3_maintenance.unit_history.fitted import Fitted, Progress
from rfid3_maintenance.unit_history.landmarks import Reading
from rfid3_maintenance.unit_history.recipe import typical_step
from rfid3_maintenance.unit_history.table import TIME, UNIT, UnitTable, joined

LEAST_PAST = 5
"""Rows until now from which on a unit's past is taken to be known."""
RUL_COLUMNS = ("rul_lower", "rul_median", "rul_upper")


@dataclass(frozen=True)
class Answered:
    """The table to write, the fits behind it, and what must be said."""

    table: pl.DataFrame
    fits: list[Fitted]
    extended: int
    """Medians beyond the longest stretch ever seen."""
    notes: list[str] = field(default_factory=list)


def answer(
    past: UnitTable, now: UnitTable, horizons: Sequence[float], kind: Reading, costs: tuple[float, float] | None, every_row: bool,
    progress: Progress,
) -> Answered:  # fmt: skip
    """Columns unit, [t,] p_<h> …, rul_median, rul_lower, rul_upper, alert (0 or 1; null without a threshold), in the order of `now`.

    A unit of which next to nothing is known but its present row would look to rolling features like one that has just begun; it is
    asked of a fit on present values alone.
    """
    whole, places = joined(past, now) if kind == "course" else (now, np.arange(len(now)))
    asked = places if every_row or kind != "course" else places[_last_of_unit(whole.unit[places])]
    known = _rows_until(whole)[asked] >= LEAST_PAST if kind == "course" else np.ones(len(asked), dtype=bool)
    begins = _began_before(past, whole, asked) if kind == "course" else known
    deep = known | begins
    parts: list[tuple[Fitted, np.ndarray]] = []
    notes: list[str] = []
    for with_past, chosen in ((True, deep), (False, ~deep)):
        if chosen.any():
            fit = fitted.fit(past, horizons, reading=kind, rolling_past=with_past, costs=costs, progress=progress)
            notes += [note for note in fit.recipe.check(now) if note not in notes]
            parts.append((fit, chosen))
    if (~deep).any():
        notes.append(f"of {int((~deep).sum())} units nothing but the present is told: they are judged by present values alone")
    chance = np.empty((len(asked), len(horizons)))
    rul, extended = np.empty((len(asked), 3)), np.zeros((len(asked), 3), dtype=bool)
    alert: list[int | None] = [None] * len(asked)
    for fit, chosen in parts:
        told = fit.foresee(whole, asked[chosen], horizons)
        chance[chosen], rul[chosen], extended[chosen] = told.probability, told.rul, told.extended
        if told.alert is not None:
            for row, ring in zip(np.flatnonzero(chosen), told.alert, strict=True):
                alert[row] = int(ring)
    columns: dict[str, object] = {UNIT: [now.names[unit] for unit in whole.unit[asked]]}
    if every_row:
        columns[TIME] = whole.t[asked]
    columns |= {f"p_{h:g}": chance[:, k] for k, h in enumerate(horizons)}
    values = dict(zip(RUL_COLUMNS, rul.T, strict=True))
    columns |= {name: values[name] for name in ("rul_median", "rul_lower", "rul_upper")}
    table = pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None).round_sig_figs(7))
    return Answered(
        table.with_columns(pl.Series("alert", alert, dtype=pl.Int64)),
        [fit for fit, _ in parts],
        int(extended[:, 1].sum()),
        notes,
    )


def _last_of_unit(unit: np.ndarray) -> np.ndarray:
    """(rows,) bool: the last row of each unit; units ascending."""
    return np.append(unit[1:] != unit[:-1], True)


def _rows_until(table: UnitTable) -> np.ndarray:
    """(rows,) how many rows of its life there are until each row, itself among them."""
    edges = table.life_starts()
    return np.asarray(np.arange(len(table)) - np.repeat(edges[:-1], np.diff(edges)) + 1)


def _began_before(past: UnitTable, whole: UnitTable, asked: np.ndarray) -> np.ndarray:
    """(asked,) bool: units so young that a short past is their whole past, as it is of the young ones in the history."""
    first = past.t[past.life_starts()[:-1]]
    return np.asarray(whole.t[asked] < np.median(first) + LEAST_PAST * typical_step(past))
