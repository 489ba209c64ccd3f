"""Which of my machines will fail, and how soon? `rfid3 maintenance predict` on CSVs of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rfid3_shared.errors import AppError, InsufficientData, InvalidParameters

if TYPE_CHECKING:
    import polars as pl

    from rfid3_maintenance.unit_history.landmarks import Reading
    from rfid3_maintenance.unit_history.table import UnitTable

BAD_INPUT, NO_ANSWER = 2, 1
READINGS = ("auto", "course", "lives", "single")


def predict(
    history: Annotated[
        Path, typer.Option("--history", help="CSV (or .csv.gz) with columns unit, t, event; further columns are features.")
    ],
    current: Annotated[
        Path, typer.Option("--current", help="CSV with unit, t and the same features: the machines asked about, with any past.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="CSV to write: unit, p_7, …, rul_median, rul_lower, rul_upper, alert.")
    ],
    horizons: Annotated[str, typer.Option("--horizons", help="How far ahead, in units of t, separated by commas.")] = "7,30,90",
    miss_cost: Annotated[
        float | None, typer.Option("--miss-cost", min=0.0, help="What a failure without an alert costs; with --alarm-cost.")
    ] = None,
    alarm_cost: Annotated[
        float | None, typer.Option("--alarm-cost", min=0.0, help="What an alert without a failure costs; with --miss-cost.")
    ] = None,
    reading: Annotated[
        str,
        typer.Option(
            "--reading", help="auto | course (several rows a unit) | lives (one row: t is how long it lasted) | single."
        ),
    ] = "auto",
    every_row: Annotated[
        bool, typer.Option("--every-row", help="A line for each row of --current (with its t), not only each unit's last.")
    ] = False,
) -> None:
    """Chances of failure, remaining time with its 80 % interval, and alerts for machines of your own.

    Example: rfid3 maintenance predict --history machines.csv --current today.csv --horizons 7,30,90 --output chances.csv

    machines.csv has a row for each machine and moment: unit, t (days, cycles or hours), event (1 in the last row of a machine that
    failed, 0 in all others) and what was measured. Numbers and words are both taken; gaps, late beginnings and machines still
    running are no trouble. today.csv has the machines asked about: their last row is answered, earlier ones (there or in the
    history) are their past. Machines may be unknown to the history.

    One row a machine: where t differs it is how long each lasted; where t is missing or the same (or the only horizon is 1) the rows
    are single observations, and the chance is that of the event in one.

    The alert threshold is chosen on the history alone, on machines held out of the fit: best F1, or least cost with --miss-cost and
    --alarm-cost, for the shortest horizon. Exit code 2: the input was refused; 1: the history does not say enough. Then nothing is
    written.
    """
    from rich.console import Console

    notes = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        table, said = _run(history, current, output, horizons, _costs(miss_cost, alarm_cost), reading, every_row, notes)
        from rfid3_maintenance.commands.units_csv import write

        write(table, output)
    except InsufficientData as error:
        notes.print(f"[red]Not enough is known:[/red] {error.message}", markup=True)
        raise typer.Exit(NO_ANSWER) from None
    except AppError as error:
        notes.print("[red]Refused:[/red]", end=" ")
        notes.print(error.message, markup=False)
        raise typer.Exit(BAD_INPUT) from None
    for line in said:
        typer.echo(line)


def _run(
    history: Path, current: Path, output: Path, horizons: str, costs: tuple[float, float] | None, reading: str, every_row: bool,
    notes: Any,
) -> tuple[pl.DataFrame, list[str]]:  # fmt: skip
    """Read, learn, answer; the summary's lines."""
    from rfid3_maintenance.commands import answers, said, units_csv
    from rfid3_maintenance.commands.bar import Bar
    from rfid3_maintenance.unit_history import landmarks
    from rfid3_maintenance.unit_history.table import EVENT, TIME, UNIT

    asked = units_csv.horizons_of(horizons)
    units_csv.place_for(output)
    past = units_csv.read_units(history, needs=(UNIT, EVENT))
    kind = reading_of(reading, past, asked)
    now = units_csv.read_units(current, needs=(UNIT, TIME) if needs_time(past, kind) else (UNIT,))
    for note in said.about(past, now, kind, asked):
        notes.print(f"Note: {note}.", markup=False)
    with Bar(notes) as bar:
        answered = answers.answer(past, now, asked, kind, costs, every_row, bar)
    for note in answered.notes:
        notes.print(f"Note: {note}.", markup=False)
    return answered.table, said.summary(answered, asked, output, landmarks.STEP)


def needs_time(past: UnitTable, kind: Reading) -> bool:
    """Must the machines asked about have a t? Where it is a feature of single observations, too; lives may begin now."""
    return kind == "course" or (kind == "single" and past.timed and bool((past.t != past.t[0]).any()))


def reading_of(reading: str, past: UnitTable, horizons: tuple[float, ...]) -> Reading:
    """The reading asked for, or the one that fits; raises InvalidParameters for one that cannot be."""
    from rfid3_maintenance.unit_history import landmarks

    if reading not in READINGS:
        raise InvalidParameters(f"--reading is {', '.join(READINGS)}, not {reading!r}.", parameter="reading")
    if reading == "auto":
        return landmarks.reading_of(past, horizons)
    if reading != "course" and not past.single:
        raise InvalidParameters(
            f"--reading {reading} takes one row a unit; {past.source} has {len(past):,} rows of {len(past.names):,} units.",
            parameter="reading",
        )
    chosen: Reading = "lives" if reading == "lives" else "single" if reading == "single" else "course"
    return chosen


def _costs(miss: float | None, alarm: float | None) -> tuple[float, float] | None:
    if (miss is None) != (alarm is None):
        raise typer.BadParameter("--miss-cost and --alarm-cost are given together.")
    if miss is None or alarm is None:
        return None
    if miss + alarm <= 0:
        raise typer.BadParameter("--miss-cost and --alarm-cost are not both 0.")
    return miss, alarm
