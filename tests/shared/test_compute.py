"""Work that needs the processor: off the loop, bounded in number and time."""

import asyncio
import contextvars
import threading
from collections.abc import Iterator

import pytest

from rfid3_shared.compute import Compute, ComputeTimeout


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


class TestOffLoop:
    async def test_the_answer_comes_from_another_thread(self) -> None:
        """The function runs beside the loop, with its arguments and this context's variables."""
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
        variable.set("request-1")
        compute = Compute(threads=1)

        answer = await compute.off_loop(lambda a, b: (a + b, variable.get(), threading.get_ident()), 2, 3)

        assert answer[:2] == (5, "request-1")
        assert answer[2] != threading.get_ident()
        compute.close()

    async def test_its_own_error_reaches_the_caller(self) -> None:
        """What the function raises is raised, also when that is a time-out of its own."""
        compute = Compute(threads=1)

        def fail() -> None:
            raise TimeoutError("mine")

        with pytest.raises(TimeoutError, match="mine"):
            await compute.off_loop(fail)
        compute.close()

    async def test_too_long_is_refused_and_keeps_its_place(self, release: threading.Event) -> None:
        """A late computation answers 504 and holds its thread until it ends; then the thread serves again."""
        compute = Compute(threads=1)

        with pytest.raises(ComputeTimeout) as late:
            await compute.off_loop(release.wait, timeout_s=0.05)
        with pytest.raises(ComputeTimeout):
            await compute.off_loop(threading.get_ident, timeout_s=0.05)
        release.set()

        assert (late.value.status, late.value.code) == (504, "TIMEOUT")
        assert await compute.off_loop(threading.get_ident, timeout_s=5)
        compute.close()

    async def test_no_more_threads_than_allowed(self, release: threading.Event) -> None:
        """Of many computations as many run at once as there are threads; the others wait their turn."""
        compute, lock, now, most = Compute(threads=2), threading.Lock(), 0, 0

        def work() -> None:
            nonlocal now, most
            with lock:
                now, most = now + 1, max(most, now + 1)
            release.wait(0.02)
            with lock:
                now -= 1

        await asyncio.gather(*(compute.off_loop(work, timeout_s=5) for _ in range(10)))

        assert most == 2
        compute.close()
