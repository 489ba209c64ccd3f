"""What does the comparison look like? The same bars as a PNG and in a terminal. Draws; computes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

MEASURES = (("mase", "MASE (lower is better)"), ("wql", "weighted quantile loss (lower is better)"))
ROLE_COLOURS = {"ours": "#0b6e4f", "member": "#7fb69e", "peer": "#3b6ea5", "reference": "#9a9a9a"}
MOST_STRETCH = 3.0
"""A bar is cut at this many times ours, so that one hopeless contender does not flatten all others."""


def overall(scores: pl.DataFrame) -> pl.DataFrame:
    """The rows over all windows and kinds that were answered at all, best MASE (or quantile loss) first."""
    rows = scores.filter((pl.col("window") == "all") & (pl.col("kind") == "all") & (pl.col("answered") > 0))
    return rows.sort("mase" if rows["mase"].is_not_null().any() else "wql", nulls_last=True, maintain_order=True)


def write_png(scores: pl.DataFrame, path: Path, title: str) -> None:
    """Four panels: MASE, quantile loss, coverage of the 80 and 95 % intervals, seconds. Without pyplot or any display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = overall(scores).reverse()
    names, colours = rows["contender"].to_list(), [ROLE_COLOURS[role] for role in rows["role"]]
    figure = Figure(figsize=(13, max(4.0, 1.6 + 0.6 * len(names))), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    axes = figure.subplots(2, 2)
    for axis, (column, heading) in zip(axes[0], MEASURES, strict=True):
        _bars(axis, names, rows[column].to_list(), colours, heading, _cut(rows, column))
    _coverage(axes[1][0], rows, names)
    _bars(axes[1][1], names, rows["seconds"].to_list(), colours, "seconds (wall)", None)
    figure.savefig(path, dpi=110, format="png")


def terminal(scores: pl.DataFrame, width: int) -> str:
    """Two bar charts in plain characters: MASE and quantile loss."""
    import plotext

    plotext.terminal.limit(False, False)
    rows = overall(scores).reverse()
    drawn = []
    for column, heading in MEASURES:
        known = rows.filter(pl.col(column).is_not_null())
        if not known.is_empty():
            figure = plotext.figure
            figure.clear()
            figure.theme("colorless")
            figure.plot_size(width, len(known) + 4)
            drawn.append(_terminal_bars(figure, known, column, heading, _cut(rows, column) or float("inf")))
    return "\n".join(drawn)


def _terminal_bars(figure: Any, rows: pl.DataFrame, column: str, heading: str, most: float) -> str:
    values = rows[column].to_list()
    names = [f"{name} {value:.3f}{'→' if value > most else ''}" for name, value in zip(rows["contender"], values, strict=True)]
    shown = [min(value, most) for value in values]
    figure.draw(figure.bar(names, shown, orientation="h", width=0.3, marker="█"))
    figure.ruler("x").lim(0, max(*shown, 1e-9))
    figure.title(heading)
    return str(figure.build().string(colorless=True))


def _cut(rows: pl.DataFrame, column: str) -> float | None:
    ours = rows.filter(pl.col("role") == "ours")[column]
    return MOST_STRETCH * ours[0] if len(ours) and ours[0] else None


def _bars(
    axis: Any, names: list[str], values: list[float | None], colours: list[str], heading: str, most: float | None
) -> None:
    known = [value or 0.0 for value in values]
    shown = [min(value, most) if most else value for value in known]
    axis.barh(names, shown, color=colours)
    for at, (value, length) in enumerate(zip(values, shown, strict=True)):
        text = "undefined" if value is None else f"{value:.3g}{' →' if length < value else ''}"
        axis.text(length, at, f" {text}", va="center", fontsize=8)
    axis.set_title(heading, fontsize=10)
    axis.margins(x=0.15)


def _coverage(axis: Any, rows: pl.DataFrame, names: list[str]) -> None:
    for level, marker in (("80", "o"), ("95", "s")):
        known = [(value, at) for at, value in enumerate(rows[f"coverage_{level}"]) if value is not None]
        axis.scatter([value for value, _ in known], [at for _, at in known], marker=marker, label=f"{level} % interval")
        axis.axvline(int(level) / 100, linestyle=":", color="#555555")
    axis.set_yticks(range(len(names)), names)
    axis.set_title("share of outcomes inside", fontsize=10)
    axis.set_xlim(0, 1.02)
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.legend(loc="lower left", fontsize=8)
