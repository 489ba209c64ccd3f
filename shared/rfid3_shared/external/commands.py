"""What does the world outside say, how much of it is known, and what of it moves demand? `rfid3 external …`."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.cli import tell
from rfid3_shared.clock import Clock
from rfid3_shared.command_store import with_store
from rfid3_shared.db import open_engine, ping, transaction
from rfid3_shared.errors import AppError, NotFound, StoreUnavailable
from rfid3_shared.external.coverage import NEEDED_RATIO, Coverage, Span, coverage
from rfid3_shared.external.findings import Findings, latest_findings
from rfid3_shared.external.names import known_name
from rfid3_shared.external.summary import FactorSeries, summary
from rfid3_shared.jobs.progress import TerminalProgress
from rfid3_shared.settings import Settings

HELP = """Outside data: weather, economy, holidays and local events beside the shop's own.

RFID3's own `external_factors` is read too, and comes first. `fetch` asks providers, `import` takes a file, `list` and `coverage` show
what is there and whether it is enough to be used, `correlate` says what of it goes with demand. No provider is asked until its
settings say so: RFID3_EXTERNAL_WEATHER, RFID3_EXTERNAL_FRED_KEY, RFID3_EXTERNAL_CALENDAR, RFID3_EXTERNAL_EVENTS (see .env.example).
"""
CORRELATIONS = "rfid3.correlations"
"""Entry points of services that hold their figures against outside factors: functions of the shape of a job."""
STATE_COLOURS = {"ok": "green", "off": "dim", "failed": "red", "refused": "red"}
USE_COLOURS = {"past and horizon": "green", "past only": "yellow", "refused": "red"}
SHOWN = 20
NOTHING = "No outside factor is known. Take a file with `rfid3 external import FILE`, or see `rfid3 external fetch`."
R = TypeVar("R")

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich")
Factor = Annotated[str | None, typer.Argument(help="Only this factor, e.g. temperature_mean_f.")]


@app.command("list")
def list_(factor: Factor = None) -> None:
    """List every factor that is known: how many values, from when to when, who says so, how old the newest news is.

    Examples:  rfid3 external list  |  rfid3 external list precipitation_in
    """
    found = _in_both(summary)
    if factor is not None:
        name = _known(factor, found)
        found = [each for each in found if each.factor_name == name]
    narrow = [Column(name, no_wrap=True) for name in ("type", "values", "days", "stored (UTC)")]
    table = Table(narrow[0], Column("factor", overflow="fold"), *narrow[1:], "source", box=SIMPLE_HEAD)
    for each in found:
        stored = f"{each.last_updated:%Y-%m-%d\n%H:%M}" if each.last_updated else "by RFID3"
        name = each.factor_name + (f" at {each.location}" if each.location else "")
        count = f"{each.record_count}" + (f"\n{each.forecast_count} forecast" if each.forecast_count else "")
        days = f"{each.first_date}\n{each.last_date}"
        table.add_row(each.factor_type, escape(name), count, days, stored, escape(", ".join(each.sources)))
    Console().print(table if found else NOTHING)


@app.command("coverage")
def coverage_(
    factor: Factor = None,
    weeks: Annotated[int, typer.Option(help="Weeks ahead that a forecast needs.", min=1, max=60)] = 53,
    days: Annotated[int, typer.Option(help="Days of history that a forecast learns from.", min=30, max=3650)] = 1095,
    needed: Annotated[float, typer.Option(help="Share of the days that must be known.", min=0, max=1)] = NEEDED_RATIO,
) -> None:
    """Say how much of history and horizon each factor covers, and whether a forecast uses it.

    A factor is used when it covers at least 90 % of the history's days (of those weekdays on which it is told). When it covers the
    horizon as well, the forecast knows it for the weeks to come; otherwise only its past is used.

    Examples:  rfid3 external coverage  |  rfid3 external coverage --weeks 2
    """
    found, span = _in_both(lambda store, source: _covered(store, source, weeks, days, needed))
    if factor is not None:
        name = _known(factor, found)
        found = [each for each in found if each.factor_name == name]
    console = Console()
    console.print(f"history {span.first} to {span.last}, horizon to {span.horizon_last}; needed {needed:.0%} of the days")
    factor_column = Column("factor", no_wrap=True, overflow="fold")
    table = Table("type", factor_column, "history", "horizon", "used", "why", box=SIMPLE_HEAD)
    for each in found:
        used = f"[{USE_COLOURS[each.use]}]{each.use}[/]"
        table.add_row(
            each.factor_type, escape(each.factor_name), f"{each.history_ratio:.0%}", f"{each.horizon_ratio:.0%}", used, each.why
        )
    console.print(
        table if found else "No factor of the kinds that a forecast can use is known (holidays it takes from its own calendar)."
    )


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, plain or gzipped: date, factor_type, factor_name, value.")],
    source: Annotated[str, typer.Option(help="Who says so, for rows that name nobody.")] = "file",
) -> None:
    """Take factors from a file; the same file again changes nothing.

    Columns: date, factor_type (weather, economic, holiday, seasonal, market, events), factor_name, value; location, source,
    is_forecast (0 or 1) and quality (0 to 1) where known. Bad rows are named, the others are taken.

    Examples:  rfid3 external import weather.csv --source "airport station"

    Exit code: 0 all rows taken, 1 some were not, 2 the file cannot be read.
    """
    from rfid3_shared.external.import_file import import_file

    report = with_store(lambda store: import_file(store, file.expanduser(), Clock(Settings().time_zone), source))
    console = Console()
    console.print(f"{report.rows_new} values of {report.rows_read} rows are kept; {report.rows_rejected} rows were not taken.")
    for rejection in report.rejections:
        column = f", {rejection.column}" if rejection.column else ""
        console.print(f"  line {rejection.line}{column}: {escape(rejection.reason)}", soft_wrap=True)
    if report.fault:
        console.print(f"[red]{report.fault}[/]")
    raise typer.Exit(1 if report.rows_rejected or report.fault else 0)


@app.command()
def fetch(
    providers: Annotated[list[str] | None, typer.Argument(help="Only these: open-meteo, fred, calendar, events.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Also those that were asked a short while ago.")] = False,
) -> None:
    """Ask the providers that are on, and say what came of each; whatever happens, factors that are there stay.

    Each is on when its settings say so; without any, nothing leaves this machine. The demand worker asks them every night by itself.

    Examples:  rfid3 external fetch  |  RFID3_EXTERNAL_CALENDAR=US-MN rfid3 external fetch calendar

    Exit code: 0 every provider that is on answered, 1 one did not, 2 there is no provider of that name.
    """
    from rfid3_shared.external.fetch import fetch_all

    settings = Settings()
    outcomes = with_store(lambda store: fetch_all(store, Clock(settings.time_zone), settings, providers or (), again=again))
    console = Console()
    for one in outcomes:
        when = f"last success {one.last_success_at:%Y-%m-%d %H:%M} UTC" if one.last_success_at else "no success yet"
        console.print(
            f"[bold]{one.provider}[/]: [{STATE_COLOURS[one.state]}]{one.state}[/], {one.stored} values stored; {when}"
        )
        console.print(f"  {escape(one.note)}", soft_wrap=True)
    raise typer.Exit(1 if any(one.state in ("failed", "refused") for one in outcomes) else 0)


@app.command()
def correlate(
    last: Annotated[bool, typer.Option("--last", help="Show the last analysis; compute nothing.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also what shows no link.")] = False,
) -> None:
    """Hold demand against each factor, 0 to 8 weeks later, and show what is more than season and chance.

    Season, trend and holidays are taken out of both first, and the memory that either has. q is the share of false discoveries to
    expect among all that are at least as sure, whatever the number of things tried. A correlation is not a cause. A factor needs 26
    weeks beside known demand.

    Examples:  rfid3 external correlate  |  rfid3 external correlate --last --all
    """
    if not last:
        points = sorted(entry_points(group=CORRELATIONS), key=lambda point: point.name)
        if not points:
            Console(stderr=True).print("No service is installed here whose figures could be compared.")
            raise typer.Exit(2)
        for point in points:
            _compute(point.load())
    _show(_in_both(lambda store, source: latest_findings(store)), everything)


def _compute(run: Callable[..., Coroutine[Any, Any, dict[str, Any]]]) -> None:
    """Run a service's analysis here; what it refuses is told in plain words, with the exit code that goes with it."""
    try:
        with TerminalProgress() as progress:
            asyncio.run(run(Settings(), {"asked_by_person": True}, progress))
    except AppError as fault:
        raise typer.Exit(tell(fault)) from None


