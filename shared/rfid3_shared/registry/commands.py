"""Which models are there, and which shall answer? `rfid3 models list | show | events | promote | rollback | reject | verify`."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any, TypeVar, get_args

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.command_store import with_store
from rfid3_shared.errors import AppError, ModelUnavailable
from rfid3_shared.registry import artefact
from rfid3_shared.registry.announcement import announce
from rfid3_shared.registry.storage import Storage, open_storage
from rfid3_shared.registry.version import State, Version
from rfid3_shared.registry.versions import Registry
from rfid3_shared.resources import open_redis
from rfid3_shared.settings import Settings

HELP = """Models: which were trained, which one answers, and who decided that.

A trained model is a [bold]candidate[/]. When it does better than the present champion on the same past weeks it becomes the
[bold]shadow[/], which answers live requests unseen, and after some of them the [bold]champion[/], which everybody sees. A former
champion is [bold]retired[/]; what did worse is [bold]rejected[/]. The champion can be changed by hand: `promote`, `rollback`.
"""
STATES: tuple[str, ...] = get_args(State)
COLOURS = {"champion": "bold green", "shadow": "cyan", "candidate": "yellow", "rejected": "red", "retired": "dim"}
ON_DUTY: tuple[State, ...] = ("champion", "shadow")
HEADLINE_METRICS = 4
R = TypeVar("R")

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich")
ModelVersion = Annotated[
    str, typer.Argument(help="The name that `rfid3 models list` shows, e.g. demand_v20261122_003100_1f0c9a2b.")
]
Service = Annotated[str | None, typer.Option(help="Only of this service, e.g. demand.")]
Reason = Annotated[str, typer.Option(help="Why: kept in the history for whoever asks later.")]


@app.command("list")
def list_(
    service: Service = None,
    state: Annotated[str | None, typer.Option(help=f"Only in this state: {', '.join(STATES)}.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=1000)] = 20,
) -> None:
    """List models, newest first: state, the data they learned from, how good they were, and why they are where they are."""
    if state is not None and state not in STATES:
        raise typer.BadParameter(f"use one of {', '.join(STATES)}", param_hint="--state")
    states: Any = None if state is None else [state]
    found = _with_registry(lambda registry: registry.versions(service, limit, states=states))
    table = Table(_name(), "state", "learned from", "in the back-test", "why", box=SIMPLE_HEAD)
    for version in found:
        learned = f"{_day(version.data_from)}\n– {_day(version.data_to)}"
        state_since = f"{_coloured(version.state)}\n{version.state_since:%Y-%m-%d}"
        table.add_row(version.model_version, state_since, learned, headline(version.metrics), escape(version.state_reason))
    Console().print(table if found else "No model was trained yet: `rfid3 train`.")


@app.command()
def show(model_version: ModelVersion) -> None:
    """Show everything about one model as JSON: metrics, parameters, evidence of its comparison."""
    version = _with_registry(lambda registry: registry.find(service_of(model_version), model_version))
    Console().print_json(data=version.as_dict())


@app.command()
def events(
    service: Service = None, limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=1000)] = 20
) -> None:
    """List every change of a model's state, newest first: from what to what, by whom, why."""
    table = Table("when (UTC)", _name(), "from", "to", "by", "why")
    for event in _with_registry(lambda registry: registry.events(service, limit)):
        table.add_row(
            _when(event.changed_at), event.model_version, _coloured(event.from_state), _coloured(event.to_state),
            escape(event.changed_by), escape(event.reason),
        )  # fmt: skip
    Console().print(table)


@app.command()
def promote(model_version: ModelVersion, reason: Reason) -> None:
    """Make a model the champion. Its files are verified first; the present champion is retired and can be rolled back to."""
    version = _with_registry(
        lambda registry: registry.promote(service_of(model_version), model_version, by=_whoever(), reason=reason)
    )
    _switched(version)


@app.command()
def rollback(
    service: Annotated[str, typer.Argument(help="The service, e.g. demand.")],
    reason: Reason,
    to: Annotated[str | None, typer.Option(help="A retired version; without it, the champion before this one.")] = None,
) -> None:
    """Go back to an earlier champion, in one step; nobody's request fails meanwhile."""
    _switched(_with_registry(lambda registry: registry.rollback(service, by=_whoever(), reason=reason, to=to)))


