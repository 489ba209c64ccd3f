"""How do the scores read in a terminal? One line per contender, best first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from rich.box import SIMPLE_HEAD

from rfid3_demand.evaluation.chart import overall

if TYPE_CHECKING:
    from rich.table import Table


CAPTION = "• a point stands for every quantile · rfid3 there: our MASE / WQL on the series that it answered"


def rich_table(scores: pl.DataFrame, title: str) -> Table:
    """Over all windows: answered, MASE, quantile loss, sMAPE, OWA, coverage, seconds, and ours on the same series."""
    from rich.table import Table

    counts = scores["counts"].any()
    table = Table(title=title, caption=CAPTION, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    headings = ["answered", "MASE", "WQL", "sMAPE", "OWA", "in 80 %", "in 95 %", *(["q0.9 band"] if counts else []), "seconds"]
    for heading in (*headings, "rfid3 there"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in overall(scores).iter_rows(named=True):
        style = "bold green" if row["role"] == "ours" else "dim" if row["role"] == "reference" else None
        table.add_row(*_cells(row, counts), style=style)
    silent = scores.filter((pl.col("window") == "all") & (pl.col("kind") == "all") & (pl.col("answered") == 0))
    for row in silent.filter(pl.col("role") != "member").iter_rows(named=True):
        blank = ["–"] * (len(headings) - 2)
        table.add_row(row["contender"], f"0 of {row['of']}", *blank, f"{row['seconds']:.1f}", "–", style="red")
    return table


def _cells(row: dict[str, Any], counts: bool) -> list[str]:
    def number(name: str, digits: int = 3) -> str:
        return "–" if row[name] is None else f"{row[name]:.{digits}f}"

    band = "–" if row["below_90"] is None else f"{row['below_90']:.3f}–{row['at_90']:.3f}"
    wql = number("wql") + ("•" if row["point_only"] else " ")
    return [
        row["contender"], f"{row['answered']} of {row['of']}", number("mase"), wql, number("smape", 2), number("owa"),
        number("coverage_80"), number("coverage_95"), *([band] if counts else []), number("seconds", 1),
        f"{number('rfid3_mase')} / {number('rfid3_wql')}",
    ]  # fmt: skip
