"""What was read from a database a moment ago and serves all who ask until it is due again?"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from rfid3_shared.clock import Clock
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.log import get_logger

ASK_AGAIN_S = 2.0
Value = TypeVar("Value")
log = get_logger("gateway.kept")


class Kept(Generic[Value]):
    """One value, read by one reader at a time, in the background; who cannot wait gets the last one."""

    def __init__(self, name: str, read: Callable[[], Awaitable[Value]], kept_s: float, clock: Clock, missing: str) -> None:
        self._name, self._read, self._kept_s, self._clock, self._missing = name, read, kept_s, clock, missing
        self._reading: asyncio.Task[None] | None = None
        self._value: Value | None = None
        self._due = 0.0

    async def value(self, timeout_s: float) -> Value:
        """The value, at most `kept_s` old, or the last one when reading it takes longer than the time.

        Raises StoreUnavailable, saying `missing`, when it was never read and cannot be now.
        """
        if (self._reading is None or self._reading.done()) and self._clock.monotonic() >= self._due:
            self._reading = asyncio.create_task(self._look(), name=self._name)
        if self._reading is not None:
            # shielded: what is too slow for this request is there for the next one
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await asyncio.shield(self._reading)
        if self._value is None:
            raise StoreUnavailable(self._missing)
        return self._value

    async def _look(self) -> None:
        try:
            self._value = await self._read()
            self._due = self._clock.monotonic() + self._kept_s
        except (StoreUnavailable, SQLAlchemyError, OSError) as fault:
            # a source that is gone is not asked by every request
            self._due = self._clock.monotonic() + ASK_AGAIN_S
            log.warning("not_read", what=self._name, fault=type(fault).__name__)
