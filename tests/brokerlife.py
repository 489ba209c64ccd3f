"""An MQTT broker of the test's own that may be killed and started again, readers that publish there, and a worker that listens."""

import asyncio
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from redis.asyncio import Redis
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.events import mqtt
from rfid3_shared.events.tables import event_positions, shop_events
from rfid3_shared.jobs.duties import Duty, Held, attend
from rfid3_shared.settings import Settings
from rfid3_shared.tasks import end_tasks

MOSQUITTO_HINT = "install mosquitto (the broker and its clients)"
PATIENCE_S = 60
TOPIC = "shop/scans/door-1"
NOON = f"{Clock().today() - timedelta(days=1)}T12:00:00"
"""Yesterday, in shop time."""


def program(name: str) -> str:
    """A program of mosquitto; skips the test where it is not installed."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if not found:
        pytest.skip(f"needs the MQTT broker mosquitto: {MOSQUITTO_HINT}")
    return found


class Broker:
    """mosquitto on a port of its own. It keeps sessions and messages in a folder, and writes down each change at once unless `lazy`."""

    def __init__(
        self, folder: Path, port: int, *, password: str | None = None, tls_port: int | None = None, lazy: bool = False
    ) -> None:  # fmt: skip
        self.port, self.tls_port, self._folder = port, tls_port, folder
        self.certificate = folder / "certificate.pem"
        self._process: subprocess.Popen[bytes] | None = None
        self._program = program("mosquitto")
        login = "allow_anonymous true"
        if password:
            file = folder / "passwords"
            subprocess.run([program("mosquitto_passwd"), "-b", "-c", str(file), "suite", password], check=True)
            file.chmod(0o600)
            login = f"allow_anonymous false\npassword_file {file}"
        autosave, every = ("false", 1800) if lazy else ("true", 1)
        lines = [
            f"listener {port} 127.0.0.1", login, "persistence true", f"persistence_location {folder}/", "log_dest none",
            f"autosave_on_changes {autosave}", f"autosave_interval {every}", "max_queued_messages 0", "max_inflight_messages 0",
            *(["user root"] if os.geteuid() == 0 else []),
        ]  # fmt: skip
        if tls_port:
            key = folder / "key.pem"
            write_certificate(self.certificate, key)
            lines += [f"listener {tls_port} 127.0.0.1", f"certfile {self.certificate}", f"keyfile {key}", login.splitlines()[0]]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start it, and return when it answers."""
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._folder / "mosquitto.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"mosquitto ended with {self._process.returncode}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise RuntimeError("mosquitto does not listen")

    def kill(self) -> None:
        """End it without a word (kill -9)."""
        if self._process:
            self._process.kill()
            self._process.wait(PATIENCE_S)

    async def saved(self) -> None:
        """Return when it has written down everything it has."""
        assert self._process
        file = self._folder / "mosquitto.db"
        before = file.stat().st_mtime_ns if file.exists() else 0
        self._process.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(PATIENCE_S):
            while not file.exists() or file.stat().st_mtime_ns == before:
                await asyncio.sleep(0.01)

    def url(self, *, user: str = "", topics: str = "shop/scans/#") -> str:
        """Its URL for the suite's settings."""
        return f"mqtt://{user}127.0.0.1:{self.port}/{topics}"


def write_certificate(certificate: Path, key: Path) -> None:
    """A certificate for localhost that vouches for itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )  # fmt: skip
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))


def reader(broker: Broker, name: str) -> paho.Client:
    """A client that connects, and connects again, by itself, on a thread of its own."""
    client = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5)
    client.reconnect_delay_set(0.05, 1)  # type: ignore[arg-type]
    client.max_inflight_messages_set(20)
    client.connect("127.0.0.1", broker.port, 10, clean_start=False)
    client.loop_start()
    return client


def publish(broker: Broker, payloads: Iterable[Any], *, topic: str = TOPIC, sent_at: str = "", retain: bool = False) -> None:
    """Publish at QoS 1, and return when the broker has acknowledged everything. Text is sent as it is, the rest as JSON."""
    client = reader(broker, f"reader-{time.monotonic_ns()}")
    properties = Properties(PacketTypes.PUBLISH)
    if sent_at:
        properties.UserProperty = ("timestamp", sent_at)
    try:
        # published before the broker's welcome is read, a message is sent later and yet counts as failed
        until = time.monotonic() + PATIENCE_S
        while not client.is_connected() and time.monotonic() < until:
            time.sleep(0.002)
        assert client.is_connected(), "the broker took no connection"
        sent = [
            client.publish(
                topic, each if isinstance(each, str | bytes) else json.dumps(each), qos=1, retain=retain, properties=properties
            )
            for each in payloads
        ]
        for each in sent:
            each.wait_for_publish(PATIENCE_S)
    finally:
        client.disconnect()
        client.loop_stop()


def scan(number: int, **also: Any) -> dict[str, Any]:
    """A read of a tag, as a reader sends it."""
    return {"tag_id": f"TAG{number:05d}", "scan_type": "Touch Scan", "occurred_at": NOON} | also


def unacknowledged(broker: Broker, client_id: str, count: int) -> list[str]:
    """What the broker still has for a client that is away: the payloads, left there."""
    found: list[str] = []
    enough = threading.Event()

    def keep(_: Any, __: Any, message: paho.MQTTMessage) -> None:
        found.append(bytes(message.payload).decode())
        if len(found) >= count:
            enough.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True)
    client.on_message = keep
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 3600
    client.connect("127.0.0.1", broker.port, 10, clean_start=False, properties=properties)
    client.loop_start()
    enough.wait(PATIENCE_S if count else 0.3)
    client.disconnect()
    client.loop_stop()
    return found


@contextmanager
def rival(broker: Broker, client_id: str) -> Iterator[None]:
    """Another program that connects under a name that is taken, once."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True, reconnect_on_failure=False
    )
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 3600
    client.connect("127.0.0.1", broker.port, 10, clean_start=False, properties=properties)
    client.loop_start()
    yield
    client.disconnect()
    client.loop_stop()


