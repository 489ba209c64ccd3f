"""How does a task of the event loop end for certain, and how is what must be done at the end done whole?"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

ASK_AGAIN_S = 1.0


async def end_tasks(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel the tasks until every one has ended; what they raise is theirs.

    Once is not enough: Python 3.11's `asyncio.wait_for`, through which redis-py writes to its socket, returns instead of
    raising when it is cancelled in the moment its write is done (python/cpython#86296), and a loop around it goes on.
    So whoever ends tasks may be asked again itself, by somebody who does likewise. It raises that only when all have ended:
    nobody else would end them, and what they hold open would stay open.
    """
    loop = asyncio.get_running_loop()
    pending, asked_at = {task for task in tasks if not task.done()}, -ASK_AGAIN_S
    interrupted: asyncio.CancelledError | None = None
    while pending:
        if loop.time() >= asked_at + ASK_AGAIN_S:
            for task in pending:
                task.cancel()
            asked_at = loop.time()
        try:
            await asyncio.wait(pending, timeout=asked_at + ASK_AGAIN_S - loop.time())
        except asyncio.CancelledError as fault:
            interrupted = fault
        for task in {task for task in pending if task.done()}:
            pending.remove(task)
            if not task.cancelled():
                task.exception()  # marks it as seen
    if interrupted is not None:
        raise interrupted


async def finish(work: "Coroutine[Any, Any, None]") -> None:
    """Do this to its end although the caller is cancelled meanwhile, however often; that is raised when it is done.

    For letting go of servers: half a closing leaves a connection, and the thread behind it, to nobody. The work must be bounded
    by itself. What it raises is raised.
    """
    task, interrupted = asyncio.create_task(work), None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as fault:
            interrupted = fault
    task.result()
    if interrupted is not None:
        raise interrupted
