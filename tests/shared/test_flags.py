"""Flags: what is set is audited, every process follows within five seconds, an outage changes nothing, and off is off."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from doorway import Wire, until
from fastapi import Depends, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.auth import Caller
from rfid3_shared.clock import Clock, FixedClock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.errors import Conflict, FeatureDisabled, InvalidParameters, NotFound
from rfid3_shared.flags import (
    IN_FORCE_WITHIN_S,
    MASTER,
    Flag,
    Flags,
    FlagState,
    audit,
    feature_flags,
    flag_named,
    flag_of_service,
    read_states,
    set_flag,
    switched_off,
)
from rfid3_shared.flags.guard import entities_in, require_flag

DEMAND, PRICING, VIEW = Flag.DEMAND_FORECASTING, Flag.PRICING_OPTIMIZATION, Flag.PREDICTIVE_UI_ENHANCEMENTS
NOON = datetime(2025, 6, 2, 12, 0, 0, 123_000, tzinfo=UTC)
Change = Callable[..., Awaitable[FlagState]]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def change(engine: AsyncEngine, clock: FixedClock) -> Change:
    """Sets a flag in a transaction of its own."""

    async def change(flag: Flag | str, **wanted: Any) -> FlagState:
        wanted = {"reason": "a test", "changed_by": "tester", **wanted}
        async with transaction(engine) as connection:
            return await set_flag(connection, flag, **wanted, clock=clock)

    return change


@pytest.fixture
async def flags(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Flags]:
    """Flags that look when told to, and hardly ever by themselves."""
    held = Flags(engine, clock, poll_s=3600)
    await held.start()
    yield held
    await held.aclose()


class TestNames:
    def test_are_the_ten_of_the_integration_plan(self) -> None:
        """RFID3's own configuration names exactly these; only the predictive view is on by default."""
        services = ("PREDICTIVE_ANALYTICS", "DEMAND_FORECASTING", "MAINTENANCE_PREDICTION", "QUALITY_ANALYTICS",
                    "PRICING_OPTIMIZATION", "INVENTORY_AUTOMATION", "PACK_MANAGEMENT")  # fmt: skip
        expected = {f"{name}_ENABLED" for name in services}
        expected |= {"MODEL_TRAINING_ENABLED", "EXTERNAL_DATA_INTEGRATION", "PREDICTIVE_UI_ENHANCEMENTS"}

        assert {flag.value for flag in Flag} == expected
        assert [flag.value for flag in Flag if flag.about.default] == ["PREDICTIVE_UI_ENHANCEMENTS"]
        assert [flag.value for flag in Flag if flag.is_master] == ["PREDICTIVE_ANALYTICS_ENABLED"]

    def test_every_service_has_one(self) -> None:
        """The six services of the suite are each switched by a flag of their own."""
        names = ("demand", "maintenance", "quality", "pricing", "inventory", "packs")

        assert len({flag_of_service(name) for name in names} - {None}) == 6
        assert flag_of_service("gateway") is None

    @pytest.mark.parametrize("spelling", ["DEMAND_FORECASTING_ENABLED", "demand_forecasting", " Demand-Forecasting "])
    def test_are_found_as_people_write_them(self, spelling: str) -> None:
        """Letter case, hyphens and a missing _ENABLED do not matter."""
        assert flag_named(spelling) is DEMAND

    def test_a_misspelt_one_gets_suggestions(self) -> None:
        """Who types nearly the right name is told the right one."""
        with pytest.raises(NotFound) as refused:
            flag_named("DEMAND_FORCASTING_ENABLED")

        assert refused.value.details["suggestion"][0] == "DEMAND_FORECASTING_ENABLED"


