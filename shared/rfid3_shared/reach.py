"""Which servers behind this process are out of reach right now? Asked in the background, read by every answer's `meta`."""

import asyncio

from rfid3_shared.resources import Resources
from rfid3_shared.tasks import end_tasks

INTERVAL_S = 2.0


class Reach:
    """The result of the last look at redis, source and store; a look every two seconds."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._task: asyncio.Task[None] | None = None
        self.missing: tuple[str, ...] = ()
        """Names of the servers that did not answer at the last look."""

    async def start(self) -> None:
        """Look once, then go on looking until closed."""
        await self.look()
        self._task = asyncio.create_task(self._watch(), name="reach")

    async def aclose(self) -> None:
        """Stop looking."""
        if self._task:
            await end_tasks([self._task])

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            await self.look()

    async def look(self) -> None:
        """Ask each server now."""
        answers = await self._resources.ping()
        self.missing = tuple(name for name, answered in answers.items() if not answered)
