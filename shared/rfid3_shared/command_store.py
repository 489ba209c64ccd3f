"""How does a command reach the suite's store for one piece of work, and how does it say that it could not?"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.db import open_engine
from rfid3_shared.errors import AppError
from rfid3_shared.log import keep_stdout_clean
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.settings import Settings

R = TypeVar("R")


def with_store(use: Callable[[AsyncEngine], Awaitable[R]]) -> R:
    """What `use` makes of the store; its tables are there.

    Ends the command with exit code 2 and plain words when the store is out of reach or `use` refuses.
    """

    async def opened() -> R:
        engine = open_engine(Settings().store_dsn)
        try:
            await ensure_schema(engine)
            return await use(engine)
        finally:
            await engine.dispose()

    keep_stdout_clean()
    try:
        return asyncio.run(opened())
    except AppError as fault:
        Console(stderr=True).print(f"[bold red]{fault.code}[/] {fault.message}")
        raise typer.Exit(2) from None
