"""Which snapshot answers: swapped whole, and never lost to somebody else's fault."""

import asyncio
import json
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from publishing import SHADOW, damage, later_clock, model, serve
from publishing import publish as publish_folder
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.errors import ModelUnavailable
from rfid3_shared.registry import Registry, Snapshots, Version, announce


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


async def publish(registry: Registry, tmp_path: Path, word: object, number: int = 0, size: int = 10_000) -> Version:
    """A new champion."""
    return await serve(registry, model(tmp_path, word, size), number)


async def shadow(registry: Registry, tmp_path: Path, word: object, size: int = 10_000) -> Version:
    """A new shadow."""
    return await registry.settle(await publish_folder(registry, model(tmp_path, word, size), 50), SHADOW, by="test")


@asynccontextmanager
async def watching(
    registry: Registry, redis: Redis | None = None, poll_s: float = 0.05, **options: Any
) -> AsyncIterator[Snapshots[str]]:
    snapshots = Snapshots("demand", registry, load, redis=redis, poll_s=poll_s, **options)
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
    async def test_nothing_published_is_model_unavailable(self, registry: Registry, tmp_path: Path) -> None:
        """Before the first champion there is no answer, and that is said; a candidate is none."""
        await publish_folder(registry, model(tmp_path))
        async with watching(registry) as snapshots:
            assert not snapshots.healthy
            with pytest.raises(ModelUnavailable):
                snapshots.get()

    async def test_the_champion_answers_from_the_start(self, registry: Registry, tmp_path: Path) -> None:
        """A process that starts answers from what was published before."""
        version = await publish(registry, tmp_path, "one")

        async with watching(registry) as snapshots:
            assert (snapshots.get().snapshot, snapshots.get().version, snapshots.healthy) == ("one", version, True)

    async def test_a_new_one_takes_over_without_redis(self, registry: Registry, tmp_path: Path) -> None:
        """Looking at the row is enough to find a new champion."""
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
        """While champions change, forth and back, every reader in every thread sees a snapshot and the version it belongs to."""
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
            back = await registry.rollback("demand", by="test", reason="test")
            await until(lambda: snapshots.get().version.model_version == back.model_version)
            stop.set()
            reader.join()

        assert seen == set(words.items())
        assert words[back.model_version] == "w3"

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
        """A process that starts with a damaged champion answers from the champion before, not from what never was one."""
        await publish(registry, tmp_path, "old")
        current = await publish(registry, tmp_path, "new", 1)
        await shadow(registry, tmp_path, "never")
        damage(registry, current)

        async with watching(registry) as snapshots:
            assert snapshots.get().snapshot == "old"
            assert not snapshots.healthy

    async def test_nothing_done_to_its_files_touches_a_loaded_one(self, registry: Registry, tmp_path: Path) -> None:
        """Files changed in place under a model that is mapped into memory change no answer, and end no process."""
        folder = model(tmp_path)
        np.save(folder / "means.npy", np.arange(1000))
        version = await serve(registry, folder)
        snapshots = Snapshots("demand", registry, lambda folder: np.load(folder / "means.npy", mmap_mode="r"), poll_s=600)
        await snapshots.start()

        with (registry.open_artefact(version) / "means.npy").open("r+b") as file:
            file.write(b"\xff" * 8128)

        assert snapshots.get().snapshot.sum() == 499_500
        assert [path.name for path in (tmp_path / "registry" / "demand").iterdir() if path.is_dir()] == [version.folder_name]
        await snapshots.aclose()

    async def test_what_was_loaded_goes_with_the_service(self, registry: Registry, tmp_path: Path) -> None:
        """A service that ended holds no mapped array, whoever still holds the service."""
        folder = model(tmp_path)
        np.save(folder / "means.npy", np.arange(1000))
        await serve(registry, folder)
        snapshots = Snapshots("demand", registry, lambda folder: np.load(folder / "means.npy", mmap_mode="r"), poll_s=600)
        await snapshots.start()
        mapped = weakref.ref(snapshots.get().snapshot)

        await snapshots.aclose()

        assert mapped() is None
        with pytest.raises(ModelUnavailable):
            snapshots.get()

    async def test_a_disk_nobody_may_write_to_is_enough(
        self, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Artefacts may lie on a read-only mount: copies go to the folder of temporary files, and are gone afterwards."""
        await publish(registry, tmp_path, "one")
        service_dir, temporary = tmp_path / "registry" / "demand", tmp_path / "temporary"
        temporary.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        (service_dir / "current.json").unlink()
        real = Path.mkdir

        def refuse(path: Path, *given: Any, **options: Any) -> None:
            if service_dir in path.parents:  # the tests may run as root, whom no mode keeps out
                raise OSError(30, "Read-only file system")
            real(path, *given, **options)

        monkeypatch.setattr(Path, "mkdir", refuse)
        async with watching(registry) as snapshots:
            assert snapshots.get().snapshot == "one"
        assert list(temporary.iterdir()) == []

    async def test_a_full_disk_keeps_no_model_from_answering(
        self, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without room for a copy a sound model is loaded where it lies, and a damaged one still refused."""
        old, new = [await publish(registry, tmp_path, word, number) for number, word in enumerate(("old", "new"))]

        def no_room(*_: Any, **__: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("shutil.copytree", no_room)
        async with watching(registry) as snapshots:
            assert snapshots.get().version == new
        damage(registry, new)
        async with watching(registry) as snapshots:
            assert snapshots.get().version.model_version == old.model_version

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

    async def test_a_serving_host_keeps_its_own_record(self, registry: Registry, tmp_path: Path) -> None:
        """A host that publishes nothing writes down which champions it has, for the day the store is gone."""
        version = await publish(registry, tmp_path, "one")
        record = tmp_path / "registry" / "demand" / "current.json"
        record.unlink()

        async with watching(registry):
            await until(record.exists)

        assert registry.remembered("demand") == [version]


class TestGoingBack:
    async def test_the_champion_before_is_still_in_memory(self, registry: Registry, tmp_path: Path) -> None:
        """Going back loads nothing: what was champion until now is still held."""
        loads: list[str] = []

        def counted(folder: Path) -> str:
            loads.append(folder.name)
            return load(folder)

        await publish(registry, tmp_path, "one")
        snapshots = Snapshots("demand", registry, counted, poll_s=0.05)
        await snapshots.start()
        await publish(registry, tmp_path, "two", 1)
        await until(lambda: snapshots.get().snapshot == "two")

        await registry.rollback("demand", by="test", reason="test")
        await until(lambda: snapshots.get().snapshot == "one")

        assert len(loads) == 2
        await snapshots.aclose()

    async def test_without_room_it_is_loaded_again(self, registry: Registry, tmp_path: Path) -> None:
        """With memory for one model only, champions come and go all the same."""
        first = await publish(registry, tmp_path, "one", size=2**20)
        async with watching(registry, memory_mb=1) as snapshots:
            await publish(registry, tmp_path, "two", 1)
            await until(lambda: snapshots.get().snapshot == "two")
            await registry.rollback("demand", by="test", reason="test")
            await until(lambda: snapshots.get().version.model_version == first.model_version)
            assert snapshots.healthy


class TestShadow:
    async def test_it_is_loaded_beside_the_champion(self, registry: Registry, tmp_path: Path) -> None:
        """A shadow is there to be asked, and gone when it is rejected; the champion answers throughout."""
        await publish(registry, tmp_path, "champion")
        async with watching(registry) as snapshots:
            version = await shadow(registry, tmp_path, "next")
            await until(lambda: snapshots.shadow is not None)
            assert (snapshots.shadow.snapshot, snapshots.shadow.version, snapshots.get().snapshot) == (
                "next",
                version,
                "champion",
            )

            await registry.reject("demand", version.model_version, by="test", reason="test")
            await until(lambda: snapshots.shadow is None)
            assert snapshots.healthy

    async def test_it_takes_over(self, registry: Registry, tmp_path: Path) -> None:
        """Once champion it answers, with the state it has by then, and nobody stands beside it."""
        await publish(registry, tmp_path, "champion")
        version = await shadow(registry, tmp_path, "next")
        async with watching(registry) as snapshots:
            assert snapshots.shadow is not None
            promoted = await registry.promote("demand", version.model_version, by="test", reason="test")
            await until(lambda: snapshots.get().snapshot == "next")
            assert (snapshots.get().version, snapshots.shadow) == (promoted, None)

    @pytest.mark.parametrize("harm", ["content", "files"])
    async def test_one_that_cannot_be_loaded_is_told_of(self, registry: Registry, tmp_path: Path, harm: str) -> None:
        """It never answers, so nobody would learn of it otherwise; the champion is as healthy as before."""
        told: list[Version] = []
        await publish(registry, tmp_path, "champion")
        version = await shadow(registry, tmp_path, 13 if harm == "content" else "good")
        if harm == "files":
            damage(registry, version)

        async with watching(registry, shadow_refused=told.append) as snapshots:
            await asyncio.sleep(0.3)  # several looks: it is not tried, or told of, at each
            assert (told, snapshots.shadow, snapshots.healthy) == ([version], None, True)

    async def test_without_room_it_waits_unseen(self, registry: Registry, tmp_path: Path) -> None:
        """The memory limit holds; the champion is not pushed out, and the shadow not blamed."""
        told: list[Version] = []
        await publish(registry, tmp_path, "champion")
        await shadow(registry, tmp_path, "large", size=2**20)

        async with watching(registry, memory_mb=1, shadow_refused=told.append) as snapshots:
            assert (snapshots.shadow, snapshots.get().snapshot, told) == (None, "champion", [])

    async def test_a_new_champion_may_need_its_place(self, registry: Registry, engine: AsyncEngine, tmp_path: Path) -> None:
        """When champion and shadow no longer fit together the shadow goes, and is not asked any more."""
        first = await publish(registry, tmp_path, "large", size=2**19)
        await publish(registry, tmp_path, "small", 1)
        async with watching(registry, memory_mb=1) as snapshots:
            await shadow(registry, tmp_path, "large too", size=2**19)
            await until(lambda: snapshots.shadow is not None)

            # written past the registry, which would reject the shadow with its champion
            async with transaction(engine) as connection:
                await connection.execute(
                    text("UPDATE registry_current SET model_version = :name"), {"name": first.model_version}
                )
            await until(lambda: snapshots.get().version.model_version == first.model_version)
            await until(lambda: snapshots.shadow is None)


class TestAnnounce:
    async def test_a_dead_redis_is_no_error(self) -> None:
        """An announcement that fails is no reason for a publication to fail."""
        async with Redis.from_url("redis://127.0.0.1:1/0") as redis:
            await announce(redis, "demand")
        await announce(None, "demand")


class TestPruning:
    async def test_a_loaded_model_outlives_its_files(self, engine: AsyncEngine, tmp_path: Path) -> None:
        """Deleting an old artefact takes nothing from a process that still holds it."""
        clock = later_clock()
        registry = Registry(tmp_path / "registry", engine, clock)
        await publish(registry, tmp_path, "w0")
        async with watching(registry, poll_s=600) as snapshots:
            for number in range(1, 9):
                await publish(registry, tmp_path, f"w{number}", number)
                clock.at += timedelta(hours=2)
            assert not (tmp_path / "registry" / "demand" / snapshots.get().version.folder_name).exists()
            assert snapshots.get().snapshot == "w0"
