"""Can what was shown be made again, to the last digit? `rfid3 demand replay`."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from rfid3_demand.replay import Report

DIFFERENT = 1


def replay(
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many predictions, newest first.")] = 10_000,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="Only those recorded from this day (UTC) on.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Make logged predictions again from the model and the feature values of their time, and compare every number.

    Exit code 1 when anything differs, 2 when the store cannot be reached.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from rfid3_shared.command_store import with_store

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("making predictions again", total=None)
        report = with_store(
            lambda store: _replay(
                store, limit, since and since.date(), lambda done, total: bars.update(bar, completed=done, total=total)
            )
        )
    if as_json:
        typer.echo(json.dumps(report.as_dict(), default=str))
    else:
        _print(report)
    if not report.holds:
        raise typer.Exit(DIFFERENT)


async def _replay(store: AsyncEngine, limit: int, since: date | None, progress: Callable[[int, int], None]) -> Report:
    from rfid3_demand.replay import replay as again
    from rfid3_shared.clock import Clock
    from rfid3_shared.registry import Registry, open_storage
    from rfid3_shared.settings import Settings

    settings = Settings()
    url = settings.registry_url
    storage = open_storage(url.get_secret_value() if url else None)
    registry = Registry(settings.artefact_dir, store, Clock(settings.time_zone), storage)
    return await again(store, registry, limit=limit, since=since, progress=progress)


def _print(report: Report) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    console = Console()
    console.print(f"{report.equal:,} of {report.replayed:,} predictions came out equal in every column.")
    for why, count in sorted(report.not_replayable.items()):
        console.print(f"{count:,} could not be made again: {escape(why)}")
    if report.different:
        table = Table("prediction", "speaks of", "week", Column("column", no_wrap=True), "stored", "made again")
        for one in report.different:
            target = f"{one['target_item_id'] or one['target_category']} in {one['store']}"
            cells = (one["prediction_id"], target, one["prediction_date"], one["column"], one["stored"], one["recomputed"])
            table.add_row(*(escape(str(cell)) for cell in cells))
        console.print(table)
