"""How good are the crossings foretold on a CSV of my own, and would a line by hand do better? `rfid3 quality evaluate`."""

from __future__ import annotations

import json
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rfid3_quality.commands.history_csv import History, read_history
from rfid3_quality.commands.project import BAD_INPUT, direction_of, write
from rfid3_shared.errors import AppError, InvalidParameters, ModelUnavailable

if TYPE_CHECKING:
    import polars as pl

HEADINGS = {
    "contender": "", "share": "from", "origins": "units", "crossed": "crossed", "answered": "answered", "mean_error_t": "error, t",
    "mean_error_life_ratio": "of life", "worst_error_life_ratio": "worst", "coverage_80": "in 80 %", "width_life_ratio": "width of life",
    "open_ended": "open-ended",
}  # fmt: skip
PLAIN = "rfid3, no columns"
"""Ours, told from time and score alone: what further columns are worth."""
RATIOS = ("share", "mean_error_life_ratio", "worst_error_life_ratio", "coverage_80", "width_life_ratio")


def evaluate(
    history: Annotated[
        Path, typer.Option("--history", "-i", help="CSV with columns unit, t, score; whole lives, as far as known.")
    ],
    threshold: Annotated[float, typer.Option("--threshold", "-x", help="The score at which a unit has worn out.")],
    shares: Annotated[str, typer.Option("--shares", help="Shares of a life to foretell from, by commas.")] = "0.5",
    of: Annotated[
        str,
        typer.Option("--of", help="life | record: shares of a unit's life, or of its whole record (then no end is needed)."),
    ] = "life",
    others: Annotated[
        str, typer.Option("--others", help="cut | complete: whether other units are known up to the same time, or whole.")
    ] = "cut",
    direction: Annotated[str | None, typer.Option("--direction", help="falls | rises; recognised by default.")] = None,
    units: Annotated[int | None, typer.Option("--units", min=1, help="At most so many units, evenly picked.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="CSV of every crossing foretold, by contender.")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="PNG to draw.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON instead of a table.")] = False,
) -> None:
    """Hold our crossings against straight and exponential lines on your data, from shares of each unit's life.

    Example: rfid3 quality evaluate --history cells.csv --threshold 1.4 --shares 0.3,0.5,0.7 --plot crossings.png

    Every contender sees readings up to each origin only. The table tells errors in time and as shares of life where the unit
    crossed, how many of the 80 % intervals held (a unit still good counts too), and how wide they were. Further columns are
    chosen anew at each origin, from what was known then, and ours is shown without them besides. Exit code 2 means that the
    input was refused.
    """
    from rich.console import Console

    notes = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        for place in (output, plot):
            if place is not None and not place.parent.is_dir():
                raise InvalidParameters(f"There is no folder {place.parent}.", parameter="output")
        if plot is not None and find_spec("matplotlib") is None:
            raise ModelUnavailable(
                "--plot needs the package matplotlib: pip install 'rfid3-quality[evaluate]'.", package="matplotlib"
            )
        given = read_history(history)
        each = _run(given, threshold, direction, _shares(shares), of, others, units, notes)
        if output is not None:
            write(each, output)
        if plot is not None:
            from rfid3_quality.evaluation import chart

            chart.write_png(each, plot, f"{history.name}: when is {threshold:g} crossed?")
    except AppError as error:
        notes.print(f"[red]Refused:[/red] {error.message}")
        raise typer.Exit(BAD_INPUT) from None
    for note in given.notes:
        notes.print(f"Note: {note}.", markup=False)
    _show(each, f"{history.name}: crossing {threshold:g}", as_json)


def _run(
    given: History,
    threshold: float,
    direction: str | None,
    shares: list[float],
    of: str,
    others: str,
    units: int | None,
    notes: Any,
) -> pl.DataFrame:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from rfid3_quality.evaluation import scores
    from rfid3_quality.evaluation.foretellers import FORETELLERS
    from rfid3_quality.evaluation.origins import origins, without_columns

    if of not in ("life", "record") or others not in ("cut", "complete"):
        raise InvalidParameters("--of is life or record, --others is cut or complete.", parameter="of")
    way = direction_of(given, threshold, direction)
    records = given.records
    if units is not None and units < len(records):
        records = [records[round(k * (len(records) - 1) / max(units - 1, 1))] for k in range(units)]
    asked = origins(
        records, threshold, way, shares, "life" if of == "life" else "record", "cut" if others == "cut" else "complete"
    )
    if not asked:
        raise InvalidParameters(
            f"No unit has three readings before it crosses {threshold:g} at these shares: there is nothing to foretell.",
            parameter="threshold",
        )
    contenders = {**FORETELLERS, PLAIN: FORETELLERS["rfid3"]} if given.names else FORETELLERS
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True) as bars:
        foretold = {}
        for name, tell in contenders.items():
            known = [without_columns(origin) for origin in asked] if name == PLAIN else asked
            foretold[name] = tell(known, threshold, way, partial(bars.advance, bars.add_task(name, total=len(asked))))
    return scores.rows(asked, foretold)


def _shares(text: str) -> list[float]:
    try:
        found = sorted({float(part) for part in text.split(",") if part.strip()})
    except ValueError:
        raise InvalidParameters(f"--shares are numbers separated by commas, not {text!r}.", parameter="shares") from None
    if not found or not all(0 < share < 1 for share in found):
        raise InvalidParameters("--shares lie between 0 and 1.", parameter="shares")
    return found


def _show(each: pl.DataFrame, title: str, as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from rfid3_quality.evaluation import scores

    found = scores.table(each)
    if as_json:
        typer.echo(json.dumps({"title": title, "scores": found.to_dicts()}, ensure_ascii=False))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    shown = Table(*HEADINGS.values(), title=title)
    for row in found.iter_rows(named=True):
        shown.add_row(*(_cell(name, row[name]) for name in HEADINGS))
    console.print(shown)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name in RATIOS:
        return f"{value:.0%}" if name == "share" else f"{value:.1%}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
