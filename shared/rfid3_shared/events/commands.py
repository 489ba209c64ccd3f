"""What happened in the shop a moment ago? `rfid3 events post | list | status`."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.cli import tell
from rfid3_shared.clock import Clock
from rfid3_shared.command_store import with_store
from rfid3_shared.db import transaction
from rfid3_shared.errors import AppError, Unauthorized
from rfid3_shared.events.event import ShopEvent
from rfid3_shared.events.listing import list_events
from rfid3_shared.events.standing import Standing, standing
from rfid3_shared.settings import Settings

HELP = """Events: scans and POS lines as readers and tills post them, before RFID3's tables say so.

`post` sends a file to a running suite, `list` shows what came in, `status` how far behind each reader of the events is.
"""
SHOWN = 20
app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich")


@app.command()
def post(
    file: Annotated[Path, typer.Argument(help="NDJSON, a JSON array, or CSV with a header; plain or gzipped.")],
    url: Annotated[str | None, typer.Option(help="The gateway; without it, the one on this machine.")] = None,
    key: Annotated[str | None, typer.Option(help="A key with the scope events; without it, the demo's.")] = None,
) -> None:
    """Send the events of a file to a running suite; the same file again changes nothing.

    A scan has event_id, tag_id, scan_type (Rental, Return, Touch Scan, …), occurred_at (ISO 8601) and where known contract_number,
    rental_class, status, quality, bin_location, store. A POS line has kind=line, event_id, contract_no, line_number, store_no,
    item_num, qty, occurred_at and where known status and its dates. Good rows are kept, bad ones are named.

    Examples:  rfid3 events post saturday.ndjson  |  rfid3 events post scans.csv.gz --url http://shop:8100 --key "$KEY"

    A line of such a file:
    {"event_id":"r7-184213","tag_id":"482C3D87DE2B9B0634EAC37B","scan_type":"Rental","occurred_at":"2026-05-09T07:42:11"}

    Exit code: 0 every row is kept (now or before), 1 some were refused, 2 the file cannot be read or the gateway not reached.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from rfid3_shared.events.posting import post_file

    settings = Settings()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]:,} rows"), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True)) as bars:
            path = file.expanduser()
            plain = path.suffix.lower() != ".gz" and path.exists()
            line = bars.add_task("posting", total=path.stat().st_size if plain else None, rows=0)
            outcome = asyncio.run(post_file(
                path, url or f"http://127.0.0.1:{settings.port}", key or _demo_key(settings),
                lambda rows, size: bars.update(line, completed=size, rows=rows),
            ))  # fmt: skip
            bars.update(line, total=1, completed=1)
    except AppError as fault:
        raise typer.Exit(tell(fault)) from None
    console = Console()
    console.print(
        f"{outcome.accepted:,} of {outcome.rows:,} events are new; {outcome.duplicates:,} were known, {outcome.repeated:,} are "
        f"repeated reads, {outcome.refused_count:,} were refused; {outcome.unknown_tags:,} tags are not in RFID3's item master."
    )
    for name, count in outcome.ignored_fields.items():
        console.print(f"  {escape(name)}: not kept, in {count:,} rows", soft_wrap=True)
    for one in outcome.refused[:SHOWN]:
        meant = f" (meant: {one['suggestion']}?)" if one.get("suggestion") else ""
        words = " ".join(filter(None, (one["parameter"], one["reason"] + meant)))
        console.print(f"  [red]row {one['place']}[/] {escape(words)}", soft_wrap=True)
    if outcome.refused_count > SHOWN:
        console.print(f"  … and {outcome.refused_count - SHOWN:,} more")
    raise typer.Exit(1 if outcome.refused_count else 0)


@app.command("list")
def list_(
    kind: Annotated[Literal["scan", "line"] | None, typer.Option(help="Only scans, or only POS lines.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only scans of this tag.")] = None,
    rental_class: Annotated[str | None, typer.Option("--class", help="Only events that name this class.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = SHOWN,
) -> None:
    """Show what came in, newest first.

    Examples:  rfid3 events list  |  rfid3 events list --kind scan --class 61825 --limit 50
    """

    async def found(store: AsyncEngine) -> list[ShopEvent]:
        async with transaction(store) as connection:
            return await list_events(connection, limit=limit, kind=kind, tag_id=tag, rental_class=rental_class)

    events = with_store(found)
    table = Table("number", "happened", "what", "tag", "class", "contract", "from", box=SIMPLE_HEAD)
    for event in events:
        what = event.facts.get("scan_type") or f"line {event.facts.get('line_number')}: {event.facts.get('qty')} units"
        cells = (what, event.tag_id, event.rental_class, event.contract, event.origin)
        table.add_row(str(event.seq), f"{event.occurred_at:%Y-%m-%d %H:%M:%S}", *(escape(cell) for cell in cells))
    Console().print(table if events else "There is no such event. `rfid3 events post FILE` sends some.")


@app.command()
def status() -> None:
    """Say how many events came in lately, and how far behind each reader of them is.

    Example:  rfid3 events status
    """

    async def found(store: AsyncEngine) -> Standing:
        async with transaction(store) as connection:
            return await standing(connection, Clock(Settings().time_zone))

    told = with_store(found)
    console = Console()
    when = f", which arrived {told.last_received_at:%Y-%m-%d %H:%M:%S} UTC" if told.last_received_at else ""
    console.print(f"The newest event has the number {told.last_seq}{when}.")
    arrived = Table("kind", "from", "last hour", "last day", box=SIMPLE_HEAD)
    for each in told.arrived:
        arrived.add_row(each.kind, each.origin, f"{each.last_hour:,}", f"{each.last_day:,}")
    console.print(arrived if told.arrived else "No event arrived within a day.")
    readers = Table("reader", "behind", "waiting", "process", "last moved (UTC)", box=SIMPLE_HEAD)
    for one in told.readers:
        behind = "" if one.lag_events is None else f"{one.lag_events:,} events"
        waiting = "" if one.lag_s is None else f"{one.lag_s:,.1f} s"
        readers.add_row(
            escape(one.consumer), behind, waiting, escape(one.held_by or "none"), f"{one.updated_at:%Y-%m-%d %H:%M:%S}"
        )
    console.print(readers if told.readers else "Nobody has read events yet.")


def _demo_key(settings: Settings) -> str:
    file = settings.home / "demo.key"
    if not file.is_file():
        raise Unauthorized(
            "A key with the scope events is needed: --key, made by `rfid3 keys create --owner … --scope events`."
        )
    return file.read_text().strip()


__all__ = ["app"]
