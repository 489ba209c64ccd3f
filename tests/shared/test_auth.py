"""A key opens what it was made for, until it expires or is revoked, and is never written down."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from rfid3_shared.auth import (
    SCOPES,
    Caller,
    KeyRing,
    create_key,
    find_caller,
    hash_key,
    key_from_headers,
    list_keys,
    revoke_key,
)  # fmt: skip
from rfid3_shared.auth_commands import app
from rfid3_shared.clock import FixedClock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.errors import Forbidden, InvalidParameters, NotFound, Unauthorized
from rfid3_shared.migrate import ensure_schema

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
async def store(store_dsn: str) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(store_dsn)
    await ensure_schema(engine)
    yield engine
    await engine.dispose()


async def made(store: AsyncEngine, clock: FixedClock, *scopes: str, days: int | None = None) -> tuple[str, str]:
    async with transaction(store) as connection:
        expires_at = clock.now() + timedelta(days=days) if days else None
        return await create_key(connection, owner="shop", scopes=scopes, clock=clock, expires_at=expires_at)


async def caller_of(store: AsyncEngine, clock: FixedClock, key: str) -> Caller | None:
    async with transaction(store) as connection:
        return await find_caller(connection, hash_key(key), clock)


class TestCreateKey:
    async def test_the_key_itself_is_stored_nowhere(self, store: AsyncEngine, clock: FixedClock, tmp_path: Path) -> None:
        """No file of the store holds the key, only its hash."""
        _, key = await made(store, clock, "read")
        await store.dispose()

        written = b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))

        assert hash_key(key).encode() in written
        assert key.encode() not in written
        assert key.removeprefix("rfid3_").encode() not in written

    async def test_keys_differ(self, store: AsyncEngine, clock: FixedClock) -> None:
        """No two keys are alike."""
        assert len({(await made(store, clock, "read"))[1] for _ in range(20)}) == 20

    async def test_refuses_unknown_scopes(self, store: AsyncEngine, clock: FixedClock) -> None:
        """A scope outside read, train, decide and admin, or none at all, makes no key."""
        for scopes in (["root"], ["read", "write"], []):
            with pytest.raises(InvalidParameters):
                await made(store, clock, *scopes)


class TestFindCaller:
    async def test_knows_owner_and_scopes(self, store: AsyncEngine, clock: FixedClock) -> None:
        """A good key leads to its owner and scopes; a wrong one to nobody."""
        key_id, key = await made(store, clock, "train", "read")

        assert await caller_of(store, clock, key) == Caller(key_id, "shop", frozenset({"read", "train"}))
        assert await caller_of(store, clock, key + "x") is None

    async def test_an_expired_key_is_nobody(self, store: AsyncEngine, clock: FixedClock) -> None:
        """A key works up to its expiry and not from then on."""
        _, key = await made(store, clock, "read", days=2)
        clock.advance(days=2, seconds=-1)
        assert await caller_of(store, clock, key) is not None

        clock.advance(seconds=1)

        assert await caller_of(store, clock, key) is None

    async def test_a_revoked_key_is_nobody(self, store: AsyncEngine, clock: FixedClock) -> None:
        """Revoking one key leaves the other working."""
        key_id, key = await made(store, clock, "read")
        _, other = await made(store, clock, "read")

        async with transaction(store) as connection:
            await revoke_key(connection, key_id, clock)

        assert await caller_of(store, clock, key) is None
        assert await caller_of(store, clock, other) is not None


class TestRevokeKey:
    async def test_refuses_an_unknown_id(self, store: AsyncEngine, clock: FixedClock) -> None:
        """Revoking what does not exist says so."""
        with pytest.raises(NotFound):
            async with transaction(store) as connection:
                await revoke_key(connection, "nothing", clock)


class TestListKeys:
    async def test_shows_no_hashes(self, store: AsyncEngine, clock: FixedClock) -> None:
        """The list has every key's id and state and nothing one could enter by."""
        ids = {(await made(store, clock, "read"))[0] for _ in range(3)}

        async with transaction(store) as connection:
            rows = await list_keys(connection)

        assert {row["id"] for row in rows} == ids
        assert all("key_hash" not in row for row in rows)


