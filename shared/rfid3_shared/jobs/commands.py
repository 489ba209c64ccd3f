"""What are the suite's jobs doing, and when do the next ones come? `rfid3 jobs list | show | watch | cancel | rerun | schedules`."""

import asyncio
import difflib
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.command_store import with_store
from rfid3_shared.db import transaction
from rfid3_shared.errors import NotFound, StoreUnavailable
from rfid3_shared.jobs.job import ACTIVE, STATES, Job
from rfid3_shared.jobs.requests import (
    cancel_job,
    count_jobs,
    get_job,
    list_jobs,
    list_schedules,
    rerun_job,
    similar_names,
)
from rfid3_shared.jobs.schedule import is_cron, next_slot
from rfid3_shared.settings import Settings

app = typer.Typer(
    help="Training runs and other work that outlasts a request: what runs, what failed, what comes next.", no_args_is_help=True
)
COLOURS = {"succeeded": "green", "failed": "red", "running": "cyan", "cancelled": "yellow"}
LOOK_INTERVAL_S = 0.3
REQUESTED_BY = "command line"
JobId = Annotated[str, typer.Argument(help="The job's id, as the request was answered with or `rfid3 jobs list` shows.")]
ServiceName = Annotated[str | None, typer.Option("--service", help="Only jobs of this service, e.g. demand.")]
KindName = Annotated[str | None, typer.Option("--kind", help="Only jobs of this kind, e.g. train.")]


@app.command("list")
def list_(
    service: ServiceName = None,
    kind: KindName = None,
    state: Annotated[str | None, typer.Option(help=f"Only jobs in this state: {', '.join(STATES)}.")] = None,
    quarantined: Annotated[bool, typer.Option("--quarantined", help="Only jobs that failed in all their attempts.")] = False,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=1000)] = 20,
) -> None:
    """List jobs, newest first.

    What needs somebody's attention: `rfid3 jobs list --quarantined`; run such a job again with `rfid3 jobs rerun ID`.
    """
    if state and state not in STATES:
        near = difflib.get_close_matches(state, STATES, n=1)
        hint = f"did you mean {near[0]}? There are " if near else "there are "
        raise typer.BadParameter(f"{hint}{', '.join(STATES)}", param_hint="--state")

    async def read(engine: AsyncEngine) -> tuple[list[Job], int, dict[str, list[str]]]:
        async with transaction(engine) as connection:
            only = quarantined or None
            found = await list_jobs(connection, service=service, kind=kind, state=state, quarantined=only, limit=limit)
            total = await count_jobs(connection, service=service, kind=kind, state=state, quarantined=only)
            return found, total, {} if found else await similar_names(connection, service=service, kind=kind)

    found, total, similar = with_store(read)
    if not found:
        _say("There are no such jobs." if service or kind or state or quarantined else "There are no jobs yet.")
        for name, known in similar.items():
            _say(f"No {name} is called {service if name == 'service' else kind!r}: did you mean {' or '.join(known)}?")
        return
    # ids are there to be copied: they stay whole, whatever else a narrow terminal leaves out
    whole = [Column(name, no_wrap=True) for name in ("job", "what", "state", "UTC")]
    table = Table(*whole, "progress", "by", box=None, pad_edge=False)
    for job in found:
        took = "" if job.seconds is None else f" {job.seconds:.1f} s"
        doing = f" {escape(job.stage)}" if not job.finished else ""
        table.add_row(
            job.id, f"{job.service} {job.kind}", _coloured(job), f"{job.created_at:%m-%d %H:%M}",
            f"{job.progress:.0%}{took}{doing}", escape(job.requested_by),
        )  # fmt: skip
    Console().print(table)
    if total > len(found):
        _say(f"{len(found)} of {total}: --limit shows more.")


@app.command()
def show(job_id: JobId) -> None:
    """Show everything about one job as JSON: arguments, attempts, result or error, who asked."""
    Console().print_json(data=with_store(lambda engine: _read(engine, job_id)).as_dict())


@app.command()
def watch(
    job_id: Annotated[str | None, typer.Argument(help="The job's id; without it, the newest job that is not done.")] = None,
    service: ServiceName = None,
    kind: KindName = None,
) -> None:
    """Follow a job until it is done, whatever is restarted meanwhile.

    Exit code 0 when it succeeded, 1 when not, 2 for an unknown id or when nothing is under way.
    """

    async def follow(engine: AsyncEngine) -> Job:
        return await _follow(engine, job_id or (await _newest_active(engine, service, kind)).id)

    _conclude(with_store(follow))


