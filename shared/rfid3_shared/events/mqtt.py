"""Who listens to the readers' MQTT broker? One worker's duty where `RFID3_MQTT_URL` is set; where it is not, nobody imports MQTT.

Whoever holds the lease of the consumer "mqtt" listens; the others look every few seconds whether it has lapsed. What there is to
be seen of it is kept in that row, for GET /events/status.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.db import open_engine, transaction
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.events import position
from rfid3_shared.jobs.duties import Duty, Held
from rfid3_shared.jobs.holder import own_name
from rfid3_shared.log import get_logger
from rfid3_shared.settings import Settings
from rfid3_shared.tasks import end_tasks, finish

if TYPE_CHECKING:
    from rfid3_shared.events.mqtt_listener import Listener

CONSUMER = "mqtt"
LOOK_S, SAVE_S, LEASE_S = 5.0, 3.0, 15.0
log = get_logger("events.mqtt")


def duties(settings: Settings) -> tuple[Duty, ...]:
    """What a worker sees to: nothing, unless a broker is given."""
    return () if settings.mqtt_url is None else (Duty("mqtt", LOOK_S, _Lease().work),)


class _Lease:
    """One process's turn at the broker: begins when nobody else has it, ends when somebody else got it."""

    def __init__(self) -> None:
        self._holder = own_name()
        self._said = ""

    async def work(self, held: Held) -> None:
        """Listen for as long as the lease is ours; returns at once when another process listens, or the store is out of reach."""
        try:
            before = await self._hold(held)
        except StoreUnavailable:
            return
        if before is not None:
            await self._listen(held, before)

    async def _listen(self, held: Held, before: Mapping[str, Any]) -> None:
        from rfid3_shared.events.intake import Rules, take_in
        from rfid3_shared.events.mqtt_address import address_of
        from rfid3_shared.events.mqtt_listener import Listener

        settings = held.settings
        if settings.mqtt_url is None:
            return
        try:
            address = address_of(settings.mqtt_url.get_secret_value())
        except ValueError as fault:
            if str(fault) != self._said:
                log.error("mqtt_url_wrong", why=str(fault))
                self._said = str(fault)
            await self._save(held, {**before, "connected": False, "why": str(fault)})
            return
        source = open_engine(settings.source_dsn, pool_size=1, overflow=0, read_only=True)
        keep = partial(take_in, held.engine, source, held.redis, held.clock, origin="mqtt", rules=Rules.of(settings))
        listener = Listener(address, settings.mqtt_client_id, keep, held.clock, before)
        listening = asyncio.create_task(listener.listen_for_ever(), name="mqtt")
        listening.add_done_callback(lambda _: listener.news.set())
        try:
            while not listening.done() and await self._save(held, listener.state):
                with suppress(TimeoutError):
                    async with asyncio.timeout(SAVE_S):
                        await listener.news.wait()
                listener.news.clear()
            if listening.done():
                listening.result()
        finally:
            await finish(self._end(held, listening, listener, source))

    async def _end(self, held: Held, listening: "asyncio.Task[None]", listener: "Listener", source: AsyncEngine) -> None:
        await end_tasks({listening})
        await source.dispose()
        await self._let_go(held, {**listener.state, "why": "Nobody listens."})

    async def _hold(self, held: Held) -> dict[str, Any] | None:
        async with transaction(held.engine) as connection:
            return await position.hold(connection, CONSUMER, self._holder, held.clock, LEASE_S)

    async def _save(self, held: Held, state: dict[str, Any]) -> bool:
        """Show the state and keep the lease; False when another process has it by now."""
        try:
            async with transaction(held.engine) as connection:
                if await position.hold(connection, CONSUMER, self._holder, held.clock, LEASE_S) is None:
                    return False
                return await position.save(connection, CONSUMER, self._holder, state, held.clock)
        except StoreUnavailable:
            # nobody can take it over either, and nothing is taken in meanwhile
            return True

    async def _let_go(self, held: Held, state: dict[str, Any]) -> None:
        try:
            if await self._save(held, state):
                async with transaction(held.engine) as connection:
                    await position.release(connection, CONSUMER, self._holder, held.clock)
        except Exception as fault:
            # what it interrupts, a cancellation maybe, goes on; the lease lapses by itself
            log.warning("mqtt_lease_not_released", exc_info=fault)
