"""What is switched on, and who decided that? `rfid3 flags list | show | on | off | set | audit`."""

import getpass
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.command_store import with_store
from rfid3_shared.db import transaction
from rfid3_shared.flags.flag import ENTITY_KINDS, MASTER, Flag, FlagState, flag_named
from rfid3_shared.flags.flags import IN_FORCE_WITHIN_S
from rfid3_shared.flags.kill_switch import switched_off
from rfid3_shared.flags.store import AuditPage, audit, read_states, set_flag
from rfid3_shared.settings import Settings

app = typer.Typer(help="Switches of the suite's abilities: what is on, for whom, and who decided that.", no_args_is_help=True)
R = TypeVar("R")
Name = Annotated[str, typer.Argument(help="The flag, e.g. DEMAND_FORECASTING_ENABLED or demand-forecasting.")]
Reason = Annotated[str, typer.Option(help="Why: kept in the audit.")]
Percent = Annotated[float | None, typer.Option(help="Share of API keys for which it is on.", min=0, max=100)]
ENTITY_HELP = f"May be repeated: kind:name it is on for whatever the share; kinds are {', '.join(ENTITY_KINDS)}."
Entity = Annotated[list[str] | None, typer.Option(help=ENTITY_HELP)]
Version = Annotated[int | None, typer.Option(help="Refuse when the flag has another version by now.", min=0)]


@app.command("list")
def list_() -> None:
    """List every flag: what is set, whether that is in force, and who set it."""
    states = _in_store(read_states)
    table = Table("flag", "set to", "in force", "version", "by", "when (UTC)", "what it switches")
    for flag, state in states.items():
        hindrance = _hindrance(flag, states)
        in_force = "[green]yes[/]" if state.enabled and not hindrance else f"no{f': {hindrance}' if hindrance else ''}"
        when = f"{state.updated_at:%Y-%m-%d %H:%M:%S}" if state.updated_at else ""
        name = f"[bold]{flag.value}[/]" if flag.is_master else flag.value
        table.add_row(
            name, state.words, in_force, str(state.version), state.updated_by or "(default)", when, flag.about.description
        )
    Console().print(table)


@app.command()
def show(name: Name) -> None:
    """Show everything about one flag, its last changes too, as JSON."""

    async def read(connection: AsyncConnection) -> tuple[dict[Flag, FlagState], AuditPage]:
        return await read_states(connection), await audit(connection, name, limit=10)

    states, page = _in_store(read)
    flag = flag_named(name)
    found = {**states[flag].as_dict(), "hindrance": _hindrance(flag, states) or None}
    Console().print_json(data={**found, "changes": [change.as_dict() for change in page.changes]})


@app.command()
def on(
    name: Name, reason: Reason, percent: Percent = None, entity: Entity = None, expected_version: Version = None
) -> None:  # fmt: skip
    """Switch on: for everybody, or for a share of keys (--percent), or for certain ones only (--entity), or for both."""
    share = percent if percent is not None else 0.0 if entity else 100.0
    _change(name, reason, enabled=True, percent=share, entities=entity or None, expected_version=expected_version)


@app.command()
def off(name: Name, reason: Reason, expected_version: Version = None) -> None:
    """Switch off; share and entities are kept for the day it is switched on with `set --enabled`."""
    _change(name, reason, enabled=False, expected_version=expected_version)


@app.command("set")
def set_(
    name: Name, reason: Reason, percent: Percent = None, entity: Entity = None,
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Switch it as well.")] = None,
    no_entities: Annotated[bool, typer.Option("--no-entities", help="Take every entity away.")] = False,
    expected_version: Version = None,
) -> None:  # fmt: skip
    """Change only what is named; --entity replaces the entities there were."""
    entities = [] if no_entities else entity or None
    _change(name, reason, enabled=enabled, percent=percent, entities=entities, expected_version=expected_version)


@app.command("audit")
def audit_(
    name: Annotated[str | None, typer.Argument(help="Only changes of this flag.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=1000)] = 20,
    offset: Annotated[int, typer.Option(help="How many of the newest to pass over.", min=0)] = 0,
) -> None:
    """Who changed what, when and why, newest first."""
    page = _in_store(lambda connection: audit(connection, name, limit, offset))
    table = Table("when (UTC)", "flag", "version", "from", "to", "by", "why")
    for change in page.changes:
        before = _words(change.before) if change.before else "(default)"
        when = f"{change.changed_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(
            when, change.name, str(change.version), before, _words(change.after), change.changed_by, change.reason
        )  # fmt: skip
    console = Console()
    console.print(table)
    if page.total > offset + len(page.changes):
        console.print(f"{page.total} changes in all; see more with --offset {offset + len(page.changes)}")


def _change(name: str, reason: str, **wanted: Any) -> None:
    """Change a flag and say what that means and from when on."""

    async def change(connection: AsyncConnection) -> tuple[int, FlagState, dict[Flag, FlagState]]:
        before = (await read_states(connection))[flag_named(name)]
        by = f"shell:{getpass.getuser()}"
        state = await set_flag(connection, name, **wanted, reason=reason, changed_by=by, clock=Clock())
        return before.version, state, await read_states(connection)

    version, state, states = _in_store(change)
    console = Console()
    if state.version == version:
        console.print(f"{state.flag.value} was {state.words} already (version {version}): nothing changed.", soft_wrap=True)
    else:
        console.print(f"{state.flag.value} is [bold]{state.words}[/] (version {state.version}).", soft_wrap=True)
        console.print(f"In force in every running process within {IN_FORCE_WITHIN_S} seconds.")
    if state.enabled and (hindrance := _hindrance(state.flag, states)):
        console.print(f"[yellow]Not in force:[/] {hindrance}.", soft_wrap=True)
        if hindrance == "master off":
            console.print(f"Switch the master on: rfid3 flags on {MASTER.value} --reason …", soft_wrap=True)


def _hindrance(flag: Flag, states: dict[Flag, FlagState]) -> str:
    """Why a flag that is set on is not in force; empty when nothing stands in its way."""
    if switched_off(Settings().flags_off) & {flag, MASTER}:
        return "switched off by RFID3_FLAGS_OFF"
    return "" if states[MASTER].enabled or flag.is_master else "master off"


def _words(setting: dict[str, Any]) -> str:
    return FlagState(MASTER, setting["enabled"], setting["percent"], tuple(setting["entities"]), 0, "", None).words


def _in_store(use: Callable[[AsyncConnection], Awaitable[R]]) -> R:
    """What `use` makes of one transaction on the store."""

    async def in_transaction(engine: AsyncEngine) -> R:
        async with transaction(engine) as connection:
            return await use(connection)

    return with_store(in_transaction)


__all__ = ["app"]
