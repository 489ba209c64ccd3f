"""What must be there before the processes start: data, tables, a key, flags, a first model.

Runs in a forked child that ends when all is there, because it opens connections and starts threads; the parent stays clean.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rfid3_deploy.demo_key import ensure_demo_key
from rfid3_deploy.first_flags import switch_on_first
from rfid3_deploy.plan import Plan
from rfid3_deploy.source_data import fill_source
from rfid3_deploy.stages import stage
from rfid3_deploy.topology import Service
from rfid3_deploy.training import train_where_needed
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine
from rfid3_shared.errors import AppError
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.settings import Settings


def prepare(plan: Plan, settings: Settings, services: Sequence[Service], keys: Sequence[str]) -> int:
    """Go through the stages with bars; returns the exit code of the first that failed."""
    keep_terminal_clean(settings.home / "log" / "prepare.log")
    try:
        asyncio.run(_prepare(plan, settings, services, [Path(key) for key in keys]))
    except AppError as error:
        from rfid3_shared.cli import tell

        return tell(error)
    return 0


def keep_terminal_clean(log: Path) -> None:
    """Leave the terminal to what this module says: what else writes to standard error, subprocesses too, goes to the log."""
    terminal = os.fdopen(os.dup(2), "w", buffering=1)
    log_fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    os.dup2(log_fd, 2)
    os.close(log_fd)
    sys.stderr = terminal


async def _prepare(plan: Plan, settings: Settings, services: Sequence[Service], keys: Sequence[Path]) -> None:
    with stage("source data") as current:
        changed, current.outcome = await fill_source(plan, settings, current.report)
    with stage("tables and key") as current:
        store = open_engine(settings.store_dsn, pool_size=1, overflow=0)
        try:
            await ensure_schema(store)
            await ensure_demo_key(store, keys, Clock())
            if switched := await switch_on_first(store, services, Clock()):
                current.outcome = f"switched on {', '.join(switched)}"
        finally:
            await store.dispose()
    with stage("first training") as current:
        current.outcome = await train_where_needed(services, current.report, again=changed)
