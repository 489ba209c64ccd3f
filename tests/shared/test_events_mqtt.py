"""Reads that readers publish over MQTT: none is lost that the broker kept, none counts twice, whatever dies in between."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokerlife import Broker, listening, publish, reader, scan, unacknowledged, without_events_table
from sqlalchemy.ext.asyncio import AsyncEngine


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of the test's own, which it may kill."""
    from socket import socket
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = Broker(tmp_path, port)
    started.start()
    yield started
    started.kill()


class TestTakingIn:
    async def test_every_read_is_an_event(self, broker: Broker, engine: AsyncEngine, redis_url: str) -> None:
        """A thousand published reads are a thousand events."""
        import time
        t=time.monotonic()
        async with listening(engine, redis_url, broker.url()) as listens:
            await listens.shows(connected=True)
            print("connected", time.monotonic()-t); t=time.monotonic()
            await asyncio.to_thread(publish, broker, [scan(number) for number in range(1000)])
            print("published", time.monotonic()-t)
            events = await listens.until(lambda events: len(events) >= 1000)
            print("all", time.monotonic()-t)
            print(await listens.state())
        print(await listens.state(), time.monotonic()-t)
        assert sorted(events) == [scan(number)["tag_id"] for number in range(1000)]
