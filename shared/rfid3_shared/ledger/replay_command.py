"""Can what was shown be made again, to the last digit? `rfid3 <service> replay`, the same command for every service."""

from __future__ import annotations

import json
from datetime import date, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from rfid3_shared.ledger.replay import Report

DIFFERENT = 1


def replay_command(module: str) -> Callable[..., None]:
    """The command of a service. module: where it declares REPLAYED; it is imported when the command runs, not before."""

    def replay(
        limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many predictions, newest first.")] = 10_000,
        since: Annotated[
            datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="Only those recorded from this day (UTC) on.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    ) -> None:
        """Make logged predictions again from the model and the values of their time, and compare every number.

        Exit code 1 when anything differs, 2 when the store cannot be reached.
        """
        report = _watched(module, limit, since and since.date())
        if as_json:
            typer.echo(json.dumps(report.as_dict(), default=str))
        else:
            _print(report)
        if not report.holds:
            raise typer.Exit(DIFFERENT)

    return replay


def _watched(module: str, limit: int, since: date | None) -> Report:
    """What came of it, with a bar while it runs."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from rfid3_shared.command_store import with_store

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("making predictions again", total=None)

        def progress(done: int, total: int) -> None:
            bars.update(bar, completed=done, total=total)

        return with_store(lambda store: _replay(module, store, limit, since, progress))


async def _replay(
    module: str, store: AsyncEngine, limit: int, since: date | None, progress: Callable[[int, int], None]
) -> Report:
    from rfid3_shared.clock import Clock
    from rfid3_shared.ledger.replay import replay as again
    from rfid3_shared.registry import Registry, open_storage
    from rfid3_shared.settings import Settings

    settings = Settings()
    url, clock = settings.registry_url, Clock(settings.time_zone)
    storage = open_storage(url.get_secret_value() if url else None)
    registry = Registry(settings.artefact_dir, store, clock, storage)
    return await again(import_module(module).REPLAYED, store, registry, clock, limit=limit, since=since, progress=progress)


def _print(report: Report) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    console = Console()
    console.print(f"{report.equal:,} of {report.replayed:,} predictions came out equal in every column.")
    for why, count in sorted(report.not_replayable.items()):
        console.print(f"{count:,} could not be made again: {escape(why)}")
    if report.different:
        table = Table("prediction", "speaks of", "day", Column("column", no_wrap=True), "stored", "made again")
        for one in report.different:
            target = one["target_item_id"] or one["target_category"]
            target = f"{target} in {one['store']}" if one["store"] else target
            cells = (one["prediction_id"], target, one["prediction_date"], one["column"], one["stored"], one["recomputed"])
            table.add_row(*(escape(str(cell)) for cell in cells))
        console.print(table)