@asynccontextmanager
async def shy_broker(port: int) -> AsyncIterator[int]:
    """The port of a broker that refuses MQTT 5, as one from before 2018 does; below it is the one at `port`."""
    connections: set[asyncio.Task[None]] = set()

    async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
        target.close()

    async def serve(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())  # type: ignore[arg-type]
        hello = await source.read(65_536)
        if hello[hello.index(b"MQTT") + 4] == 5:
            target.write(b"\x20\x02\x00\x01")
            await target.drain()
            target.close()
            return
        inner, outer = await asyncio.open_connection("127.0.0.1", port)
        outer.write(hello)
        try:
            await asyncio.gather(pipe(source, outer), pipe(inner, target))
        except ConnectionError:
            pass
        finally:
            outer.close()
            target.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await end_tasks(connections)


@asynccontextmanager
async def one_record_broker(certificate: Path, messages: int) -> AsyncIterator[int]:
    """The port of a broker that packs so many messages into one TLS record, says nothing more, and knows only that."""
    key = certificate.with_suffix(".key")
    write_certificate(certificate, key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    gone = asyncio.Event()

    async def serve(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        await source.read(1000)
        target.write(b"\x20\x02\x00\x00")
        mid = (await source.read(1000))[2:4]
        target.write(b"\x90\x03" + mid + b"\x01" + b"".join(b"\x30\x07\x00\x01a%04d" % number for number in range(messages)))
        await gone.wait()
        target.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        gone.set()
        server.close()


class Listening:
    """A worker with two duties: at the broker, and another that counts how often it was seen to."""

    def __init__(self, held: Held, look_s: float) -> None:
        self.held, self.other_duty = held, 0
        duties = [*(replace(duty, interval_s=look_s) for duty in mqtt.duties(held.settings)), Duty("other", 0.01, self._count)]
        self._tasks = [asyncio.create_task(attend(duty, held)) for duty in duties]

    async def stop(self) -> None:
        """End as a worker does that is asked to."""
        await end_tasks(self._tasks)

    async def _count(self, _: Held) -> None:
        self.other_duty += 1

    async def events(self) -> list[str]:
        """The tags of all events kept, in order of arrival."""
        async with transaction(self.held.engine) as connection:
            return list((await connection.execute(select(shop_events.c.tag_id).order_by(shop_events.c.seq))).scalars())

    async def state(self) -> dict[str, Any]:
        """What there is to be seen of it."""
        return (await self._row())["position"]

    async def holder(self) -> str:
        """The process that listens."""
        return (await self._row())["held_by"]

    async def _row(self) -> dict[str, Any]:
        async with transaction(self.held.engine) as connection:
            query = select(event_positions.c.position, event_positions.c.held_by).where(event_positions.c.consumer == "mqtt")
            row = (await connection.execute(query)).mappings().first()
        return dict(row) if row else {"position": {}, "held_by": ""}

    async def until(self, holds: Callable[[Sequence[str]], bool]) -> list[str]:
        """The tags of all events, as soon as this holds of them."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(events := await self.events()):
                await asyncio.sleep(0.02)
        return events

    async def shows(self, **wanted: Any) -> dict[str, Any]:
        """The state, as soon as it says this."""
        async with asyncio.timeout(PATIENCE_S):
            while not wanted.items() <= (state := await self.state()).items():
                await asyncio.sleep(0.02)
        return state

    async def says(self, words: str) -> dict[str, Any]:
        """The state, as soon as its reason holds these words."""
        async with asyncio.timeout(PATIENCE_S):
            while words not in (state := await self.state()).get("why", ""):
                await asyncio.sleep(0.02)
        return state


@asynccontextmanager
async def listening(
    engine: AsyncEngine, redis_url: str, url: str, *, look_s: float = mqtt.LOOK_S, **settings: Any
) -> AsyncIterator[Listening]:
    """A worker that listens at a broker."""
    known = Settings(mqtt_url=url, store_url=engine.url.render_as_string(hide_password=False), **settings)
    async with Redis.from_url(redis_url) as redis:
        held = Held(engine, redis, Clock(), known)
        worker = Listening(held, look_s)
        try:
            yield worker
        finally:
            await worker.stop()


@asynccontextmanager
async def without_events_table(engine: AsyncEngine) -> AsyncIterator[None]:
    """The store cannot keep events meanwhile."""
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE shop_events RENAME TO away"))
    try:
        yield
    finally:
        async with engine.begin() as connection:
            await connection.execute(text("ALTER TABLE away RENAME TO shop_events"))
