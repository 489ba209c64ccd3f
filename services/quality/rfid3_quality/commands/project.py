"""When will each of my units cross a threshold? `rfid3 quality project` on a CSV of readings of anything that wears."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer

from rfid3_quality.commands.history_csv import History, read_history
from rfid3_shared.errors import AppError, InvalidParameters

if TYPE_CHECKING:
    from rfid3_quality.model.degradation import Degradation
    from rfid3_quality.model.first_passage import Crossing, Direction

BAD_INPUT = 2
MOST_NAMED = 5
CROSSINGS = {"unit": pl.String, "t_cross_median": None, "t_cross_lower": None, "t_cross_upper": None}
PATHS = {"unit": pl.String, "t": None, "median": pl.Float64, "lower": pl.Float64, "upper": pl.Float64}


def project(
    history: Annotated[Path, typer.Option("--history", "-i", help="CSV with columns unit, t (number or date), score.")],
    threshold: Annotated[float, typer.Option("--threshold", "-x", help="The score at which a unit has worn out.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="CSV to write: unit, t_cross_median, t_cross_lower, t_cross_upper.")
    ],
    path: Annotated[
        Path | None, typer.Option("--path", help="CSV to write besides: unit, t, median, lower, upper of the score to come.")
    ] = None,
    direction: Annotated[
        str | None, typer.Option("--direction", help="falls | rises: which way wear moves scores; recognised by default.")
    ] = None,
    reach: Annotated[float, typer.Option("--reach", min=0.1, help="How far to look, in lengths of the longest record.")] = 5.0,
) -> None:
    """When will each unit's score cross a threshold? With an 80 % interval that is checked on the past.

    Example: rfid3 quality project --history cells.csv --threshold 1.4 --output crossings.csv --path paths.csv

    A row is one reading: unit,t,score as in  B0005,62,1.643. Units learn from each other: those with few readings follow the
    others more. Several shapes of path are weighed by how well they foretold later readings from earlier ones inside the
    history. Further columns (numbers, or a few words) move a unit's pace where units left out are foretold better with them;
    which are used, and which are not, is said. Wear is taken not to heal. A field left empty means: not within the reach. A
    unit that is beyond the threshold already gets the time of that reading three times. Exit code 2 means that the input was
    refused; then nothing is written.
    """
    from rich.console import Console

    notes = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        for place in (output, path):
            if place is not None and not place.parent.is_dir():
                raise InvalidParameters(f"There is no folder {place.parent}.", parameter="output")
        given = read_history(history)
        model, way, found = _run(given, threshold, direction, reach, notes)
        write(_crossings(given, found), output)
        if path is not None:
            write(_paths(given, found), path)
    except AppError as error:
        notes.print(f"[red]Refused:[/red] {error.message}", markup=True)
        raise typer.Exit(BAD_INPUT) from None
    _tell(given, model, way, found, threshold, output, notes)


def direction_of(given: History, threshold: float, direction: str | None) -> Direction:
    """Which way wear moves the scores: as said, or as recognised. Raises InvalidParameters where neither can be."""
    from rfid3_quality.model.first_passage import recognised

    if direction == "falls":
        return "falls"
    if direction == "rises":
        return "rises"
    if direction is not None:
        raise InvalidParameters(f"--direction is falls or rises, not {direction!r}.", parameter="direction")
    try:
        return recognised(given.records, threshold)
    except ValueError as error:
        raise InvalidParameters(str(error), parameter="direction") from None


def columns_told(given: History, model: Degradation) -> list[str]:
    """Which further columns are used, what they do and how much they help; which are not, and why."""
    if not given.names:
        return []
    used = model.columns.places
    left = [name for place, name in enumerate(given.names) if place not in used]
    if not model.columns.asked:
        return [f"{', '.join(left)} not used: too few units have readings enough to tell whether they help"]
    told = []
    if used:
        _, heaviest = max(model.parts, key=lambda part: part[0])
        ratios = zip(used, heaviest.pace_ratios, strict=True)
        named = ", ".join(f"{given.names[place]} (one standard deviation more: pace {ratio:+.0%})" for place, ratio in ratios)
        told.append(
            f"{named} used: later readings of units left out are foretold better, by {model.columns.gain:.2f} in log score"
        )
    if left:
        told.append(
            f"{', '.join(left)} not used: tried on {model.columns.asked} units, no help in foretelling their later readings"
        )
    return told


def write(table: pl.DataFrame, output: Path) -> None:
    """All or nothing: a half-written file never bears the name asked for."""
    part = output.with_name(output.name + ".part")
    table.write_csv(part)
    os.replace(part, output)


def _run(
    given: History, threshold: float, direction: str | None, reach: float, notes: Any
) -> tuple[Degradation, Direction, list[Crossing]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from rfid3_quality.model.degradation import fit_degradation
    from rfid3_quality.model.first_passage import crossing

    way = direction_of(given, threshold, direction)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True) as bars:
        fitting = bars.add_task("weighing shapes of path", total=None)
        try:
            model = fit_degradation(given.records, -1.0 if way == "falls" else 1.0)
        except ValueError as error:
            raise InvalidParameters(f"{error} A projection needs at least that.", parameter="history") from None
        bars.update(fitting, total=1, completed=1)
        crossings = bars.add_task("carrying paths on", total=len(given.records))
        found = []
        for record in given.records:
            found.append(crossing(model, record, threshold, way, reach))
            bars.advance(crossings)
    return model, way, found


def _crossings(given: History, found: list[Crossing]) -> pl.DataFrame:
    time = pl.Float64 if given.written is None else pl.String
    rows = [(one.unit, *(given.shown(t) for t in (one.median_t, one.lower_t, one.upper_t))) for one in found]
    return pl.DataFrame(rows, schema={name: kind or time for name, kind in CROSSINGS.items()}, orient="row")


def _paths(given: History, found: list[Crossing]) -> pl.DataFrame:
    time = pl.Float64 if given.written is None else pl.String
    rows = [
        (one.unit, given.shown(float(one.t[k])), one.median[k], one.lower[k], one.upper[k])
        for one in found
        for k in range(len(one.t))
    ]
    table = pl.DataFrame(rows, schema={name: kind or time for name, kind in PATHS.items()}, orient="row")
    return table.with_columns(pl.col("median", "lower", "upper").round_sig_figs(6))


def _tell(
    given: History, model: Degradation, way: Direction, found: list[Crossing], threshold: float, output: Path, notes: Any
) -> None:
    for note in given.notes:
        notes.print(f"Note: {note}.", markup=False)
    verb = "fall to or below" if way == "falls" else "rise to or above"
    open_end = [one.unit for one in found if one.upper_t == float("inf")]
    beyond = [one.unit for one in found if one.crossed]
    still = [record.unit for record in given.records if len(record.t) > 1 and (record.y == record.y[0]).all()]
    few = [record.unit for record in given.records if len(record.t) < 3]
    for units, what in (
        (beyond, "crossed already: the time of the reading is given"),
        (open_end, "may not cross within the reach: the field is left empty"),
        (still, "never moved: the others' paths are all there is to go by" if len(found) > 1 else "never moved"),
        (few, "have one or two readings: the interval rests on the other units"),
    ):
        if units:
            named = ", ".join(units[:MOST_NAMED]) + (" …" if len(units) > MOST_NAMED else "")
            notes.print(f"Note: {len(units)} of {len(found)} {what} ({named}).", markup=False)
    for line in columns_told(given, model):
        notes.print(f"Note: {line}.", markup=False)
    if not model.checked:
        notes.print(
            "Note: no unit has readings enough to check the interval on the past; it rests on the stated beliefs alone."
        )
    shapes = ", ".join(f"{name} {weight:.0%}" for name, weight in list(model.weights.items())[:3])
    typer.echo(f"{len(found)} units {verb} {threshold:g} → {output}. Shapes: {shapes}; checked on {model.checked} units.")
