"""How are the readers' messages taken in for as long as somebody listens, whatever becomes of broker and store meanwhile?

What has been received is taken in before anything else happens, with or without the connection it came on, and acknowledged only
then. So the broker keeps whatever is not in the store, sends it again, and it is the same event.
"""

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rfid3_shared.clock import Clock
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.events.mqtt_address import Address
from rfid3_shared.events.mqtt_connection import BATCH, MQTT_3, MQTT_5, Connection, Lost, OtherVersion
from rfid3_shared.events.mqtt_message import Message
from rfid3_shared.events.mqtt_receipts import Receipts
from rfid3_shared.events.mqtt_settle import NothingTaken, TakeIn, settle
from rfid3_shared.log import get_logger

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STORE_PAUSE_S = 1.0
STEADY_S = 10.0
"""A connection that lasts so long was a good one: the next pause is short again."""
log = get_logger("events.mqtt")


class Listener:
    """Listens at one broker; `state` says what there is to be seen, and continues the counts of `before`.

    `news` is set when more than its counts changed.
    """

    def __init__(self, address: Address, client_id: str, take_in: TakeIn, clock: Clock, before: Mapping[str, Any]) -> None:
        self._address, self._client_id, self._take_in, self._clock = address, client_id, take_in, clock
        self._receipts = Receipts()
        self._version = MQTT_5
        self._former_topic = str(before.get("topic") or "")
        self._messages, self._refused = int(before.get("messages") or 0), int(before.get("refused") or 0)
        self._last_message_at: str | None = before.get("last_message_at")
        self._connection: Connection | None = None
        self._why, self._since = "Not connected yet.", clock.now()
        self._waits = ""
        self.news = asyncio.Event()

    @property
    def state(self) -> dict[str, Any]:
        """What can be seen of it, as JSON; times in UTC."""
        connected = self._connection is not None and self._connection.lost is None
        return {
            "connected": connected, "since": _text(self._since), "why": self._waits if connected else self._why,
            "broker": self._address.place, "topic": self._address.topic, "messages": self._messages, "refused": self._refused,
            "last_message_at": self._last_message_at,
        }  # fmt: skip

    async def listen_for_ever(self) -> None:
        """Connect, take in, and connect again, with growing pauses that differ from process to process."""
        failures = 0
        while True:
            began = self._clock.monotonic()
            try:
                await self._listen_once()
            except OtherVersion as other:
                self._note(other)
                self._version = MQTT_3 if self._version == MQTT_5 else MQTT_5
            except Lost as lost:
                self._note(lost)
            failures = 0 if self._clock.monotonic() - began > STEADY_S else failures + 1
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(failures, 10))
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads processes, protects nothing

    async def _listen_once(self) -> None:
        connection = Connection(self._address, self._client_id, self._version)
        try:
            session_present = await connection.open(self._former_topic)
            self._receipts.connected(session_present=session_present)
            self._former_topic = self._address.topic
            self._connection, self._why, self._since = connection, "", self._clock.now()
            self.news.set()
            log.info("mqtt_connected", broker=self._address.place, session_present=session_present)
            while True:
                await self._settle(connection, await connection.batch())
        finally:
            self._connection = None
            connection.close()

    async def _settle(self, connection: Connection, messages: list[Message]) -> None:
        received = self._received(messages)
        while True:
            try:
                refused = await settle(received, self._take_in)
                break
            except (StoreUnavailable, NothingTaken) as fault:
                self._wait_for_store(fault, len(received))
            await asyncio.sleep(STORE_PAUSE_S)
            received += self._received(connection.waiting(BATCH - len(received)))
        if self._waits:
            self._waits = ""
            self.news.set()
        self._messages += len(received)
        self._refused += refused.total()
        self._last_message_at = _text(max(at for _, at in received))
        connection.done([message for message, _ in received])

    def _received(self, messages: list[Message]) -> list[tuple[Message, datetime]]:
        now = self._clock.now().astimezone(self._clock.zone)
        return [(message, self._receipts.first(message, now)) for message in messages]

    def _wait_for_store(self, fault: Exception, messages: int) -> None:
        if not self._waits:
            log.warning("mqtt_waits_for_store", messages=messages, fault=type(fault).__name__)
            self.news.set()
        cause = "The store cannot be reached" if isinstance(fault, StoreUnavailable) else "What was received cannot be taken in"
        self._waits = f"{cause}; {messages} messages wait."

    def _note(self, lost: Lost) -> None:
        if str(lost) != self._why:
            log.warning("mqtt_disconnected", broker=self._address.place, why=str(lost))
            self._why, self._since = str(lost), self._clock.now()
            self.news.set()


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
