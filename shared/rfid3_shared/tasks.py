"""How does a task of the event loop end for certain?"""

import asyncio
from collections.abc import Iterable
from typing import Any

ASK_AGAIN_S = 1.0


async def end_tasks(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel the tasks until every one has ended; what they raise is theirs.

    Once is not enough: Python 3.11's `asyncio.wait_for`, through which redis-py writes to its socket, returns instead of
    raising when it is cancelled in the moment its write is done (python/cpython#86296), and a loop around it goes on.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        done, pending = await asyncio.wait(pending, timeout=ASK_AGAIN_S)
        for task in done:
            if not task.cancelled():
                task.exception()  # marks it as seen