@app.command()
def cancel(job_id: JobId) -> None:
    """Call off a job that is queued or running; its worker ends it within seconds. Exit code 2 when it has ended already."""

    async def call_off(engine: AsyncEngine) -> Job:
        async with transaction(engine) as connection:
            return await cancel_job(connection, job_id, clock=Clock())

    job = with_store(call_off)
    Console().print(f"{job.service} {job.kind}: {_coloured(job)}")


@app.command()
def rerun(
    job_id: JobId,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the new job, with the exit codes of `watch`.")] = False,
) -> None:
    """Run a job that has ended once more, with the same arguments, and print the new job's id.

    Exit code 2 when it has not ended, or another of its service and kind is under way.
    """

    async def ask(engine: AsyncEngine) -> Job:
        async with transaction(engine) as connection:
            new = await rerun_job(connection, job_id, requested_by=REQUESTED_BY, clock=Clock())
        typer.echo(new.id)
        return await _follow(engine, new.id) if watch else new

    job = with_store(ask)
    if watch:
        _conclude(job)


@app.command()
def schedules() -> None:
    """Show when scheduled jobs were asked for last and will be next, in the shop's time, and what came of it.

    When they are due is set by settings like RFID3_DEMAND_TRAIN_CRON: five cron fields, or never.
    """

    async def read(engine: AsyncEngine) -> list[RowMapping]:
        async with transaction(engine) as connection:
            return await list_schedules(connection)

    rows = with_store(read)
    if not rows:
        _say("No schedule has begun yet: a worker writes down its schedules when it starts.")
        return
    clock = Clock(Settings().time_zone)

    def shop(at: datetime | None) -> str:
        return f"{at.astimezone(clock.zone):%a %m-%d %H:%M}" if at else ""

    whole = [Column(name, no_wrap=True) for name in ("what", "cron", "last slot", "next slot")]
    table = Table(*whole, "last job", "note", box=None, pad_edge=False)
    for row in rows:
        coming = shop(next_slot(row["cron"], clock.now(), clock.zone)) if is_cron(row["cron"]) else "not a cron expression"
        table.add_row(
            f"{row['service']} {row['kind']}", escape(row["cron"]), shop(row["last_slot"].replace(tzinfo=UTC)), coming,
            row["state"] or "", escape(row["last_note"]),
        )  # fmt: skip
    console = Console()
    console.print(table)
    console.print(f"Times are those of {clock.zone.key}.")


async def _read(engine: AsyncEngine, job_id: str) -> Job:
    async with transaction(engine) as connection:
        return await get_job(connection, job_id)


async def _newest_active(engine: AsyncEngine, service: str | None, kind: str | None) -> Job:
    """The newest job that is not done.

    Raises NotFound when there is none.
    """
    async with transaction(engine) as connection:
        pairs = [await list_jobs(connection, service=service, kind=kind, state=state, limit=1) for state in ACTIVE]
    active = [job for found in pairs for job in found]
    if not active:
        raise NotFound("No such job is queued or running now. `rfid3 jobs list` shows those that were.")
    return max(active, key=lambda job: job.created_at)


async def _follow(engine: AsyncEngine, job_id: str) -> Job:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    job = await _read(engine, job_id)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar, trouble = bars.add_task(job.state, total=1.0), ""
        while not job.finished:
            again = f" (attempt {job.attempts} of {job.max_attempts})" if job.attempts > 1 else ""
            words = trouble or f"{job.state} {job.stage}{again}"
            bars.update(bar, completed=job.progress, description=escape(f"{job.service} {job.kind}: {words}"))
            await asyncio.sleep(LOOK_INTERVAL_S)
            try:
                job, trouble = await _read(engine, job_id), ""
            except StoreUnavailable:
                trouble = "the store is out of reach, waiting for it"
    return job


def _conclude(job: Job) -> None:
    """Say how a job ended, and end the command so."""
    console = Console()
    console.print(f"{job.service} {job.kind}: {_coloured(job)}")
    if job.state != "succeeded":
        if job.error:
            console.print(f"[bold red]{escape(str(job.error['code']))}[/] {escape(str(job.error['message']))}")
        raise typer.Exit(1)
    if job.result:
        console.print_json(data=job.result)


def _say(text: str) -> None:
    Console(stderr=True).print(escape(text))


def _coloured(job: Job) -> str:
    state = "failed, quarantined" if job.quarantined else job.state
    return f"[{COLOURS[job.state]}]{state}[/]" if job.state in COLOURS else state


__all__ = ["app"]