@app.command()
def reject(model_version: ModelVersion, reason: Reason) -> None:
    """Decide against a candidate or a shadow: it will not become champion by itself."""
    version = _with_registry(
        lambda registry: registry.reject(service_of(model_version), model_version, by=_whoever(), reason=reason)
    )
    _tell(version.service)
    Console().print(f"{version.model_version} is {_coloured(version.state)}")


@app.command()
def verify(
    model_versions: Annotated[list[str] | None, typer.Argument(help="Which; without any, every champion and shadow.")] = None,
) -> None:
    """Compare every byte of the models' files with what was published. Exit code 1 when one of them cannot be used.

    What is damaged or missing here is fetched again from the storage for all hosts, where RFID3_REGISTRY_URL names one.
    """

    async def check(registry: Registry) -> list[tuple[Version, str, str]]:
        storage, chosen = _storage(), await _chosen(registry, model_versions)
        return [(version, *await asyncio.to_thread(_check, registry, storage, version)) for version in chosen]

    table, usable = Table(_name(), "state", "MiB", "files here", "in the storage"), True
    for version, here, there in _with_registry(check):
        usable &= here != DAMAGED
        table.add_row(version.model_version, _coloured(version.state), f"{version.bytes / 2**20:.1f}", here, there)
    Console().print(table)
    if not usable:
        raise typer.Exit(1)


WHOLE, MENDED, DAMAGED = "[green]whole[/]", "[yellow]fetched again[/]", "[bold red]damaged or missing[/]"


def headline(metrics: dict[str, Any]) -> str:
    """The first few numbers of the metrics, a line each."""
    numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
    return "\n".join(f"{name} {value:.3g}" for name, value in list(numbers.items())[:HEADLINE_METRICS])


def service_of(model_version: str) -> str:
    """The service that a version's name begins with."""
    return model_version.rpartition("_v")[0]


async def _chosen(registry: Registry, model_versions: Sequence[str] | None) -> list[Version]:
    if model_versions:
        return [await registry.find(service_of(name), name) for name in model_versions]
    return await registry.versions(limit=1000, states=ON_DUTY)


def _check(registry: Registry, storage: Storage, version: Version) -> tuple[str, str]:
    """What is to be said about the files of a version here and in the storage; mends what can be mended."""
    here = WHOLE
    try:
        artefact.verify(Settings().artefact_dir / version.service / version.folder_name, version.digest)
    except ModelUnavailable:
        try:
            registry.open_artefact(version)
            here = MENDED
        except AppError:
            here = DAMAGED
    try:
        there = "yes" if storage.exists(version.service, version.folder_name) else "no"
    except AppError:
        there = "[yellow]out of reach[/]"
    return here, there if Settings().registry_url else "none is set"


def _storage() -> Storage:
    url = Settings().registry_url
    return open_storage(url.get_secret_value() if url else None)


def _with_registry(use: Callable[[Registry], Awaitable[R]]) -> R:
    """What `use` makes of the registry; ends the command with exit code 2 and plain words when that refuses."""
    settings = Settings()

    async def opened(engine: AsyncEngine) -> R:
        return await use(Registry(settings.artefact_dir, engine, Clock(settings.time_zone), _storage()))

    return with_store(opened)


def _switched(version: Version) -> None:
    _tell(version.service)
    Console().print(
        f"{version.model_version} is the {_coloured(version.state)} of {version.service}; running processes follow within seconds"
    )


def _tell(service: str) -> None:
    async def told() -> None:
        redis = open_redis(Settings().redis_dsn)
        try:
            await announce(redis, service)
        finally:
            await redis.aclose()

    asyncio.run(told())


def _whoever() -> str:
    try:
        return f"{getpass.getuser()} at the shell"
    except (OSError, KeyError):  # a container's user need not have a name
        return "the shell"


def _name() -> Column:
    return Column("version", no_wrap=True, overflow="fold")  # names are there to be copied: the other columns give way


def _coloured(state: str) -> str:
    return f"[{COLOURS[state]}]{state}[/]" if state in COLOURS else state


def _day(day: date | None) -> str:
    return f"{day:%Y-%m-%d}" if day else "?"


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


__all__ = ["app"]