class TestSetFlag:
    async def test_changes_what_is_named_and_records_it(self, engine: AsyncEngine, change: Change, clock: FixedClock) -> None:
        """The new state, and one entry each with before, after, who, why, when and for which request."""
        first = await change(DEMAND, enabled=True, reason="  phase B  ", changed_by="key:abc", request_id="request-0001")
        clock.advance(minutes=1)
        second = await change(DEMAND, percent=12.345, entities=["Store:8101", " category:Round Linen ", "store:8101"])

        async with transaction(engine) as connection:
            page = await audit(connection)
            state = (await read_states(connection))[DEMAND]
        assert (first.version, second.version) == (1, 2)
        assert state == second
        assert state.setting == {"enabled": True, "percent": 12.35, "entities": ["store:8101", "category:Round Linen"]}
        newest, oldest = page.changes
        assert (page.total, newest.version, oldest.version) == (2, 2, 1)
        assert (oldest.before, newest.before, newest.after) == (None, oldest.after, state.setting)
        assert (oldest.reason, oldest.changed_by, oldest.request_id) == ("phase B", "key:abc", "request-0001")
        assert oldest.changed_at == NOON.replace(tzinfo=None)

    async def test_the_same_again_is_no_change(self, engine: AsyncEngine, change: Change) -> None:
        """A request that is repeated because its answer was lost leaves one entry."""
        first = await change(DEMAND, enabled=True, percent=10)
        again = await change(DEMAND, enabled=True, percent=10.0, entities=[])

        async with transaction(engine) as connection:
            assert (await audit(connection)).total == 1
        assert again == first

    async def test_saying_the_default_is_a_decision(self, engine: AsyncEngine, change: Change) -> None:
        """Switching off what is off because nobody touched it is kept: a first start must not switch it on."""
        assert (await change(DEMAND, enabled=False)).version == 1

    async def test_of_many_at_once_one_wins(self, engine: AsyncEngine, change: Change) -> None:
        """Twelve people set the same flag at the same moment: versions have no gap, each has its entry, losers are told."""

        async def attempt(number: int) -> int | None:
            try:
                return (await change(DEMAND, percent=number + 1)).version
            except Conflict:
                return None

        won = [version for version in await asyncio.gather(*(attempt(n) for n in range(12))) if version]

        async with transaction(engine) as connection:
            page = await audit(connection, DEMAND)
            state = (await read_states(connection))[DEMAND]
        assert sorted(won) == list(range(1, len(won) + 1))
        assert sorted(entry.version for entry in page.changes) == sorted(won)
        assert state.setting == page.changes[0].after

    async def test_an_expected_version_that_moved_is_a_conflict(self, engine: AsyncEngine, change: Change) -> None:
        """Who looked at version 0 does not overwrite version 1, and learns which version there is."""
        await change(DEMAND, enabled=True, expected_version=0)

        with pytest.raises(Conflict) as refused:
            await change(DEMAND, enabled=False, expected_version=0)

        assert refused.value.details["version"] == 1
        async with transaction(engine) as connection:
            assert (await audit(connection)).total == 1

    async def test_a_rolled_back_transaction_leaves_neither(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """State and record stand or fall together."""
        async with engine.connect() as connection:
            await set_flag(connection, DEMAND, enabled=True, reason="x", changed_by="y", clock=clock)
            await connection.rollback()

        async with transaction(engine) as connection:
            assert (await audit(connection)).total == 0
            assert (await read_states(connection))[DEMAND].version == 0

    @pytest.mark.parametrize("percent", [-0.01, 100.01, float("nan"), float("inf")])
    async def test_refuses_a_share_that_is_none(self, change: Change, percent: float) -> None:
        """A share is from 0 to 100."""
        with pytest.raises(InvalidParameters):
            await change(DEMAND, percent=percent)

    @pytest.mark.parametrize("entity", ["8101", "shop:8101", "store:", "store:   ", ":8101", "", "store:" + "x" * 300])
    async def test_refuses_a_malformed_entity(self, change: Change, entity: str) -> None:
        """An entity that nothing could ever match was a mistake."""
        with pytest.raises(InvalidParameters) as refused:
            await change(DEMAND, entities=["store:8101", entity])

        assert refused.value.details["parameter"] == "entities"

    @pytest.mark.parametrize("wanted", [{"enabled": True, "reason": " "}, {"enabled": True, "reason": "x" * 501}, {}])
    async def test_refuses_a_change_without_reason_or_content(self, change: Change, wanted: dict[str, Any]) -> None:
        """The audit says why, and what."""
        with pytest.raises(InvalidParameters):
            await change(DEMAND, **wanted)

    async def test_refuses_a_flag_nobody_knows(self, change: Change) -> None:
        """A typing error creates no eleventh flag."""
        with pytest.raises(NotFound):
            await change("DEMAND_FORECAST", enabled=True)

    async def test_the_audit_is_read_in_pages(self, engine: AsyncEngine, change: Change) -> None:
        """Newest first, of one flag or of all, with the number there are in all."""
        for percent in range(1, 6):
            await change(DEMAND, percent=percent)
        await change(PRICING, enabled=True)

        async with transaction(engine) as connection:
            page = await audit(connection, "demand-forecasting", limit=2, offset=1)
            everything = await audit(connection)
        assert ([entry.version for entry in page.changes], page.total) == ([4, 3], 5)
        assert (everything.changes[0].name, everything.total) == (PRICING.value, 6)

    @pytest.mark.mariadb
    async def test_a_server_that_refuses_to_overwrite_what_was_not_seen(self, mysql_dsn: str) -> None:
        """MariaDB with innodb_snapshot_isolation, the default of newer versions, is told as the conflict it is."""
        engine = open_engine(mysql_dsn)
        await create_tables(engine, store_metadata)
        by = {"reason": "x", "changed_by": "y", "clock": Clock()}
        async with transaction(engine) as connection:
            await set_flag(connection, DEMAND, enabled=True, **by)
        async with engine.connect() as slow:
            await slow.execute(text("SET SESSION innodb_snapshot_isolation = ON"))
            await slow.commit()
            await read_states(slow)
            async with transaction(engine) as quick:
                await set_flag(quick, DEMAND, enabled=False, **by)

            with pytest.raises(Conflict):
                await set_flag(slow, DEMAND, percent=5, **by)
        await engine.dispose()


class TestOn:
    async def test_needs_the_master_and_its_own(self, flags: Flags, change: Change) -> None:
        """A service's ability is on only while both switches are."""
        expected = {(False, False): False, (True, False): False, (False, True): False, (True, True): True}
        for (master, own), is_on in expected.items():
            await change(MASTER, enabled=master)
            await change(DEMAND, enabled=own)
            await flags.look()

            assert flags.on(DEMAND) is is_on
            assert not flags.on(PRICING)

    async def test_nothing_is_on_before_anybody_switched_it_on(self, flags: Flags) -> None:
        """The defaults are off; the view is on by default, and off all the same while the master is."""
        assert [flag for flag in Flag if flags.on(flag)] == []
        assert flags.state(VIEW).enabled

    async def test_rolls_out_by_share_and_entity(self, flags: Flags, change: Change) -> None:
        """At 0 % with a store and a key named, those two are in and others are not."""
        await change(MASTER, enabled=True)
        await change(DEMAND, enabled=True, percent=0, entities=["store:8101", "key:abc"])
        await flags.look()

        assert flags.on(DEMAND, entities=["store:8101"])
        assert flags.on(DEMAND, key="abc")
        assert not flags.on(DEMAND, key="xyz", entities=["store:728"])
        assert not flags.on(DEMAND)

    async def test_a_master_rolled_out_bounds_every_service(self, flags: Flags, change: Change) -> None:
        """Whoever the master leaves out gets nothing."""
        await change(MASTER, enabled=True, percent=30)
        await change(DEMAND, enabled=True, percent=60)
        await flags.look()
        keys = [f"key-{number}" for number in range(500)]

        inside = {key for key in keys if flags.on(DEMAND, key=key)}

        assert inside
        assert inside <= {key for key in keys if flags.on(MASTER, key=key)}


class TestCheck:
    @pytest.mark.parametrize(
        ("settings", "off", "reason", "named"),
        [
            ([], (), "master off", MASTER),
            ([(MASTER, {"enabled": False})], (), "master off", MASTER),
            ([(MASTER, {"enabled": True})], (), "never switched on", DEMAND),
            ([(MASTER, {"enabled": True}), (DEMAND, {"enabled": False})], (), "flag off", DEMAND),
            ([(MASTER, {"enabled": True}), (DEMAND, {"enabled": True, "percent": 0})], (), "not in the roll-out", DEMAND),
            ([(MASTER, {"enabled": True}), (DEMAND, {"enabled": True})], (DEMAND,), "switched off by the environment", DEMAND),
            ([(MASTER, {"enabled": True}), (DEMAND, {"enabled": True})], (MASTER,), "switched off by the environment", MASTER),
        ],
    )
    async def test_says_why_and_what_to_do(
        self, engine: AsyncEngine, change: Change, clock: FixedClock, settings, off, reason: str, named: Flag
    ) -> None:
        """503 FEATURE_DISABLED with the reason, and a suggestion that names the switch in question."""
        for flag, wanted in settings:
            await change(flag, **wanted)
        flags = Flags(engine, clock, off=off)
        await flags.look()

        with pytest.raises(FeatureDisabled) as refused:
            flags.check(DEMAND, key="abc")

        assert (refused.value.status, refused.value.code) == (503, "FEATURE_DISABLED")
        assert (refused.value.details["flag"], refused.value.details["reason"]) == (DEMAND.value, reason)
        assert named.value in refused.value.details["suggestion"]
        assert flags.why_off(DEMAND, key="abc") == reason

    @given(
        master=st.sampled_from([None, "off", "on", "half"]), own=st.sampled_from([None, "off", "on", "half", "store"]),
        off=st.sets(st.sampled_from([MASTER, DEMAND, PRICING])), key=st.sampled_from(["", "a", "b", "c", "d"]),
        store=st.sampled_from(["1", "2"]),
    )  # fmt: skip
    def test_on_and_why_off_agree(self, master, own, off, key: str, store: str) -> None:
        """What is on has no reason to be off, and the other way round, for every combination."""
        settings = {
            "off": (False, 100.0, ()),
            "on": (True, 100.0, ()),
            "half": (True, 50.0, ()),
            "store": (True, 0.0, ("store:1",)),
        }
        flags = Flags(None, Clock(), off=off)  # type: ignore[arg-type]
        states = {flag: flags.state(flag) for flag in Flag}
        for flag, word in ((MASTER, master), (DEMAND, own)):
            if word:
                states[flag] = FlagState(flag, *settings[word], 1, "x", None)
        flags._take(states)

        is_on = flags.on(DEMAND, key=key, entities=[f"store:{store}"])

        assert is_on is (flags.why_off(DEMAND, key=key, entities=[f"store:{store}"]) is None)
        if off & {MASTER, DEMAND} or master in (None, "off") or own in (None, "off"):
            assert not is_on
        elif (master, own) == ("on", "on") or (master, own, store) == ("on", "store", "1"):
            assert is_on


class TestRefresh:
    async def test_another_processs_change_is_in_force_within_five_seconds(self, engine: AsyncEngine, dsn: str) -> None:
        """Without Redis, by looking at the table: a change that a command made elsewhere arrives here by itself."""
        flags = Flags(engine, Clock())
        await flags.start()
        for name in ("PREDICTIVE_ANALYTICS_ENABLED", "DEMAND_FORECASTING_ENABLED"):
            command = [sys.executable, "-c", "from rfid3_shared.flags.commands import app; app()", "on", name, "--reason", "go"]
            environment = {**os.environ, "RFID3_STORE_URL": dsn}
            await asyncio.to_thread(subprocess.run, command, check=True, env=environment, capture_output=True)

        await until(lambda: flags.on(DEMAND), seconds=IN_FORCE_WITHIN_S)

        await flags.aclose()

    async def test_a_second_engine_follows_both_ways(self, dsn: str, change: Change) -> None:
        """On, and off again, seen by somebody who shares nothing but the database."""
        theirs = open_engine(dsn)
        flags = Flags(theirs, Clock(), poll_s=0.05)
        await flags.start()
        await change(MASTER, enabled=True)

        for wanted in (True, False, True):
            await change(DEMAND, enabled=wanted)
            await until(lambda wanted=wanted: flags.on(DEMAND) is wanted, seconds=IN_FORCE_WITHIN_S)

        await flags.aclose()
        await theirs.dispose()

    async def test_rows_of_flags_it_does_not_know_are_passed_over(
        self, engine: AsyncEngine, flags: Flags, change: Change
    ) -> None:
        """A newer version of the suite may keep flags in the same table."""
        await change(MASTER, enabled=True)
        row = {"name": "TELEPORTATION", "enabled": True, "percent": 100, "entities": [], "version": 1, "updated_by": "x"}
        async with transaction(engine) as connection:
            await connection.execute(insert(feature_flags), {**row, "updated_at": NOON.replace(tzinfo=None)})

        assert await flags.look()
        assert flags.on(MASTER)


class TestStoreOutOfReach:
    async def test_the_last_known_state_goes_on_and_says_so(self, store_dsn: str, tmp_path: Path, clock: FixedClock) -> None:
        """With the tables gone nothing is switched by it, and `stale` tells; seen again, it is fresh again."""
        engine = open_engine(store_dsn)
        await create_tables(engine, store_metadata)
        flags = Flags(engine, clock)
        async with transaction(engine) as connection:
            for flag in (MASTER, DEMAND):
                await set_flag(connection, flag, enabled=True, reason="x", changed_by="y", clock=clock)
        await flags.look()
        assert (flags.on(DEMAND), flags.stale, flags.seen_at) == (True, False, NOON)

        async with transaction(engine) as connection:
            await connection.execute(text("ALTER TABLE feature_flags RENAME TO elsewhere"))
        assert not await flags.look()
        assert (flags.on(DEMAND), flags.stale) == (True, True)

        async with transaction(engine) as connection:
            await connection.execute(text("ALTER TABLE elsewhere RENAME TO feature_flags"))
        assert await flags.look()
        assert not flags.stale
        await engine.dispose()

    @pytest.mark.mariadb
    async def test_a_cut_line_is_an_outage_and_a_mended_one_is_not(self, mysql_dsn: str, tmp_path: Path) -> None:
        """A process that runs, and one that starts meanwhile, both answer as before the cut; then they follow again."""
        from sqlalchemy.engine import make_url

        url = make_url(mysql_dsn)
        wire = Wire(url.port or 3306)
        await wire.mend()
        direct, through = open_engine(mysql_dsn), open_engine(url.set(port=wire.port).render_as_string(hide_password=False))
        await create_tables(direct, store_metadata)

        async def switch(flag: Flag, enabled: bool) -> None:
            async with transaction(direct) as connection:
                await set_flag(connection, flag, enabled=enabled, reason="x", changed_by="y", clock=Clock())

        await switch(MASTER, True)
        await switch(DEMAND, True)
        file = tmp_path / "flags.json"
        running, starting = Flags(through, Clock(), file, poll_s=0.05), Flags(through, Clock(), file, poll_s=0.05)
        await running.start()
        await wire.cut()
        await until(lambda: running.stale, seconds=10)
        await starting.start()

        assert (running.on(DEMAND), starting.on(DEMAND), starting.stale) == (True, True, True)

        await switch(DEMAND, False)
        await wire.mend()
        await until(lambda: not (running.on(DEMAND) or starting.on(DEMAND)), seconds=10)
        assert (running.stale, starting.stale) == (False, False)
        for flags in (running, starting):
            await flags.aclose()
        await wire.cut()
        for engine in (direct, through):
            await engine.dispose()

    @pytest.mark.parametrize(
        "content", [None, b"", b"[]", b"{", b'{"X": {}}', b'{"DEMAND_FORECASTING_ENABLED": {"enabled": true}}', b"\xff\xfe"]
    )
    async def test_a_damaged_memory_is_no_memory(self, tmp_path: Path, content: bytes | None) -> None:
        """Whatever lies on the disk the process starts, and takes for off what it cannot read."""
        file = tmp_path / "flags.json"
        if content is not None:
            file.write_bytes(content)
        engine = open_engine(f"sqlite:///{tmp_path / 'empty.db'}")
        flags = Flags(engine, Clock(), file)

        await flags.start()

        assert (flags.on(DEMAND), flags.stale) == (False, True)
        await flags.aclose()
        await engine.dispose()

    async def test_memory_that_cannot_be_written_stops_nothing(
        self, engine: AsyncEngine, change: Change, clock: FixedClock, tmp_path: Path
    ) -> None:
        """A full or read-only disk costs the memory, not the answer."""
        (tmp_path / "file").write_text("")
        flags = Flags(engine, clock, tmp_path / "file" / "flags.json")
        await change(MASTER, enabled=True)

        assert await flags.look()
        assert flags.on(MASTER)

    async def test_the_memory_of_another_store_is_replaced(
        self, engine: AsyncEngine, clock: FixedClock, tmp_path: Path
    ) -> None:
        """A new store in which nothing is set wins over a file that says otherwise."""
        file = tmp_path / "flags.json"
        row = {
            "enabled": True,
            "percent": 100,
            "entities": [],
            "version": 1,
            "updated_by": "x",
            "updated_at": "2025-01-01T00:00:00",
        }
        file.write_text(json.dumps({MASTER.value: row}))

        flags = Flags(engine, clock, file)
        await flags.start()

        assert json.loads(file.read_text()) == {}
        assert not flags.on(MASTER)
        await flags.aclose()

    async def test_what_is_remembered_is_what_was_set(
        self, engine: AsyncEngine, change: Change, clock: FixedClock, tmp_path: Path
    ) -> None:
        """Shares, entities, versions and authors survive the way to the disk and back."""
        file = tmp_path / "var" / "flags.json"
        await change(MASTER, enabled=True)
        await change(DEMAND, enabled=True, percent=12.34, entities=["store:8101", "category:Grüne Decken"])
        await change(VIEW, enabled=False)
        running = Flags(engine, clock, file)
        await running.look()
        nowhere = open_engine(f"sqlite:///{tmp_path / 'empty.db'}")
        starting = Flags(nowhere, clock, file)

        await starting.start()

        assert starting.states() == running.states()
        await starting.aclose()
        await nowhere.dispose()


class TestKillSwitch:
    async def test_can_only_switch_off(self, engine: AsyncEngine, change: Change, clock: FixedClock) -> None:
        """What the environment names is off whatever the table says; what it does not name stays as it is."""
        for flag in (MASTER, DEMAND, PRICING):
            await change(flag, enabled=True)
        flags = Flags(engine, clock, off=switched_off(" demand_forecasting_enabled , "))
        await flags.look()

        assert (flags.on(DEMAND), flags.on(PRICING), flags.on(Flag.MODEL_TRAINING)) == (False, True, False)

    async def test_the_master_takes_everything_with_it(self, engine: AsyncEngine, change: Change, clock: FixedClock) -> None:
        """One word stops the suite's predictions."""
        for flag in Flag:
            await change(flag, enabled=True)
        flags = Flags(engine, clock, off=switched_off(MASTER.value))
        await flags.look()

        assert not any(flags.on(flag) for flag in Flag)

    def test_a_misspelt_name_is_told_at_once(self) -> None:
        """A brake that was misspelt must not look as if it held."""
        with pytest.raises(InvalidParameters) as refused:
            switched_off("DEMAND_FORECASTING_ENABLED,PRICING")

        assert "PRICING" in refused.value.message
        assert PRICING.value in refused.value.details["known"]

    def test_nothing_named_is_nothing_off(self) -> None:
        """The default of the setting."""
        assert switched_off("") == switched_off(" , ") == frozenset()


class TestRequireFlag:
    @pytest.fixture
    async def client(self, flags: Flags) -> AsyncIterator[httpx.AsyncClient]:
        """An app with two guarded routes, whose caller's key is in the header X-Key."""
        app = FastAPI()
        app.state.resources = SimpleNamespace(flags=flags)

        @app.middleware("http")
        async def admit(request, call_next):
            request.scope["state"] = {"caller": Caller(request.headers.get("x-key", "abc"), "test", frozenset({"read"}))}
            return await call_next(request)

        @app.exception_handler(FeatureDisabled)
        async def on_disabled(request, error):
            return as_answer(error)

        @app.get("/forecast", dependencies=[Depends(require_flag(DEMAND))])
        async def forecast() -> dict[str, bool]:
            return {"answered": True}

        @app.get("/items/{item_id}", dependencies=[Depends(require_flag(DEMAND, PRICING))])
        async def item(item_id: str) -> dict[str, bool]:
            return {"answered": True}

        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client

    async def test_refuses_until_switched_on_and_again_when_off(
        self, client: httpx.AsyncClient, flags: Flags, change: Change
    ) -> None:
        """503, 200, 503: a request is answered exactly while the flag is on."""
        statuses = []
        for master in (False, True, False):
            await change(MASTER, enabled=master)
            await change(DEMAND, enabled=True)
            await flags.look()
            statuses.append((await client.get("/forecast")).status_code)

        assert statuses == [503, 200, 503]

    async def test_sees_key_and_what_is_asked_about(self, client: httpx.AsyncClient, flags: Flags, change: Change) -> None:
        """Key, store, category and class of a request decide a roll-out, as parameters of query or path."""
        await change(MASTER, enabled=True)
        await change(PRICING, enabled=True)
        named = ["key:vip", "store:8101", "category:Round Linen", "item:61825"]
        await change(DEMAND, enabled=True, percent=0, entities=named)
        await flags.look()

        async def status(path: str, key: str = "abc") -> int:
            return (await client.get(path, headers={"x-key": key})).status_code

        assert await status("/forecast", "vip") == 200
        assert await status("/forecast?store=8101") == 200
        assert await status("/forecast?category=round%20linen&store=728") == 200
        assert await status("/forecast?rental_class=61825") == 200
        assert await status("/items/61825") == 200
        assert await status("/forecast?store=728&category=Tents") == 503
        assert await status("/items/1") == 503

    def test_entities_are_read_from_what_is_there(self) -> None:
        """Absent and empty parameters name nothing."""
        assert entities_in({"store": "8101", "category": " ", "weeks": 4, "rental_class": None}) == ("store:8101",)


def as_answer(error: FeatureDisabled) -> Any:
    """The error as an answer."""
    from fastapi.responses import JSONResponse

    return JSONResponse(error.details, error.status)
