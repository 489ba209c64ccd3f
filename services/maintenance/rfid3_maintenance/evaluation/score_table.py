"""How do the scores read in a terminal? One line a measure, one column a contender."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from rfid3_maintenance.evaluation.cross_validation import Race

if TYPE_CHECKING:
    from rich.table import Table

NAMES = {
    "brier": "Brier", "integrated_brier": "integrated Brier", "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept", "told": "mean chance told", "happened": "share that failed", "auc": "AUC",
    "f1": "F1 of alerts", "c_index": "C-index", "rul_rmse": "remaining time, RMSE", "rul_rmse_median": "… of the median",
    "rul_coverage_80": "in 80 % interval", "rul_width_80": "its median width", "seconds": "seconds",
}  # fmt: skip
LOWER = ("brier", "integrated_brier", "rul_rmse", "rul_rmse_median")
HIGHER = ("auc", "f1", "c_index")
NEAREST = {"calibration_slope": 1.0, "calibration_intercept": 0.0, "rul_coverage_80": 0.8}


def rich_table(race: Race, scores: pl.DataFrame, title: str) -> Table:
    """Measures by horizon; the best of each line is bold."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, caption="bold: best of its line")
    table.add_column("", no_wrap=True)
    table.add_column("within", justify="right", no_wrap=True)
    contenders = [each.contender.name for each in race.results]
    for name in contenders:
        table.add_column(name, justify="right", no_wrap=True)
    lines = scores.select("measure", "horizon").unique(maintain_order=True)
    order = {name: at for at, name in enumerate(NAMES)}
    for measure, horizon in sorted(lines.iter_rows(), key=lambda line: (order[line[0]], line[1] or 0.0)):
        rows = scores.filter((pl.col("measure") == measure) & pl.col("horizon").eq_missing(pl.lit(horizon, pl.Float64)))
        values = dict(rows.select("contender", "value").iter_rows())
        best = _best(measure, values)
        cells = [_cell(values.get(name), measure, name in best) for name in contenders]
        table.add_row(NAMES[measure], "" if horizon is None else f"{horizon:g}", *cells)
    return table


def _best(measure: str, values: dict[str, float | None]) -> set[str]:
    known = {name: value for name, value in values.items() if value is not None}
    if len(known) < 2:
        return set()
    if measure in LOWER:
        distance = known
    elif measure in HIGHER:
        distance = {name: -value for name, value in known.items()}
    elif measure in NEAREST:
        distance = {name: abs(value - NEAREST[measure]) for name, value in known.items()}
    else:
        return set()
    least = min(distance.values())
    return {name for name, value in distance.items() if value <= least}


def _cell(value: float | None, measure: str, best: bool) -> str:
    if value is None:
        return "–"
    text = f"{value:.1f}" if measure == "seconds" or measure.startswith(("rul_rmse", "rul_width")) else f"{value:.3f}"
    return f"[bold]{text}[/bold]" if best else text
