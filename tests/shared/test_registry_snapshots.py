"""Which snapshot answers: swapped whole, and never lost to somebody else's fault."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.errors import ModelUnavailable
from rfid3_shared.registry import Registry, Snapshots, Version, announce

TRAINED = datetime(2026, 11, 22, 0, 31, tzinfo=UTC)


@pytest.fixture
async def engine(store_dsn: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(store_dsn)
    await create_tables(opened, store_metadata)
    yield opened
    await opened.dispose()


@pytest.fixture
def registry(engine: AsyncEngine, tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry", engine, Clock())


def load(folder: Path) -> str:
    """The snapshot of these tests is one word; a word that is no word cannot be loaded."""
    word = json.loads((folder / "word.json").read_text())
    if not isinstance(word, str):
        raise TypeError("no word")
    return word


async def publish(registry: Registry, tmp_path: Path, word: object, number: int = 0) -> Version:
    folder = tmp_path / "trained"
    folder.mkdir(exist_ok=True)
    (folder / "word.json").write_text(json.dumps(word))
    return await registry.publish(
        "demand", folder, model_type="word", metrics={}, data_from=None, data_to=None, parameters={},
        trained_at=TRAINED + timedelta(hours=number),
    )  # fmt: skip


@asynccontextmanager
async def watching(registry: Registry, redis: Redis | None = None, poll_s: float = 0.05) -> AsyncIterator[Snapshots[str]]:
    snapshots = Snapshots("demand", registry, load, redis=redis, poll_s=poll_s)
    await snapshots.start()
    try:
        yield snapshots
    finally:
        await snapshots.aclose()


async def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


class TestSnapshots:
    async def test_nothing_published_is_model_unavailable(self, registry: Registry) -> None:
        """Before the first training there is no answer, and that is said."""
        async with watching(registry) as snapshots:
            assert not snapshots.healthy
            with pytest.raises(ModelUnavailable):
                snapshots.get()

    async def test_the_current_one_answers_from_the_start(self, registry: Registry, tmp_path: Path) -> None:
        """A process that starts answers from what was published before."""
        version = await publish(registry, tmp_path, "one")

        async with watching(registry) as snapshots:
            assert (snapshots.get().snapshot, snapshots.get().version, snapshots.healthy) == ("one", version, True)

    async def test_a_new_one_takes_over_without_redis(self, registry: Registry, tmp_path: Path) -> None:
        """Looking at the row is enough to find a new version."""
        await publish(registry, tmp_path, "one")
        async with watching(registry) as snapshots:
            await publish(registry, tmp_path, "two", 1)
            await until(lambda: snapshots.get().snapshot == "two")

    async def test_an_announcement_is_heard_at_once(self, registry: Registry, tmp_path: Path, redis_url: str) -> None:
        """With Redis a process need not wait for its next look."""
        async with Redis.from_url(redis_url, socket_timeout=0.2) as redis, watching(registry, redis, poll_s=600) as snapshots:
            async with asyncio.timeout(10):
                while not (await redis.pubsub_numsub("rfid3:published"))[0][1]:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.5)  # longer than the client's time-out: the listener must outlast silence
            await publish(registry, tmp_path, "one")
            await announce(redis, "packs")
            await announce(redis, "demand")
            await until(lambda: snapshots.loaded is not None)

    async def test_readers_never_find_nothing_or_a_mixture(self, registry: Registry, tmp_path: Path) -> None:
        """While versions change, every reader in every thread sees a snapshot and the version it belongs to."""
        words = {(await publish(registry, tmp_path, "w0")).model_version: "w0"}
        seen, stop = set(), threading.Event()
        async with watching(registry) as snapshots:

            def read() -> None:
                while not stop.is_set():
                    loaded = snapshots.get()
                    seen.add((loaded.version.model_version, loaded.snapshot))
                    stop.wait(0.0005)

            reader = threading.Thread(target=read)
            reader.start()
            await until(lambda: bool(seen))
            for number in range(1, 5):
                version = await publish(registry, tmp_path, f"w{number}", number)
                words[version.model_version] = f"w{number}"
                await until(lambda name=version.model_version: name in {seen_name for seen_name, _ in set(seen)})
            stop.set()
            reader.join()

        assert seen == set(words.items())

    async def test_what_cannot_be_loaded_leaves_the_last_good_one(self, registry: Registry, tmp_path: Path) -> None:
        """A version whose files cannot be used is refused, noted, and followed by the next good one."""
        await publish(registry, tmp_path, "good")
        async with watching(registry) as snapshots:
            await publish(registry, tmp_path, 13, 1)
            await until(lambda: not snapshots.healthy)
            assert snapshots.get().snapshot == "good"
            assert "refused" in str(snapshots.last_error)

            await publish(registry, tmp_path, "better", 2)
            await until(lambda: snapshots.healthy)
            assert snapshots.get().snapshot == "better"

    async def test_a_corrupt_artefact_is_refused_at_start_too(self, registry: Registry, tmp_path: Path) -> None:
        """A process that starts with a damaged current artefact answers from the newest one it can prove."""
        await publish(registry, tmp_path, "old")
        current = await publish(registry, tmp_path, "new", 1)
        (registry.open_artefact(current) / "word.json").write_text('"forged"')

        async with watching(registry) as snapshots:
            assert snapshots.get().snapshot == "old"
            assert not snapshots.healthy

    async def test_a_store_that_goes_leaves_what_is_loaded(
        self, registry: Registry, engine: AsyncEngine, tmp_path: Path
    ) -> None:
        """Without the store answers go on, and health says that they may be old."""
        await publish(registry, tmp_path, "one")
        async with watching(registry) as snapshots:
            async with transaction(engine) as connection:
                await connection.execute(text("ALTER TABLE registry_current RENAME TO away"))
            await until(lambda: not snapshots.healthy)
            assert snapshots.get().snapshot == "one"

            async with transaction(engine) as connection:
                await connection.execute(text("ALTER TABLE away RENAME TO registry_current"))
            await until(lambda: snapshots.healthy)

    async def test_without_a_store_the_disks_own_record_is_enough(self, registry: Registry, tmp_path: Path) -> None:
        """A process that starts while the store is out of reach answers from what was published on this disk."""
        await publish(registry, tmp_path, "one")
        version = await publish(registry, tmp_path, "two", 1)
        nowhere = open_engine("mysql://nobody@127.0.0.1:1/none")

        async with watching(Registry(tmp_path / "registry", nowhere, Clock())) as snapshots:
            assert (snapshots.get().snapshot, snapshots.get().version, snapshots.healthy) == ("two", version, False)
        await nowhere.dispose()


class TestAnnounce:
    async def test_a_dead_redis_is_no_error(self) -> None:
        """An announcement that fails is no reason for a publication to fail."""
        async with Redis.from_url("redis://127.0.0.1:1/0") as redis:
            await announce(redis, "demand")
        await announce(None, "demand")
