"""Reads that readers publish over MQTT: none is lost that the broker kept, none counts twice, whatever dies in between."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from brokerlife import (
    NOON,
    PATIENCE_S,
    TOPIC,
    Broker,
    listening,
    one_record_broker,
    publish,
    reader,
    rival,
    scan,
    shy_broker,
    unacknowledged,
    without_events_table,
)  # fmt: skip
from conftest import free_port
from paho.mqtt.enums import MQTTProtocolVersion
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.db import open_engine, transaction
from rfid3_shared.events import mqtt
from rfid3_shared.events.mqtt_address import address_of
from rfid3_shared.events.mqtt_connection import MQTT_3, MQTT_5, WINDOW, Connection, Lost
from rfid3_shared.events.mqtt_message import Message
from rfid3_shared.events.tables import shop_events
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.settings import Settings

CLIENT = "rfid3-suite"


def tags(*numbers: int) -> list[str]:
    """The tags of these reads."""
    return [scan(number)["tag_id"] for number in numbers]


@pytest.fixture
async def store(store_dsn: str) -> AsyncIterator[AsyncEngine]:
    """A store in a SQLite file."""
    opened = open_engine(store_dsn)
    await ensure_schema(opened)
    yield opened
    await opened.dispose()


@pytest.fixture(autouse=True)
def soon_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be seen is kept ten times a second."""
    monkeypatch.setattr(mqtt, "SAVE_S", 0.1)


async def published(broker: Broker, *payloads: Any, **how: Any) -> None:
    """A reader's publishing, beside the event loop."""
    await asyncio.to_thread(publish, broker, payloads, **how)


