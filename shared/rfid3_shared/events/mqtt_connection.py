"""How does one connection to the broker live on the event loop, from its greeting to its loss?

paho-mqtt speaks the protocol; the loop tells it when its socket can be read or written. So there is no thread, and since a
connection is used once, an acknowledgement can never reach a later one, where its number may belong to another message. At most
`WINDOW` messages (MQTT 5) and about `MOST_BYTES` are held: beyond that the socket is left unread until some are done.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from rfid3_shared.events.mqtt_address import Address
from rfid3_shared.events.mqtt_message import Message

BATCH, GATHER_S = 500, 0.2
WINDOW = 2 * BATCH
"""Messages the broker may have on their way to us: one batch being taken in, one being gathered."""
MOST_BYTES = 16_000_000
LARGEST_MESSAGE_BYTES = 1_000_000
SESSION_DAYS = 14
"""How long a broker keeps for us what readers publish while we are away (MQTT 5; else as the broker likes)."""
KEEPALIVE_S, GREETING_S = 30, 10.0
PACKETS_AT_ONCE = 64
MQTT_5, MQTT_3 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311
NEW_SUBSCRIPTION_ONLY = 1
"""Retained messages are sent when a subscription is new, not at every connection."""
WRONG_VERSION, WRONG_CLIENT_ID, WRONG_PASSWORD, NOT_ALLOWED = 132, 133, 134, 135
"""Reason codes (MQTT 5, section 2.4); paho translates those of 3.1.1."""


class Lost(Exception):
    """No connection, or no longer; the text says why in plain words and can be shown."""


class OtherVersion(Lost):
    """The broker does not speak this version of MQTT."""


class Connection:
    """One connection, used once: `open`, then `batch` and `done` until `Lost`, then `close`. `held`: messages not done yet."""

    def __init__(self, address: Address, client_id: str, version: MQTTProtocolVersion = MQTT_5) -> None:
        self._address, self._client_id, self._version = address, client_id, version
        self._loop = asyncio.get_running_loop()
        self._client = self._new_client()
        self._socket: Any = None
        self._news = asyncio.Event()
        self._waiting: deque[Message] = deque()
        self._received = self.held = self._held_bytes = 0
        self._paused = self._subscribed = False
        self._session_present: bool | None = None
        self._tick: asyncio.TimerHandle | None = None
        self.lost: Lost | None = None

    async def open(self, former_topic: str = "") -> bool:
        """Connect and subscribe; whether the broker still had our session. `former_topic` is no longer subscribed to.

        Raises Lost, and OtherVersion where another version of MQTT may help.
        """
        place = self._address.place
        try:
            async with asyncio.timeout(GREETING_S):
                await asyncio.to_thread(self._connect)
                self._attend_to_socket()
                await self._until(lambda: self._session_present is not None)
                self._subscribe(former_topic)
                await self._until(lambda: self._subscribed)
        except TimeoutError:
            raise Lost(f"The MQTT broker at {place} does not answer.") from None
        except ssl.SSLError:
            raise Lost(f"The MQTT broker at {place} shows no certificate that can be trusted.") from None
        except OSError:
            raise Lost(f"The MQTT broker at {place} cannot be reached.") from None
        return bool(self._session_present)

    async def batch(self) -> list[Message]:
        """At most `BATCH` messages, gathered for `GATHER_S` from the first; what was received before a loss comes first.

        Raises Lost.
        """
        await self._until(lambda: bool(self._waiting))
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHER_S):
                await self._until(lambda: len(self._waiting) >= BATCH or self.lost is not None)
        return self.waiting(BATCH)

    def waiting(self, most: int) -> list[Message]:
        """What has been received and not handed out, at most so many."""
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def done(self, messages: Sequence[Message]) -> None:
        """Acknowledge: the broker may forget these messages. Once the connection is lost it keeps them, and sends them again."""
        for message in messages:
            self.held -= 1
            self._held_bytes -= len(message.payload)
            if not self.lost:
                self._client.ack(message.mid, message.qos)
        if self._paused and not self.lost and not self._full:
            self._paused = False
            self._loop.add_reader(self._socket, self._readable)
            self._loop.call_soon(self._readable)

    def close(self) -> None:
        """Take leave; the broker keeps the session."""
        if self._tick:
            self._tick.cancel()
        if not self.lost:
            self._client.disconnect()
            self._client.loop_write()
        self._end(Lost("The connection was closed."))

    @property
    def _full(self) -> bool:
        # what is published at QoS 0, and brokers that speak only 3.1.1, know no window
        return self.held >= 2 * WINDOW or self._held_bytes >= MOST_BYTES

    def _new_client(self) -> paho.Client:
        modern = self._version == MQTT_5
        client = paho.Client(
            CallbackAPIVersion.VERSION2, self._client_id, None if modern else False, protocol=self._version,
            reconnect_on_failure=False, manual_ack=True,
        )  # fmt: skip
        if self._address.user is not None:
            client.username_pw_set(self._address.user, self._address.password)
        if self._address.tls:
            client.tls_set_context(ssl.create_default_context())
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_subscribe, client.on_message = self._on_subscribe, self._on_message
        return client

    def _connect(self) -> None:
        if self._version != MQTT_5:
            self._client.connect(self._address.host, self._address.port, KEEPALIVE_S)
            return
        wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wishes.SessionExpiryInterval = SESSION_DAYS * 86_400
        wishes.ReceiveMaximum = WINDOW
        wishes.MaximumPacketSize = LARGEST_MESSAGE_BYTES
        self._client.connect(self._address.host, self._address.port, KEEPALIVE_S, clean_start=False, properties=wishes)

    def _attend_to_socket(self) -> None:
        self._socket = self._client.socket()
        if self._socket is None:
            raise ConnectionError
        # only now: what paho did until here, it did on another thread
        self._client.on_socket_close = lambda *_: self._leave_socket()
        self._client.on_socket_register_write = lambda *_: self._loop.add_writer(self._socket, self._writable)
        self._client.on_socket_unregister_write = self._on_all_written
        self._loop.add_reader(self._socket, self._readable)
        self._look_after()

    def _subscribe(self, former_topic: str) -> None:
        if former_topic and former_topic != self._address.topic:
            self._client.unsubscribe(former_topic)
        if self._version == MQTT_5:
            self._client.subscribe(self._address.topic, options=SubscribeOptions(qos=1, retainHandling=NEW_SUBSCRIPTION_ONLY))
        else:
            self._client.subscribe(self._address.topic, qos=1)

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            if self.lost:
                raise self.lost
            self._news.clear()
            await self._news.wait()

    def _readable(self) -> None:
        for _ in range(PACKETS_AT_ONCE):
            if self.lost:
                return
            if self._full:
                self._paused = True
                self._loop.remove_reader(self._socket)
                return
            before = self._received
            try:
                self._client.loop_read()
            except Exception:  # noqa: BLE001 - of a decoder that was fed something else than MQTT; its text may hold content
                self._end(Lost("What the MQTT broker sent is not MQTT."))
                return
            if self._received == before and not self._hidden:
                return
        if self._hidden:
            self._loop.call_soon(self._readable)

    @property
    def _hidden(self) -> bool:
        # what TLS has decrypted already makes no socket readable
        return not self.lost and isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _writable(self) -> None:
        self._client.loop_write()

    def _look_after(self) -> None:
        self._client.loop_misc()
        if not self.lost:
            self._tick = self._loop.call_later(1.0, self._look_after)

    def _leave_socket(self) -> None:
        if self._socket is not None and self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)

    def _end(self, why: Lost) -> None:
        if self.lost is None:
            self.lost = why
            self._news.set()
            if self._tick:
                self._tick.cancel()
            self._leave_socket()
            if self._socket is not None:
                self._socket.close()

    def _on_connect(self, _: Any, __: Any, flags: paho.ConnectFlags, reason: ReasonCode, ___: Any) -> None:
        if reason.is_failure:
            self._end(_refusal(reason, self._client_id))
        else:
            self._session_present = flags.session_present
            self._news.set()

    def _on_subscribe(self, _: Any, __: Any, ___: int, reasons: list[ReasonCode], ____: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._end(Lost(f"The MQTT broker does not let us read the topics {self._address.topic}."))
        self._subscribed = True
        self._news.set()

    def _on_disconnect(self, _: Any, __: Any, flags: paho.DisconnectFlags, reason: ReasonCode, ___: Any) -> None:
        said = f" ({reason.getName().lower()})" if flags.is_disconnect_packet_from_server else ""
        self._end(Lost(
            f"The connection to the MQTT broker at {self._address.place} broke off{said}. If it does again and again, another program "
            f"may use the client id {self._client_id}."
        ))  # fmt: skip

    def _on_all_written(self, *_: Any) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_writer(self._socket)

    def _on_message(self, _: Any, __: Any, delivery: paho.MQTTMessage) -> None:
        try:
            topic: str | None = delivery.topic
        except UnicodeDecodeError:
            topic = None
        properties = getattr(delivery.properties, "UserProperty", ())
        message = Message(topic, bytes(delivery.payload), delivery.mid, delivery.qos, delivery.dup, delivery.retain, properties)
        self._received += 1
        self.held += 1
        self._held_bytes += len(message.payload)
        self._waiting.append(message)
        self._news.set()


def _refusal(reason: ReasonCode, client_id: str) -> Lost:
    if reason.value == WRONG_VERSION:
        return OtherVersion("The MQTT broker speaks another version of MQTT.")
    if reason.value in (WRONG_PASSWORD, NOT_ALLOWED):
        return Lost("The MQTT broker refuses the name or password of RFID3_MQTT_URL.")
    if reason.value == WRONG_CLIENT_ID:
        return Lost(f"The MQTT broker refuses the client id {client_id}.")
    return Lost(f"The MQTT broker refuses the connection: {reason.getName().lower()}.")
