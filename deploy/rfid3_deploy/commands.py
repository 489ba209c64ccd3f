"""How is the suite started from a shell? `rfid3 up` and `rfid3 train`."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from rfid3_deploy.plan import Plan
from rfid3_shared.errors import InvalidParameters


def up(
    data: Annotated[Path | None, typer.Option(help="Folder of an RFID3 export to work on; without it, a demo company.")] = None,
    items: Annotated[int, typer.Option(help="Tagged units of the demo company.", min=50)] = Plan.items,
    months: Annotated[int, typer.Option(help="Months of history of the demo company.", min=1)] = Plan.months,
    seed: Annotated[int, typer.Option(help="Seed of the demo company.")] = Plan.seed,
) -> None:
    """Start everything on this machine and stay in the foreground until Ctrl-C.

    The first start fills the source (the demo company, or the export given with --data) and trains; later ones keep what is
    there. Prints `ready http://127.0.0.1:8100` and an API key once every process answers.
    """
    if data is not None and not data.is_dir():
        raise InvalidParameters(
            f"There is no folder {data}.", data="a folder with RFID3's tables as <table>.csv or <table>.csv.gz"
        )
    plan = Plan(str(data.resolve()) if data else None, items, months, seed)
    # this process has imported what a command line needs; the parent of all others shall hold only what they use
    os.execve(sys.executable, [sys.executable, "-m", "rfid3_deploy.suite", plan.to_json()], {**os.environ, **LEAN})  # noqa: S606


LEAN = {"MALLOC_ARENA_MAX": "2", "PYTHONUNBUFFERED": "1"}
"""Fewer heaps per process: threads are few, and each heap keeps memory to itself."""


def train(
    service: Annotated[str, typer.Argument(help="Which service's model, e.g. demand.")] = "demand",
    force: Annotated[bool, typer.Option(help="Let it serve even when it is no better than what serves now.")] = False,
    engine: Annotated[
        str | None, typer.Option(help="Where it is computed: local, local-cluster:2 or dask://HOST:PORT [RFID3_TRAIN_ENGINE].")
    ] = None,
) -> None:
    """Train a model now and hold it against the one that serves; a better one takes over without a pause.

    `rfid3 models list` shows what became of it and why.
    """
    from rfid3_deploy.stages import stage
    from rfid3_deploy.topology import read_topology
    from rfid3_deploy.training import train_service

    found = {each.name: each for each in read_topology()}
    if service not in found:
        raise InvalidParameters(f"There is no service {service!r}.", services=", ".join(found))
    with stage("training") as current:
        current.outcome = asyncio.run(train_service(found[service], current.report, force=force, engine=engine))