class TestTakingIn:
    async def test_every_read_is_an_event(self, broker: Broker, engine: AsyncEngine, redis_url: str) -> None:
        """A thousand published reads are a thousand events, on each backend, and are shown as such."""
        async with listening(engine, redis_url, broker.url()) as listens:
            await listens.shows(connected=True)
            await published(broker, *(scan(number) for number in range(1000)))
            events = await listens.until(lambda events: len(events) >= 1000)
            await listens.shows(messages=1000)
        state = await listens.state()

        assert sorted(events) == tags(*range(1000))
        assert (state["connected"], state["messages"], state["refused"], state["topic"]) == (False, 1000, 0, "shop/scans/#")
        assert state["last_message_at"] is not None

    async def test_what_cannot_be_used_harms_nothing_beside_it(
        self, broker: Broker, store: AsyncEngine, redis_url: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Good reads between broken ones are kept; the broken are counted, forgotten by the broker, and not repeated in the log."""
        lines = "\n".join([json.dumps(scan(3)), '{"tag_id": "SECRET', json.dumps(scan(4))])
        broken = ["SECRET", b"\xff\xfeSECRET", "17", "[]", {"tag_id": "SECRET"}, scan(9, scan_type="SECRET", event_id="bad")]
        async with listening(store, redis_url, broker.url()) as listens:
            await listens.shows(connected=True)
            await published(broker, scan(1), *broken[:3], [scan(2), 5, scan(5)], *broken[3:], lines, scan(6))
            events = await listens.until(lambda events: len(events) >= 6)
            await published(broker, scan(7))
            await listens.until(lambda events: len(events) >= 7)
            state = await listens.shows(messages=11)

        assert sorted(events) == tags(1, 2, 3, 4, 5, 6)
        assert state["refused"] == 8
        assert await asyncio.to_thread(unacknowledged, broker, CLIENT, 0) == []
        assert "SECRET" not in capsys.readouterr().err

    async def test_the_same_message_twice_is_one_event(self, broker: Broker, store: AsyncEngine, redis_url: str) -> None:
        """A reader that is not sure sends again; by any road it is the same event."""
        async with listening(store, redis_url, broker.url()) as listens:
            await listens.shows(connected=True)
            for _ in range(3):
                await published(broker, scan(1), [scan(2), scan(2)], scan(3, event_id="door-1/77"))
            await published(broker, scan(4))
            await listens.until(lambda events: "TAG00004" in events)
            events = await listens.events()

        assert Counter(events) == Counter(tags(1, 2, 3, 4))

    async def test_the_brokers_own_time_counts(self, broker: Broker, store: AsyncEngine, redis_url: str) -> None:
        """A read that says no time happened when the broker says it came, whenever it is taken in."""
        untimed = {name: value for name, value in scan(1).items() if name != "occurred_at"}
        async with listening(store, redis_url, broker.url()) as listens:
            await listens.shows(connected=True)
            await published(broker, untimed, sent_at=f"{NOON}-05:00")
            await published(broker, untimed, sent_at=f"{NOON}-05:00")
            await listens.until(lambda events: len(events) >= 1)
        async with transaction(store) as connection:
            times = list((await connection.execute(select(shop_events.c.occurred_at))).scalars())

        assert len(times) == 1
        assert times[0].isoformat()[:11] == NOON[:11]


class TestFaults:
    async def test_no_read_is_lost_with_the_broker(self, broker: Broker, store: AsyncEngine, redis_url: str) -> None:
        """The broker is killed amid a reader's publishing and comes back: every acknowledged read is an event, once."""
        async with listening(store, redis_url, broker.url()) as listens:
            await listens.shows(connected=True)
            client = reader(broker, "door-1")
            sent = [client.publish(TOPIC, json.dumps(scan(number)), qos=1) for number in range(400)]
            await asyncio.to_thread(sent[150].wait_for_publish, 10)
            broker.kill()
            await listens.shows(connected=False)
            broker.start()
            for each in sent:
                await asyncio.to_thread(each.wait_for_publish, 10)
            client.disconnect()
            client.loop_stop()
            events = await listens.until(lambda events: len(events) >= 400)
            await listens.shows(connected=True)

        assert Counter(events) == Counter(tags(*range(400)))

    async def test_nothing_is_acknowledged_that_is_not_kept(self, broker: Broker, store: AsyncEngine, redis_url: str) -> None:
        """While the store cannot keep events the broker keeps them, for this process and for the next one."""
        async with without_events_table(store):
            async with listening(store, redis_url, broker.url()) as listens:
                await listens.shows(connected=True)
                await published(broker, *(scan(number) for number in range(50)))
                waits = await listens.says("The store cannot be reached")
            kept = await asyncio.to_thread(unacknowledged, broker, CLIENT, 50)
        async with listening(store, redis_url, broker.url()) as listens:
            events = await listens.until(lambda events: len(events) >= 50)

        assert (waits["connected"], len(kept)) == (True, 50)
        assert Counter(events) == Counter(tags(*range(50)))

    async def test_a_store_that_comes_back_gets_everything(self, broker: Broker, store: AsyncEngine, redis_url: str) -> None:
        """The same process tries again, with what came meanwhile, and forgets what it had to say about the store."""
        async with listening(store, redis_url, broker.url()) as listens:
            await listens.shows(connected=True)
            async with without_events_table(store):
                await published(broker, *(scan(number) for number in range(700)))
                await listens.says("The store cannot be reached")
            events = await listens.until(lambda events: len(events) >= 700)
            await listens.shows(connected=True, why="", messages=700)

        assert Counter(events) == Counter(tags(*range(700)))

    async def test_delivered_again_is_the_same_read_without_a_time_of_its_own(
        self, broker: Broker, store: AsyncEngine, redis_url: str
    ) -> None:
        """What came before the broker died and comes again after it happened when it came first."""
        untimed = [{"tag_id": tag, "scan_type": "Touch Scan"} for tag in tags(1, 2)]
        async with listening(store, redis_url, broker.url(), events_repeat_s=0.0) as listens:
            await listens.shows(connected=True)
            async with without_events_table(store):
                await published(broker, *untimed)
                await listens.says("The store cannot be reached")
                await broker.saved()
                broker.kill()
                broker.start()
            events = await listens.until(lambda events: len(events) >= 2)
            await listens.shows(connected=True)
            await published(broker, scan(3))
            again = await listens.until(lambda events: "TAG00003" in events)
            await listens.shows(messages=5)  # 1 and 2 came twice

        assert Counter(events) == Counter(tags(1, 2))
        assert Counter(again) == Counter(tags(1, 2, 3))

    async def test_what_is_published_while_nobody_listens_waits(
        self, broker: Broker, store: AsyncEngine, redis_url: str
    ) -> None:
        """The broker keeps it for us, and whoever listens next counts on from there."""
        for numbers in (range(3), range(3, 6)):
            async with listening(store, redis_url, broker.url()) as listens:
                await listens.shows(connected=True)
                await listens.until(lambda events, before=numbers.start: len(events) >= before)
                await listens.shows(messages=numbers.start)
            await published(broker, *(scan(number) for number in numbers))
        async with listening(store, redis_url, broker.url()) as listens:
            events = await listens.until(lambda events: len(events) >= 6)
            await listens.shows(messages=6)

        assert Counter(events) == Counter(tags(*range(6)))

    async def test_a_wrong_password_is_told(
        self, tmp_path: Path, store: AsyncEngine, redis_url: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """In plain words, once, in status and log and without the password; the worker's other duties go on."""
        broker = Broker(tmp_path, free_port(), password="right-one")
        broker.start()
        try:
            async with listening(store, redis_url, broker.url(user="suite:wrong-one@")) as listens:
                state = await listens.says("refuses the name or password")
                done = listens.other_duty
                await listens.until(lambda _: listens.other_duty > done + 2)
            async with listening(store, redis_url, broker.url(user="suite:right-one@")) as listens:
                await listens.shows(connected=True)
        finally:
            broker.kill()
        log = capsys.readouterr().err

        assert state["connected"] is False
        assert log.count("refuses the name or password") == 1
        assert "wrong-one" not in log + json.dumps(state)
        assert "right-one" not in log

    @pytest.mark.parametrize("url", ["mqtt://suite:hush-hush@127.0.0.1", "nonsense", "mqtt://suite:hush-hush@127.0.0.1:1/shop"])
    async def test_a_broker_that_is_not_there_is_told(
        self, url: str, store: AsyncEngine, redis_url: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Whether the URL is wrong or nobody answers there."""
        async with listening(store, redis_url, url) as listens:
            state = await listens.shows(connected=False)
            async with asyncio.timeout(PATIENCE_S):
                while not state["why"] or state["why"].startswith("Not connected yet"):
                    state = await listens.state()
        log = capsys.readouterr().err

        assert "RFID3_MQTT_URL" in state["why"] or "cannot be reached" in state["why"]
        assert state["why"] in log
        assert "hush" not in log + json.dumps(state)

    async def test_an_older_broker_is_spoken_to_in_its_own_version(
        self, broker: Broker, store: AsyncEngine, redis_url: str
    ) -> None:
        """Who refuses MQTT 5 is asked again in 3.1.1, and keeps what is published while nobody listens there, too."""
        async with shy_broker(broker.port) as port:
            for number in range(2):
                async with listening(store, redis_url, f"mqtt://127.0.0.1:{port}/shop/#") as listens:
                    await listens.shows(connected=True)
                    await listens.until(lambda events, before=number: len(events) >= before)
                await published(broker, scan(number))
            async with listening(store, redis_url, f"mqtt://127.0.0.1:{port}/shop/#") as listens:
                events = await listens.until(lambda events: len(events) >= 2)

        assert events == tags(0, 1)

    async def test_one_process_listens(self, broker: Broker, store: AsyncEngine, redis_url: str) -> None:
        """A second one waits for its turn, and has it when the first has gone."""
        async with listening(store, redis_url, broker.url(), look_s=0.05) as waiting:
            await waiting.shows(connected=True)
            holder = await waiting.holder()
            async with listening(store, redis_url, broker.url(), look_s=0.05) as other:
                await published(broker, scan(1))
                await other.until(lambda events: len(events) >= 1)
                assert await other.holder() == holder
                await waiting.stop()
                async with asyncio.timeout(PATIENCE_S):
                    while await other.holder() in (holder, ""):
                        await asyncio.sleep(0.01)
                await published(broker, scan(2))
                events = await other.until(lambda events: len(events) >= 2)

        assert events == tags(1, 2)

    async def test_another_program_under_our_name_is_told(self, broker: Broker, store: AsyncEngine, redis_url: str) -> None:
        """Two suites under one client id would take each other's messages; the state says so."""
        async with listening(store, redis_url, broker.url()) as listens:
            await listens.shows(connected=True)
            with rival(broker, CLIENT):
                state = await listens.says("another program may use")
            await listens.shows(connected=True)

        assert f"client id {CLIENT}" in state["why"]


class TestConnection:
    @pytest.mark.parametrize("version", [MQTT_5, MQTT_3])
    @pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
    def test_what_is_held_is_bounded(self, tmp_path: Path, version: MQTTProtocolVersion, loop: Any) -> None:
        """As long as nothing is done with messages no more come than fit; then the rest does, and nothing twice."""
        broker, bound = Broker(tmp_path, free_port(), lazy=True), WINDOW if version == MQTT_5 else 2 * WINDOW

        async def collect() -> tuple[list[Message], list[Message]]:
            connection, first, rest = Connection(address_of(broker.url()), CLIENT, version), [], []
            await connection.open()
            await published(broker, *range(3 * WINDOW))
            async with asyncio.timeout(PATIENCE_S):
                while len(first) < bound:
                    first += await connection.batch()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    first += await connection.batch()
            connection.done(first)
            while len(first) + len(rest) < 3 * WINDOW:
                async with asyncio.timeout(10):
                    batch = await connection.batch()
                rest += batch
                connection.done(batch)
            connection.close()
            return first, rest

        broker.start()
        try:
            with asyncio.Runner(loop_factory=loop) as runner:
                first, rest = runner.run(collect())
        finally:
            broker.kill()

        assert len(first) == bound
        assert sorted(int(each.payload) for each in [*first, *rest]) == list(range(3 * WINDOW))

    async def test_what_came_before_a_loss_is_handed_out_before_it_is_told(self, broker: Broker) -> None:
        """It may be all there is: a broker that died has lost what it had not yet written down."""
        connection = Connection(address_of(broker.url()), CLIENT)
        await connection.open()
        await published(broker, 1, 2, 3)
        async with asyncio.timeout(PATIENCE_S):
            while connection.held < 3:
                await asyncio.sleep(0.01)
            broker.kill()
            while not connection.lost:
                await asyncio.sleep(0.01)
        found = await connection.batch()
        connection.done(found)

        assert [each.payload for each in found] == [b"1", b"2", b"3"]
        with pytest.raises(Lost, match="broke off"):
            await connection.batch()
        connection.close()

    async def test_topics_of_before_are_left(self, broker: Broker) -> None:
        """With other topics in the settings the session does not go on bringing those of before."""
        for topics, former in (("old/#", ""), ("new/#", "old/#")):
            connection = Connection(address_of(broker.url(topics=topics)), CLIENT)
            await connection.open(former)
            connection.close()
        await published(broker, "x", topic="old/1")
        await published(broker, "y", topic="new/1")

        assert await asyncio.to_thread(unacknowledged, broker, CLIENT, 1) == ["y"]

    # paho leaves the socket of a failed handshake to the garbage collector
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
    def test_encrypted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: Any) -> None:
        """mqtts:// speaks TLS with whom it can trust, and with nobody else."""
        broker = Broker(tmp_path, free_port(), tls_port=free_port(), lazy=True)
        address = address_of(f"mqtts://localhost:{broker.tls_port}/shop/#")

        async def collect() -> list[Message]:
            stranger = Connection(address, CLIENT)
            with pytest.raises(Lost, match="certificate"):
                await stranger.open()
            stranger.close()
            monkeypatch.setenv("SSL_CERT_FILE", str(broker.certificate))
            connection, found = Connection(address, CLIENT), []
            await connection.open()
            await published(broker, *range(900))
            while len(found) < 900:
                async with asyncio.timeout(5):
                    found += await connection.batch()
            connection.close()
            return found

        broker.start()
        try:
            with asyncio.Runner(loop_factory=loop) as runner:
                found = runner.run(collect())
        finally:
            broker.kill()

        assert [int(each.payload) for each in found] == list(range(900))

    async def test_what_tls_has_decrypted_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """However much came in one record: what is left of it makes no socket readable."""
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        found: list[Message] = []
        async with one_record_broker(tmp_path / "certificate.pem", 1000) as port, asyncio.timeout(5):
            connection = Connection(address_of(f"mqtts://localhost:{port}/a"), CLIENT, MQTT_3)
            await connection.open()
            while len(found) < 1000:
                found += await connection.batch()
            connection.close()

        assert [int(each.payload) for each in found] == list(range(1000))


def test_off_by_default() -> None:
    """Without a broker in the settings a worker has no such duty and imports no MQTT."""
    script = (
        "import sys; from rfid3_demand import worker; from rfid3_demand.settings import DemandSettings as S; "
        "print([d.name for d in worker.duties(S())], [d.name for d in worker.duties(S(mqtt_url='mqtt://b/t'))], "
        "[m for m in sys.modules if m.startswith('paho') or 'events.mqtt_' in m])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ.copy())

    assert "'mqtt'" not in ran.stdout.split("]")[0]
    assert "'mqtt'" in ran.stdout.split("]")[1]
    assert ran.stdout.rstrip().endswith("[]")
    assert mqtt.duties(Settings()) == ()
