"""The key whoever starts the suite is given."""

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_deploy.demo_key import ensure_demo_key
from rfid3_shared.auth import create_key, find_caller, hash_key, list_keys, revoke_key
from rfid3_shared.clock import Clock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction


@pytest.fixture
async def store(store_dsn: str) -> AsyncIterator[AsyncEngine]:
    """A store with tables."""
    engine = open_engine(store_dsn)
    await create_tables(engine, store_metadata)
    yield engine
    await engine.dispose()


async def scopes_of(store: AsyncEngine, file: Path) -> set[str]:
    """What the key in the file may do."""
    async with transaction(store) as connection:
        caller = await find_caller(connection, hash_key(file.read_text().strip()), Clock())
    return set(caller.scopes) if caller else set()


class TestEnsureDemoKey:
    async def test_writes_a_key_for_its_owner_only(self, store: AsyncEngine, tmp_path: Path) -> None:
        """The file opens the suite, so nobody else on the machine may read it."""
        file = tmp_path / "demo.key"

        await ensure_demo_key(store, [file], Clock())

        assert await scopes_of(store, file) == {"read", "events", "train"}
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    async def test_a_second_start_keeps_the_key(self, store: AsyncEngine, tmp_path: Path) -> None:
        """Programs that were given the key go on working."""
        file = tmp_path / "demo.key"
        await ensure_demo_key(store, [file], Clock())
        first = file.read_text()

        await ensure_demo_key(store, [file], Clock())

        async with transaction(store) as connection:
            assert len(await list_keys(connection)) == 1
        assert file.read_text() == first

    async def test_a_key_of_an_older_version_gets_the_scope_it_lacks(self, store: AsyncEngine, tmp_path: Path) -> None:
        """The demo posts events: the key that was made before there were any may do so, and stays the same key."""
        file = tmp_path / "demo.key"
        async with transaction(store) as connection:
            _, key = await create_key(connection, owner="demo", scopes=["read", "train"], clock=Clock())
        file.write_text(key)

        await ensure_demo_key(store, [file], Clock())

        assert file.read_text().strip() == key
        assert await scopes_of(store, file) == {"read", "events", "train"}

    async def test_a_revoked_key_is_replaced(self, store: AsyncEngine, tmp_path: Path) -> None:
        """Revoking holds: the old key stays useless, a new one is made."""
        file = tmp_path / "demo.key"
        await ensure_demo_key(store, [file], Clock())
        first = file.read_text()
        async with transaction(store) as connection:
            await revoke_key(connection, str((await list_keys(connection))[0]["id"]), Clock())

        await ensure_demo_key(store, [file], Clock())

        assert file.read_text() != first
        assert await scopes_of(store, file) == {"read", "events", "train"}

    async def test_the_demos_key_opens_an_export_too(self, store: AsyncEngine, tmp_path: Path) -> None:
        """A key another store made is taken over, and written beside the export's state."""
        file, beside = tmp_path / "demo.key", tmp_path / "export.key"
        file.write_text("rfid3_from-the-demo\n")

        await ensure_demo_key(store, [file, beside], Clock())

        assert file.read_text() == beside.read_text() == "rfid3_from-the-demo\n"
        assert await scopes_of(store, beside) == {"read", "events", "train"}
