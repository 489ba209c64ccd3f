"""How good are the chances on machines of my own, and would another method do better? `rfid3 maintenance evaluate`."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rfid3_shared.errors import AppError, InsufficientData, InvalidParameters, ModelUnavailable

if TYPE_CHECKING:
    import polars as pl

    from rfid3_maintenance.evaluation.cross_validation import Race

BAD_INPUT, NO_ANSWER = 2, 1
LEAST_EVENTS = 5
WIDEST = 120


def evaluate(
    history: Annotated[
        Path, typer.Option("--history", help="CSV (or .csv.gz) with columns unit, t, event; further columns are features.")
    ],
    folds: Annotated[int, typer.Option("--folds", min=2, max=50, help="Into how many parts the units are dealt.")] = 5,
    horizons: Annotated[str, typer.Option("--horizons", help="How far ahead, in units of t, separated by commas.")] = "7,30,90",
    peers: Annotated[str | None, typer.Option("--peers", help="Kaplan–Meier, Cox, LightGBM, by commas; none.")] = None,
    cap: Annotated[
        float | None, typer.Option("--cap", min=0.0, help="Remaining time beyond this counts as this (turbofans: 125).")
    ] = None,
    reading: Annotated[str, typer.Option("--reading", help="auto | course | lives | single, as in predict.")] = "auto",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for scores.csv, scores.json and plots.")] = None,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw calibration, survival and remaining time as PNG into --output.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON instead of a table.")] = False,
) -> None:
    """Hold our chances against their peers on your data: units are dealt into folds, each judged by what others taught.

    Example: rfid3 maintenance evaluate --history machines.csv --folds 5 --horizons 7,30,90 --output scores --plot

    machines.csv is as for predict. Peers: Kaplan–Meier (age alone), Cox with values that change in time (lifelines), LightGBM with its
    defaults (a classifier for each horizon). Same rows, same folds for all. Exit code 2: the input was refused; 1: too few events.
    """
    from rich.console import Console

    notes = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        _places(output, plot)
        race, scores = _run(history, folds, horizons, peers, cap, reading, notes)
        title = f"{history.name}: {folds} folds by unit, reading {race.reading}"
        files = _write(race, scores, output, plot, title)
    except InsufficientData as error:
        notes.print(f"[red]Not enough is known:[/red] {error.message}")
        raise typer.Exit(NO_ANSWER) from None
    except AppError as error:
        notes.print("[red]Refused:[/red]", end=" ")
        notes.print(error.message, markup=False)
        raise typer.Exit(BAD_INPUT) from None
    _show(race, scores, title, as_json)
    for file in files:
        notes.print(f"→ {file}", markup=False)


def _run(
    path: Path, folds: int, horizons: str, peers: str | None, cap: float | None, reading: str, notes: Any
) -> tuple[Race, pl.DataFrame]:
    from rfid3_maintenance.commands import units_csv
    from rfid3_maintenance.commands.bar import Bar
    from rfid3_maintenance.commands.predict import reading_of
    from rfid3_maintenance.evaluation import contenders, cross_validation, scores
    from rfid3_maintenance.unit_history import landmarks, recipe
    from rfid3_maintenance.unit_history.table import EVENT, UNIT

    asked = units_csv.horizons_of(horizons)
    if cap is not None and cap <= 0:
        raise InvalidParameters("--cap is greater than 0.", parameter="cap")
    table = units_csv.read_units(path, needs=(UNIT, EVENT))
    kind = reading_of(reading, table, asked)
    field = contenders.chosen(peers, kind)
    plan = recipe.learn(table, rolling_past=kind == "course", paired=kind == "single")
    given = landmarks.build(table, plan, kind, landmarks.enough_for(table))
    events = len({int(unit) for unit in given.unit[given.event]})
    if events < LEAST_EVENTS:
        raise InsufficientData(
            f"{table.source}: {events} units with an event; {LEAST_EVENTS} are the least that can be dealt into folds and judged.",
            found=events, needed=LEAST_EVENTS,
        )  # fmt: skip
    if folds > events:
        notes.print(f"Note: {events} folds, because only {events} units had an event.")
    with Bar(notes) as bar:
        race = cross_validation.hold(given, kind, asked, field, min(folds, events), cap, bar)
    if race.results[0].fault:
        raise InsufficientData(f"{table.source}: {race.results[0].fault}", missing="events in every fold")
    return race, scores.table(race)


def _places(output: Path | None, plot: bool) -> None:
    """Everything that would fail after minutes of work fails now."""
    if plot and output is None:
        raise InvalidParameters("--plot needs --output, the folder to draw into.", parameter="plot")
    if output is not None and output.exists() and not output.is_dir():
        raise InvalidParameters(f"{output} is a file; --output names a folder.", parameter="output")
    if output is not None and not output.exists() and not output.parent.is_dir():
        raise InvalidParameters(f"There is no folder {output.parent}.", parameter="output")
    if plot and find_spec("matplotlib") is None:
        raise ModelUnavailable(
            "--plot needs the package matplotlib: pip install 'rfid3-maintenance[evaluate]'.", package="matplotlib"
        )


def _write(race: Race, scores: pl.DataFrame, output: Path | None, plot: bool, title: str) -> list[Path]:
    if output is None:
        return []
    from rfid3_maintenance.commands.units_csv import write
    from rfid3_maintenance.evaluation import words

    output.mkdir(exist_ok=True)
    write(scores, output / "scores.csv")
    told = {"title": title, "said": words.sentences(race, scores), "scores": scores.to_dicts()}
    (output / "scores.json").write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
    files = [output / "scores.csv", output / "scores.json"]
    if plot:
        from rfid3_maintenance.evaluation import chart

        files += chart.write_all(race, output, title)
    return files


def _show(race: Race, scores: pl.DataFrame, title: str, as_json: bool) -> None:
    from rich.console import Console

    from rfid3_maintenance.evaluation import score_table, words

    if as_json:
        said = words.sentences(race, scores)
        typer.echo(json.dumps({"title": title, "said": said, "scores": scores.to_dicts()}, ensure_ascii=False))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDEST)  # a file or pipe has no width; the table is not to be cut for one
    console.print(score_table.rich_table(race, scores, title))
    for sentence in words.sentences(race, scores):
        console.print(sentence, soft_wrap=True, highlight=False, markup=False)
