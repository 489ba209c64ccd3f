"""Where does work that needs the processor run, so that it never holds up the event loop?

In a few threads of this object's own. What does not get a thread, or an answer, within its time is refused: a request that
nobody waits for any more must not pile up behind others.
"""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, TypeVar

from rfid3_shared.errors import AppError

R = TypeVar("R")


class ComputeTimeout(AppError):
    """The computation did not end, or did not begin, within its time."""

    status: ClassVar[int] = 504
    code: ClassVar[str] = "TIMEOUT"
    retryable: ClassVar[bool] = True


class Compute:
    """A bounded pool of threads; close it with `close`."""

    def __init__(self, threads: int = 2, timeout_s: float = 2.0) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="compute")
        self._free = asyncio.Semaphore(threads)
        self._timeout_s = timeout_s

    async def off_loop(self, fn: Callable[..., R], *args: Any, timeout_s: float | None = None) -> R:
        """`fn(*args)` in a thread, with this context's variables (the request id in log lines).

        Raises ComputeTimeout when it takes longer. A thread cannot be stopped: it keeps its place until it ends.
        """
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit_s) as limit:
                await self._free.acquire()
                running = asyncio.get_running_loop().run_in_executor(self._pool, contextvars.copy_context().run, fn, *args)
                running.add_done_callback(self._release)
                # shielded: giving up must not mark the thread as done while it still works
                return await asyncio.shield(running)
        except TimeoutError as fault:
            if not limit.expired():
                raise  # the function's own
            raise ComputeTimeout(f"The computation took longer than {limit_s:g} s.", limit_s=limit_s) from fault

    def close(self) -> None:
        """Let the threads end; what has not begun is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _release(self, running: asyncio.Future[Any]) -> None:
        self._free.release()
        if not running.cancelled():
            running.exception()  # marks it as seen: its caller may have given up
