"""Ending tasks: for certain, however they were written."""

import asyncio

from rfid3_shared.tasks import end_tasks


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