def _show(found: Findings, everything: bool) -> None:
    console = Console()
    if found.computed_at is None:
        console.print("Nothing was analysed yet: `rfid3 external correlate`.")
        return
    console.print(
        f"{found.total_factors} factors, data to {found.data_as_of}, {found.tried} combinations of factor, metric and lag tried"
        + (f"; {found.method}" if found.method else "") + ".", soft_wrap=True,
    )  # fmt: skip
    shown = [one for one in found.correlations if everything or one.significant]
    for one in shown[: None if everything else SHOWN]:
        console.print(escape(one.sentence), soft_wrap=True)
    if not shown:
        console.print("No link stands out from chance." if found.tried else "Nothing could be compared.")
    for each in found.not_enough:
        console.print(escape(each.sentence), soft_wrap=True)


async def _covered(
    store: AsyncConnection, source: AsyncConnection | None, weeks: int, days: int, needed: float
) -> tuple[list[Coverage], Span]:
    from rfid3_shared.external.days import demand_days

    known = None if source is None else await demand_days(source, Clock(Settings().time_zone))
    if known is None:
        raise NotFound("The source holds no unit leaving the shop, so there is no history to cover.")
    span = Span(max(known[0], known[1] - timedelta(days=days)), known[1], known[1] + timedelta(days=7 * weeks))
    return await coverage(store, source, span, needed), span


def _known(name: str, found: list[FactorSeries] | list[Coverage]) -> str:
    try:
        return known_name(name, [each.factor_name for each in found])
    except AppError as fault:
        raise typer.Exit(tell(fault)) from None


def _in_both(use: Callable[[AsyncConnection, AsyncConnection | None], Awaitable[R]]) -> R:
    """What `use` makes of the store and, where there is one, the source."""

    async def opened(store: AsyncEngine) -> R:
        settings = Settings()
        async with AsyncExitStack() as stack:
            own = await stack.enter_async_context(transaction(store))
            if settings.source_url is None and not settings.embedded_db.exists():
                return await use(own, None)
            engine = open_engine(settings.source_dsn, read_only=True)
            stack.push_async_callback(engine.dispose)
            if not await ping(engine, timeout_s=5):
                raise StoreUnavailable("The source cannot be reached. Check RFID3_SOURCE_URL and that the server runs.")
            return await use(own, await stack.enter_async_context(transaction(engine)))

    return with_store(opened)


__all__ = ["app"]
