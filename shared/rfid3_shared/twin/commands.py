"""`rfid3 twin`: found a demonstration company, or let it live on.

Only this room of the twin is imported by the `rfid3` command at start; numpy and the rest come with the first run.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from rfid3_shared.clock import Clock
from rfid3_shared.errors import AppError
from rfid3_shared.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from rfid3_shared.twin.build import TwinSummary
    from rfid3_shared.twin.busy_day import BusyDay

app = typer.Typer(
    no_args_is_help=True,
    help="The digital twin: a rental company with four stores whose true demand is known. It fills the embedded source with "
    "RFID3's tables, dirt included, so that everything can be tried without an export.",
)
Run = Callable[["AsyncEngine", Path, Callable[[int, int], None]], Coroutine[Any, Any, "TwinSummary"]]


@app.command()
def create(
    items: Annotated[int, typer.Option(min=200, max=2_000_000, help="Scanned tags it owns; a class has 26 on average.")] = 5000,
    months: Annotated[int, typer.Option(min=1, max=240, help="Months of history.")] = 30,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same company, row for row.")] = 7,
    end: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day; yesterday if not given.")] = None,
    blocked: Annotated[
        float,
        typer.Option(min=0, max=0.6, help="Share of the units asked for that meet an empty shelf; 0 = a well-stocked shop."),
    ] = 0.0,
    recorded: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Share of the units' faults that staff write down; 0.02 gives labels as thin as real ones."
        ),
    ] = 0.35,
    replace: Annotated[bool, typer.Option("--replace", help="Throw away what the embedded source holds now.")] = False,
) -> None:
    """Found a company and write its history.

    Writes RFID3's tables to the source (RFID3_SOURCE_URL, else the embedded file) and, apart from them, the true demand before
    refusals to <RFID3_HOME>/twin_truth.db. A source that holds rows is left alone unless --replace is given; a database that
    is not the embedded file must be empty in any case.

    Units wear with every turn: they tear, stain, break, get lost, and stay in the shop until they are ready again. RFID3 sees
    little of it: --recorded of the faults as defects or repairs, grades now and then, units gone as Sold or Missing. What
    truly happened (condition, faults, stays in the shop) stands in the truth file. What is gone is not bought anew.

    Example: rfid3 twin create --items 5000 --months 30 --seed 7
    """
    settings = Settings()
    if replace and settings.source_url is not None:
        raise _refusal("--replace works on the embedded source only; RFID3_SOURCE_URL names another database.")
    last = end.date() if end else Clock(settings.time_zone).today() - timedelta(days=1)

    async def run(engine: "AsyncEngine", truth: Path, progress: Callable[[int, int], None]) -> "TwinSummary":
        from rfid3_shared.twin import build

        return await build.create(
            engine, truth, items=items, months=months, seed=seed, end=last, replace=replace, blocked_ratio=blocked,
            recorded_ratio=recorded, progress=progress,
        )  # fmt: skip

    _carry_out(settings, "Founding the company", run)


@app.command()
def advance(days: Annotated[int, typer.Option(min=1, max=3660, help="Days to live on.")] = 1) -> None:
    """Let the company live on for some days from where it stopped.

    The days are exactly those that a longer history would have brought: weather, bookings, refusals, scans.

    Example: rfid3 twin advance --days 7
    """

    async def run(engine: "AsyncEngine", truth: Path, progress: Callable[[int, int], None]) -> "TwinSummary":
        from rfid3_shared.twin import build

        return await build.advance(engine, truth, days, progress)

    _carry_out(Settings(), "Living on", run)


@app.command("busy-day")
def busy_day(
    rental_class: Annotated[
        str | None, typer.Option("--class", help="Rental class; the busiest of the last 8 weeks if not given.")
    ] = None,
    units: Annotated[
        int | None, typer.Option(min=1, help="Units that leave; 60 % of those that stand ready if not given.")
    ] = None,
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; the shop's today if not given.")] = None,
) -> None:
    """Print the scans of a busy day as events, one JSON object a line, for `rfid3 events post`. Nothing is written.

    Example: rfid3 twin busy-day > day.ndjson && rfid3 events post day.ndjson
    """
    settings = Settings()

    async def planned() -> "BusyDay":
        from rfid3_shared.db import open_engine, transaction
        from rfid3_shared.twin import busy_day

        engine = open_engine(settings.source_dsn, read_only=True)
        try:
            async with transaction(engine) as connection:
                clock = Clock(settings.time_zone)
                return await busy_day.plan(
                    connection, clock, rental_class=rental_class, units=units, day=day.date() if day else None
                )
        finally:
            await engine.dispose()

    try:
        found = asyncio.run(planned())
    except AppError as refused:
        raise _refusal(refused.message) from None
    for event in found.events():
        typer.echo(json.dumps(event))
    Console(stderr=True).print(
        f"{len(found.tags)} units of class {found.rental_class} leave on {found.first_at:%A %Y-%m-%d}, "
        f"{found.first_at:%H:%M} to {found.last_at:%H:%M}."
    )


def _carry_out(settings: Settings, title: str, run: Run) -> None:
    """Run with a progress bar, then print what was written; a refusal is printed in plain words with exit code 1."""
    clock, console = Clock(settings.time_zone), Console()
    started = clock.monotonic()
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=Console(stderr=True)
    )  # fmt: skip
    try:
        with bar:
            task = bar.add_task(title)
            summary = asyncio.run(
                _with_engine(settings, run, lambda done, total: bar.update(task, completed=done, total=total))
            )
    except AppError as refused:
        raise _refusal(refused.message) from None
    console.print(_table(summary, clock.monotonic() - started))


async def _with_engine(settings: Settings, run: Run, progress: Callable[[int, int], None]) -> "TwinSummary":
    from rfid3_shared.db import open_engine

    engine = open_engine(settings.source_dsn)
    try:
        return await run(engine, settings.home / "twin_truth.db", progress)
    finally:
        await engine.dispose()


def _refusal(message: str) -> typer.Exit:
    Console(stderr=True).print(f"[red]{message}[/red]")
    return typer.Exit(1)


def _table(summary: "TwinSummary", seconds: float) -> Table:
    table = Table(title="The company", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    faults = summary.faults
    days: tuple[date, date] = (summary.first_day, summary.last_day)
    for name, value in (
        ("days written", f"{days[0]} to {days[1]}"),
        ("scanned tags", f"{summary.items:,}"),
        ("rental classes", f"{summary.classes:,} scanned, {summary.bulk_classes:,} in the POS only"),
        ("scans", f"{summary.scans:,}"),
        ("contracts", f"{summary.contracts:,} and {summary.reservations:,} reservations"),
        ("units asked for", f"{summary.demand_units:,}"),
        ("refused", f"{summary.refused_ratio:.1%}"),
        ("faults found at return", f"{faults['repair']:,} to repair, {faults['cleaning']:,} to clean"),
        ("units gone", f"{faults['retirement']:,} worn out, {faults['loss']:,} lost"),
        ("written down by staff", f"{summary.recorded_faults:,} of these"),
        ("seconds", f"{seconds:.1f}"),
    ):
        table.add_row(name, value)
    return table
