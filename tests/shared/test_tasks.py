"""Ending tasks: for certain, however they were written."""

import asyncio
from contextlib import suppress

import pytest

from rfid3_shared import tasks as tasks_module
from rfid3_shared.tasks import end_tasks, finish


class TestEndTasks:
    async def test_a_task_that_loses_a_cancellation_ends_all_the_same(self) -> None:
        """One that swallows the first request is asked again; one that fails while ending disturbs nobody."""
        swallowed = 0

        async def loses_one() -> None:
            nonlocal swallowed
            while True:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    swallowed += 1
                    if swallowed > 1:
                        raise

        async def fails() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                raise OSError

        tasks = [asyncio.create_task(loses_one()), asyncio.create_task(fails()), asyncio.create_task(asyncio.sleep(0))]
        await asyncio.sleep(0.01)

        await end_tasks(tasks)

        assert all(task.done() for task in tasks)
        assert swallowed == 2

    async def test_asked_again_itself_it_leaves_nothing_behind(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a slow machine whoever ends tasks is cancelled again before they have ended: they end first, then it does."""
        monkeypatch.setattr(tasks_module, "ASK_AGAIN_S", 0.01)

        async def takes_long_to_end() -> None:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            until = asyncio.get_running_loop().time() + 0.1
            while (left := until - asyncio.get_running_loop().time()) > 0:
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(left)

        inner = asyncio.create_task(takes_long_to_end())

        async def holds_it() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await end_tasks({inner})

        outer = asyncio.create_task(holds_it())
        await asyncio.sleep(0.01)

        await end_tasks({outer})

        assert outer.cancelled()
        assert inner.done()


class TestFinish:
    async def test_cancelled_however_often_it_is_done_whole_and_then_raised(self) -> None:
        """The steps of an ending all happen; whoever was cancelled meanwhile learns of it afterwards."""
        begun, go, steps = asyncio.Event(), asyncio.Event(), []

        async def ending() -> None:
            begun.set()
            await go.wait()
            steps.append("store")
            await asyncio.sleep(0)
            steps.append("source")

        task = asyncio.create_task(finish(ending()))
        await begun.wait()
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.01)
        assert not task.done()
        go.set()

        with pytest.raises(asyncio.CancelledError):
            await task
        assert steps == ["store", "source"]

    async def test_its_fault_is_raised(self) -> None:
        """What fails at the end is not passed over."""

        async def fails() -> None:
            raise OSError("gone")

        with pytest.raises(OSError, match="gone"):
            await finish(fails())
