"""Who may use the API? `rfid3 keys create | list | revoke`."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.auth import SCOPES, create_key, list_keys, revoke_key
from rfid3_shared.clock import Clock, naive_utc
from rfid3_shared.command_store import with_store
from rfid3_shared.db import transaction
from rfid3_shared.settings import Settings

app = typer.Typer(help="API keys: who may read, post events, train, decide or administer.", no_args_is_help=True)
R = TypeVar("R")
SCOPE_HELP = (
    "May be repeated: read (forecasts), events (post scans), train (start training), decide (approve), admin (all of it)."
)


@app.command()
def create(
    owner: Annotated[str, typer.Option(help="Who will use it: a person, a system or a shop.")],
    scope: Annotated[list[str] | None, typer.Option(help=SCOPE_HELP)] = None,
    expires_days: Annotated[int | None, typer.Option(help="Days until it stops working; without it, never.", min=1)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the key alone, for scripts.")] = False,
) -> None:
    """Make a key and show it once: it is stored hashed and cannot be shown again."""
    scopes = scope or ["read"]
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise typer.BadParameter(f"{', '.join(unknown)}: use {', '.join(SCOPES)}", param_hint="--scope")
    if not owner.strip() or len(owner) > 100:
        raise typer.BadParameter("use 1 to 100 characters", param_hint="--owner")
    clock = Clock()
    expires_at = clock.now() + timedelta(days=expires_days) if expires_days else None
    key_id, key = _in_store(lambda db: create_key(db, owner=owner, scopes=scopes, clock=clock, expires_at=expires_at))
    if quiet:
        typer.echo(key)
        return
    console = Console()
    console.print(Panel.fit(key, title=f"key {key_id} of {owner}", subtitle="shown once: keep it now"), soft_wrap=True)
    console.print(f"scopes: {', '.join(scopes)} · expires: {_when(expires_at)}")
    console.print(
        f"use it: [bold]curl -H 'X-API-Key: …' http://127.0.0.1:{Settings().port}/api/predictive/health[/]", soft_wrap=True
    )


@app.command("list")
def list_() -> None:
    """List every key, newest first, without the keys themselves."""
    table = Table("id", "owner", "scopes", "created (UTC)", "expires (UTC)", "state")
    now = naive_utc(Clock().now())
    rows: list[dict[str, Any]] = _in_store(list_keys)
    for row in rows:
        expires = _when(row["expires_at"])
        table.add_row(row["id"], row["owner"], ", ".join(row["scopes"]), _when(row["created_at"]), expires, _state(row, now))
    Console().print(table)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The id that `rfid3 keys list` shows.")]) -> None:
    """Make a key useless; running processes notice within five seconds."""
    _in_store(lambda db: revoke_key(db, key_id, Clock()))
    Console().print(f"key {key_id} is [red]revoked[/]")


def _state(row: dict[str, Any], now: datetime) -> str:
    if row["revoked_at"]:
        return "[red]revoked[/]"
    return "[yellow]expired[/]" if row["expires_at"] and row["expires_at"] <= now else "[green]works[/]"


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "never"


def _in_store(use: Callable[[AsyncConnection], Awaitable[R]]) -> R:
    """What `use` makes of one transaction on the store."""

    async def in_transaction(engine: AsyncEngine) -> R:
        async with transaction(engine) as connection:
            return await use(connection)

    return with_store(in_transaction)


__all__ = ["app"]
