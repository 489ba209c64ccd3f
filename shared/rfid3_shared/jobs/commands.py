"""What are the suite's jobs doing? `rfid3 jobs list | show | watch`."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.command_store import with_store
from rfid3_shared.db import transaction
from rfid3_shared.jobs.job import STATES, Job
from rfid3_shared.jobs.requests import get_job, list_jobs

app = typer.Typer(help="Training runs and other work that outlasts a request.", no_args_is_help=True)
COLOURS = {"succeeded": "green", "failed": "red", "running": "cyan", "cancelled": "yellow"}
LOOK_INTERVAL_S = 0.3
JobId = Annotated[str, typer.Argument(help="The id that the request was answered with.")]


@app.command("list")
def list_(
    service: Annotated[str | None, typer.Option(help="Only jobs of this service, e.g. demand.")] = None,
    state: Annotated[str | None, typer.Option(help=f"Only jobs in this state: {', '.join(STATES)}.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=1000)] = 20,
) -> None:
    """List jobs, newest first."""
    if state and state not in STATES:
        raise typer.BadParameter(f"use one of {', '.join(STATES)}", param_hint="--state")

    async def read(engine: AsyncEngine) -> list[Job]:
        async with transaction(engine) as connection:
            return await list_jobs(connection, service=service, state=state, limit=limit)

    table = Table("job", "service", "kind", "state", "stage", "progress", "attempts", "asked by", "created (UTC)")
    for job in with_store(read):
        table.add_row(
            job.id, job.service, job.kind, _coloured(job.state), job.stage, f"{job.progress:.0%}",
            f"{job.attempts}/{job.max_attempts}", job.requested_by, f"{job.created_at:%Y-%m-%d %H:%M:%S}",
        )  # fmt: skip
    Console().print(table)


@app.command()
def show(job_id: JobId) -> None:
    """Show everything about one job as JSON."""
    Console().print_json(data=with_store(lambda engine: _read(engine, job_id)).as_dict())


@app.command()
def watch(job_id: JobId) -> None:
    """Follow a job until it is done: exit code 0 when it succeeded, 1 when not, 2 for an unknown id."""
    job = with_store(lambda engine: _follow(engine, job_id))
    console = Console()
    console.print(f"{job.service} {job.kind}: {_coloured(job.state)}")
    if job.state != "succeeded":
        if job.error:
            console.print(f"[bold red]{job.error['code']}[/] {job.error['message']}")
        raise typer.Exit(1)
    if job.result:
        console.print_json(data=job.result)


async def _read(engine: AsyncEngine, job_id: str) -> Job:
    async with transaction(engine) as connection:
        return await get_job(connection, job_id)


async def _follow(engine: AsyncEngine, job_id: str) -> Job:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    job = await _read(engine, job_id)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(job.state, total=1.0)
        while not job.finished:
            bars.update(bar, completed=job.progress, description=f"{job.state} {job.stage}")
            await asyncio.sleep(LOOK_INTERVAL_S)
            job = await _read(engine, job_id)
    return job


def _coloured(state: str) -> str:
    return f"[{COLOURS[state]}]{state}[/]" if state in COLOURS else state


__all__ = ["app"]