class TestKeyFromHeaders:
    @given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
    def test_reads_both_forms(self, key: str) -> None:
        """X-API-Key and Authorization: Bearer mean the same."""
        assert key_from_headers([(b"x-api-key", key.encode())]) == key
        assert key_from_headers([(b"accept", b"*/*"), (b"authorization", b"Bearer " + key.encode())]) == key

    @pytest.mark.parametrize("headers", [[], [(b"authorization", b"Basic abc")], [(b"cookie", b"x-api-key=abc")]])
    def test_needs_one(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Anything else is no key."""
        with pytest.raises(Unauthorized):
            key_from_headers(headers)


class TestCaller:
    @pytest.mark.parametrize("scope", SCOPES)
    def test_admin_may_everything_others_their_own(self, scope: str) -> None:
        """Each scope opens itself; admin opens all; no scope opens nothing."""
        Caller("1", "o", frozenset({scope})).require(scope)
        Caller("1", "o", frozenset({"admin"})).require(scope)

        with pytest.raises(Forbidden):
            Caller("1", "o", frozenset()).require(scope)


class TestKeyRing:
    def test_asks_again_after_its_time(self, clock: FixedClock) -> None:
        """A caller is fresh for ttl seconds, then a look-up is due; stale still names the last one seen."""
        ring, caller = KeyRing(clock, ttl_s=5), Caller("1", "o", frozenset({"read"}))
        ring.remember("hash", caller)
        clock.advance(seconds=5)
        assert ring.fresh("hash") == caller

        clock.advance(seconds=0.1)

        with pytest.raises(KeyError):
            ring.fresh("hash")
        assert ring.stale("hash") == caller

    def test_remembers_strangers_too(self, clock: FixedClock) -> None:
        """A key known to be nobody's is refused without a look-up, and is nobody when stale."""
        ring = KeyRing(clock)
        ring.remember("hash", None)

        with pytest.raises(Unauthorized):
            ring.fresh("hash")
        assert ring.stale("hash") is None

    def test_stays_within_its_size(self, clock: FixedClock) -> None:
        """A flood of strangers pushes out the oldest entries, and memory stays bounded."""
        ring = KeyRing(clock, size=10)
        for number in range(100):
            ring.remember(str(number), None)

        with pytest.raises(KeyError):
            ring.fresh("0")
        with pytest.raises(Unauthorized):
            ring.fresh("99")


class TestKeysCommand:
    @pytest.fixture
    def run(self, store_dsn: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("RFID3_STORE_URL", store_dsn)
        monkeypatch.setenv("COLUMNS", "160")
        return lambda *arguments: CliRunner().invoke(app, list(arguments))

    async def test_create_shows_the_key_once(self, run, store: AsyncEngine, clock: FixedClock) -> None:
        """The printed key works, with the scopes asked for; the list never shows it again."""
        result = await in_thread(run, "create", "--owner", "Fridley shop", "--scope", "read", "--scope", "train", "--quiet")
        key = result.output.strip()
        assert result.exit_code == 0

        caller = await caller_of(store, clock, key)
        listed = await in_thread(run, "list")

        assert caller is not None
        assert (caller.owner, caller.scopes) == ("Fridley shop", {"read", "train"})
        assert caller.key_id in listed.output
        assert key not in listed.output

    async def test_create_in_full_prints_the_key_unbroken(self, run, store: AsyncEngine, clock: FixedClock) -> None:
        """The panel holds a working key on one line, its id and what it may do."""
        result = await in_thread(run, "create", "--owner", "x", "--expires-days", "3")
        key = next(word for word in result.output.split() if word.startswith("rfid3_"))

        caller = await caller_of(store, FixedClock(datetime.now(UTC)), key)

        assert caller is not None
        assert caller.key_id in result.output

    async def test_revoke_ends_it(self, run, store: AsyncEngine, clock: FixedClock) -> None:
        """A revoked key is nobody's and is listed as revoked."""
        key_id, key = await made(store, clock, "read")

        result = await in_thread(run, "revoke", key_id)

        assert result.exit_code == 0
        assert await caller_of(store, clock, key) is None
        assert "revoked" in (await in_thread(run, "list")).output

    async def test_says_what_is_wrong(self, run) -> None:
        """Exit code 2 and plain words for an unknown id, scope or a missing owner."""
        for arguments in (["revoke", "nothing"], ["create", "--owner", "x", "--scope", "root"], ["create"]):
            result = await in_thread(run, *arguments)
            assert result.exit_code == 2
            assert "Traceback" not in result.output


async def in_thread(run, *arguments: str):
    import asyncio

    return await asyncio.to_thread(run, *arguments)
