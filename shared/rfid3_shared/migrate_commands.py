"""Which revision is the store of, and who brings it to another? `rfid3 store status | upgrade | downgrade`.

Commands and processes upgrade the store by themselves; `upgrade` is for a database whose everyday user may not change tables.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.cli import tell
from rfid3_shared.db import open_engine
from rfid3_shared.errors import AppError
from rfid3_shared.log import keep_stdout_clean
from rfid3_shared.migrate import NEWEST, REVISIONS, ensure_schema, go_back, has_tables, read_revision
from rfid3_shared.settings import Settings

app = typer.Typer(help="The suite's own tables: which revision, and to another one.", no_args_is_help=True)
R = TypeVar("R")


@app.command()
def status() -> None:
    """Show the store's revision and change nothing; exit code 1 when it is not the newest."""
    revision, tables = _run(_look)
    console = Console()
    console.print(f"store:    {make_url(Settings().store_dsn).render_as_string()}", soft_wrap=True)
    console.print(f"revision: {revision or ('before 0001' if tables else 'none, it is empty')} · newest known: {NEWEST}")
    if revision != NEWEST:
        console.print("The next start or `rfid3 store upgrade` brings it up to date.")
        raise typer.Exit(1)


@app.command()
def upgrade() -> None:
    """Bring the store up to date; all rows stay. Stop processes of the older version first: they cannot write into it afterwards."""
    before, _ = _run(_look)
    _run(ensure_schema)
    Console().print(f"revision {NEWEST}" + (", as it was" if before == NEWEST else f", was {before or 'none'}"))


@app.command()
def downgrade(
    to: Annotated[str, typer.Option(help=f"The older revision: {', '.join(REVISIONS[:-1])}.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the store back, for an older version of the suite. Stop all processes first: the next one to start upgrades it again."""
    if not yes:
        typer.confirm(
            f"What came after revision {to} is dropped, with its rows (flags, outcomes, alerts, …). Go on?", abort=True
        )
    _run(lambda engine: go_back(engine, to))
    Console().print(f"revision {to}")


async def _look(engine: AsyncEngine) -> tuple[str | None, bool]:
    return await read_revision(engine), await has_tables(engine)


def _run(use: Callable[[AsyncEngine], Awaitable[R]]) -> R:
    """What `use` makes of the store as it is; faults are told in plain words."""

    async def opened() -> R:
        engine = open_engine(Settings().store_dsn)
        try:
            return await use(engine)
        finally:
            await engine.dispose()

    keep_stdout_clean()
    try:
        return asyncio.run(opened())
    except AppError as fault:
        raise typer.Exit(tell(fault)) from None


__all__ = ["app"]
