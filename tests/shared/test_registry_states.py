"""Who answers: one champion a service, whoever changes it at once; one call back; every change written down."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from publishing import CHAMPION, REJECTED, SHADOW, TRAINED, damage, later_clock, model, publish, serve
from redis.asyncio import Redis
from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock, FixedClock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.errors import Conflict, ModelUnavailable, NotFound
from rfid3_shared.registry import CHANNEL, Registry, Verdict, Version, promotion_duty
from rfid3_shared.registry.history import line_of_champions
from rfid3_shared.registry.tables import ml_model_performance, registry_current, shadow_tallies
from rfid3_shared.registry.tally import Tally, add_tallies, read_tally

BY = {"by": "anna", "reason": "test"}
LEGAL = {
    "candidate": {"shadow", "champion", "rejected"}, "shadow": {"champion", "rejected"}, "champion": {"retired"},
    "retired": {"champion"}, "rejected": {"champion"},
}  # fmt: skip
OPERATIONS = ["publish", "publish", "publish", "settle", "shadow", "rejected", "promote", "reject", "rollback", "back to"]


@pytest.fixture
def clock() -> FixedClock:
    return later_clock()


@pytest.fixture
def registry(engine: AsyncEngine, clock: FixedClock, tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry", engine, clock)


async def champions(registry: Registry, tmp_path: Path, count: int) -> list[Version]:
    """So many versions, each made champion after the one before."""
    return [await serve(registry, model(tmp_path, f"c{number}"), number) for number in range(count)]


async def shadow_of(registry: Registry, tmp_path: Path, word: str = "shadow", number: int = 50) -> Version:
    return await registry.settle(await publish(registry, model(tmp_path, word), number), SHADOW, by="test")


async def state(registry: Registry, version: Version) -> str:
    return (await registry.find(version.service, version.model_version)).state


async def rows(engine: AsyncEngine, question: str, **values: Any) -> list[tuple[Any, ...]]:
    async with transaction(engine) as connection:
        return [tuple(row) for row in await connection.execute(text(question), values)]


async def check(engine: AsyncEngine, service: str) -> dict[str, str]:
    """What must always hold of a service, read past the registry; its versions' states."""
    found = await rows(engine, "SELECT model_version, state FROM ml_model_performance WHERE service_name = :s", s=service)
    states = dict(found)
    current = await rows(engine, "SELECT model_version FROM registry_current WHERE service = :s", s=service)
    assert [(name,) for name, state in found if state == "champion"] == current
    assert len(current) <= 1
    assert list(states.values()).count("shadow") <= 1
    noted = dict.fromkeys(states, "candidate")
    question = "SELECT model_version, from_state, to_state FROM registry_events WHERE service = :s ORDER BY id"
    for name, before, after in await rows(engine, question, s=service):
        assert noted[name] == before
        assert after in LEGAL[before]
        noted[name] = after
    assert noted == states
    return states


class TestSettle:
    async def test_the_verdict_is_carried_out_and_kept(self, registry: Registry, tmp_path: Path) -> None:
        """State, reason, evidence and an event say what the gate decided."""
        first, second = [await publish(registry, model(tmp_path, word), number) for number, word in enumerate("ab")]

        champion = await registry.settle(first, CHAMPION, by="job 7")
        rejected = await registry.settle(second, Verdict("rejected", "worse", {"loss": 0.4}), by="job 8")

        assert await registry.current("demand") == champion
        assert (rejected.state, rejected.state_reason, rejected.evidence) == ("rejected", "worse", {"loss": 0.4})
        assert await registry.find("demand", second.model_version) == rejected
        events = [
            (event.model_version, event.from_state, event.to_state, event.changed_by)
            for event in await registry.events("demand")
        ]
        assert events == [
            (second.model_version, "candidate", "rejected", "job 8"), (first.model_version, "candidate", "champion", "job 7"),
        ]  # fmt: skip

    async def test_a_second_verdict_changes_nothing(self, registry: Registry, engine: AsyncEngine, tmp_path: Path) -> None:
        """A job that runs twice settles once, whatever it thinks the second time."""
        version = await serve(registry, model(tmp_path))

        assert await registry.settle(version, REJECTED, by="again") == version
        assert await check(engine, "demand") == {version.model_version: "champion"}

    async def test_a_newer_shadow_takes_the_place_of_an_older_one(self, registry: Registry, tmp_path: Path) -> None:
        """At most one version answers beside the champion; the older one is rejected, and the reason says for whom."""
        await champions(registry, tmp_path, 1)
        older, newer = await shadow_of(registry, tmp_path, "older", 1), await shadow_of(registry, tmp_path, "newer", 2)

        assert await registry.shadow("demand") == newer
        assert newer.model_version in (await registry.find("demand", older.model_version)).state_reason

    async def test_a_shadow_of_nobody_is_champion(self, registry: Registry, tmp_path: Path) -> None:
        """Where nothing serves there is nothing to stand beside."""
        version = await shadow_of(registry, tmp_path)

        assert version.state == "champion"
        assert version.state_reason.startswith("nothing served yet")

    async def test_damaged_files_are_not_let_in(self, registry: Registry, engine: AsyncEngine, tmp_path: Path) -> None:
        """Neither champion nor shadow can be what is not what was published; it can be rejected."""
        (serving,) = await champions(registry, tmp_path, 1)
        version = await publish(registry, model(tmp_path, "broken"), 1)
        damage(registry, version)

        for verdict in (CHAMPION, SHADOW):
            with pytest.raises(ModelUnavailable):
                await registry.settle(version, verdict, by="test")
        assert await registry.current("demand") == serving
        assert (await registry.settle(version, REJECTED, by="test")).state == "rejected"

    async def test_long_words_are_cut_to_what_the_table_holds(self, registry: Registry, tmp_path: Path) -> None:
        """A long reason is no reason for a change to fail."""
        version = await publish(registry, model(tmp_path))

        settled = await registry.settle(version, Verdict("champion", "x" * 900, {}), by="y" * 300)

        assert await registry.current("demand") == settled
        assert settled.state_reason == "x" * 500


class TestPromote:
    @pytest.mark.parametrize("before", ["candidate", "shadow", "rejected", "retired"])
    async def test_anything_but_the_champion_can_be_made_champion(
        self, registry: Registry, tmp_path: Path, before: str
    ) -> None:
        """The one before is retired, and the registry says by whom and why."""
        serving = (await champions(registry, tmp_path, 2))[-1]
        version = await publish(registry, model(tmp_path), 50)
        if before == "retired":
            version = (await registry.versions("demand", states=["retired"]))[0]
        elif before != "candidate":
            version = await registry.settle(version, {"shadow": SHADOW, "rejected": REJECTED}[before], by="test")

        promoted = await registry.promote("demand", version.model_version, by="anna", reason="better in the field")

        assert (promoted.state, promoted.state_reason) == ("champion", "better in the field")
        assert await registry.current("demand") == promoted
        assert await state(registry, serving) == "retired"
        deployed = (await registry.deployments([promoted, serving]))[promoted.model_version]
        assert (deployed.changed_by, deployed.changed_at) == ("anna", promoted.state_since)

    async def test_a_shadow_compared_with_another_champion_is_rejected(self, registry: Registry, tmp_path: Path) -> None:
        """It was found better than a champion that no longer is one."""
        await champions(registry, tmp_path, 1)
        shadow = await shadow_of(registry, tmp_path)
        await serve(registry, model(tmp_path, "forced"), 60)

        assert await state(registry, shadow) == "rejected"

    async def test_what_cannot_be_is_refused(self, registry: Registry, engine: AsyncEngine, tmp_path: Path) -> None:
        """Unknown versions, the champion itself, states not asked for, and files that are not what was published."""
        older, champion = await champions(registry, tmp_path, 2)
        damage(registry, older)
        before = await check(engine, "demand")

        with pytest.raises(NotFound):
            await registry.promote("demand", "demand_v1", **BY)
        with pytest.raises(NotFound):
            await registry.promote("packs", champion.model_version, **BY)
        with pytest.raises(Conflict):
            await registry.promote("demand", champion.model_version, **BY)
        with pytest.raises(Conflict):
            await registry.promote("demand", older.model_version, **BY, from_states=("shadow",))
        with pytest.raises(ModelUnavailable):
            await registry.promote("demand", older.model_version, **BY)
        assert await check(engine, "demand") == before


class TestReject:
    async def test_a_shadow_can_be_rejected_and_the_champion_not(self, registry: Registry, tmp_path: Path) -> None:
        """A service is never left without an answer."""
        (champion,) = await champions(registry, tmp_path, 1)
        shadow = await shadow_of(registry, tmp_path)

        assert (await registry.reject("demand", shadow.model_version, **BY)).state == "rejected"
        with pytest.raises(Conflict):
            await registry.reject("demand", champion.model_version, **BY)
        with pytest.raises(NotFound):
            await registry.reject("demand", "demand_v1", **BY)


class TestRollback:
    async def test_once_goes_one_back_and_twice_goes_two(self, registry: Registry, tmp_path: Path) -> None:
        """It never returns to what was just found wanting."""
        first, second, third = await champions(registry, tmp_path, 3)

        assert (await registry.rollback("demand", by="anna", reason="odd")).model_version == second.model_version
        assert await registry.current("demand") == await registry.find("demand", second.model_version)
        assert (await registry.rollback("demand", by="anna", reason="odd")).model_version == first.model_version
        with pytest.raises(Conflict):
            await registry.rollback("demand", by="anna", reason="odd")
        assert await state(registry, third) == await state(registry, second) == "retired"
        assert (await registry.events("demand", limit=1))[0].reason == "rolled back: odd"

    async def test_many_newer_candidates_do_not_bar_the_way_back(self, registry: Registry, tmp_path: Path) -> None:
        """The files of champions outlast those of candidates that came to nothing."""
        first, second, _ = await champions(registry, tmp_path, 3)
        for number in range(8):
            await registry.settle(await publish(registry, model(tmp_path, f"n{number}"), 50 + number), REJECTED, by="test")

        for version in (second, first):
            assert (await registry.rollback("demand", **BY)).model_version == version.model_version

    async def test_a_damaged_one_is_passed_over_and_said(self, registry: Registry, tmp_path: Path) -> None:
        """Going back ends at files that are what was published; the reason names those that are not."""
        first, second, _ = await champions(registry, tmp_path, 3)
        damage(registry, second)

        back = await registry.rollback("demand", **BY)

        assert back.model_version == first.model_version
        assert second.model_version in back.state_reason

    async def test_nothing_changes_when_all_are_damaged(self, registry: Registry, engine: AsyncEngine, tmp_path: Path) -> None:
        """What serves stays when there is nothing sound to go back to."""
        *earlier, _ = await champions(registry, tmp_path, 3)
        before = await check(engine, "demand")
        for version in earlier:
            damage(registry, version)

        with pytest.raises(ModelUnavailable) as refusal:
            await registry.rollback("demand", **BY)
        assert set(refusal.value.details["damaged"]) == {version.model_version for version in earlier}
        assert await check(engine, "demand") == before

    async def test_to_a_named_one(self, registry: Registry, tmp_path: Path) -> None:
        """Any retired version can be named, and nothing else."""
        first, _, third = await champions(registry, tmp_path, 3)
        candidate = await publish(registry, model(tmp_path), 50)

        assert (await registry.rollback("demand", **BY, to=first.model_version)).model_version == first.model_version
        for name, fault in ((candidate.model_version, Conflict), (first.model_version, Conflict), ("demand_v1", NotFound)):
            with pytest.raises(fault):
                await registry.rollback("demand", **BY, to=name)
        damage(registry, third)
        with pytest.raises(ModelUnavailable):
            await registry.rollback("demand", **BY, to=third.model_version)

    async def test_without_a_champion_there_is_nothing_to_go_back_from(self, registry: Registry) -> None:
        """A service that never served cannot be rolled back."""
        with pytest.raises(Conflict):
            await registry.rollback("demand", **BY)

    async def test_two_who_go_back_at_once_go_back_once(self, registry: Registry, tmp_path: Path) -> None:
        """The second learns that the champion has changed; it does not go two back."""
        _, second, _ = await champions(registry, tmp_path, 3)

        both = await asyncio.gather(*(registry.rollback("demand", **BY) for _ in range(2)), return_exceptions=True)

        done = [back.model_version for back in both if isinstance(back, Version)]
        assert done == [second.model_version] or len(done) == 2  # unless one had ended before the other looked
        assert (await registry.current("demand")).model_version in done

    async def test_a_champion_made_meanwhile_is_not_taken_down(
        self, registry: Registry, engine: AsyncEngine, clock: FixedClock, tmp_path: Path
    ) -> None:
        """Whoever goes back means the champion he saw, not the one somebody made while its predecessor's files were read."""
        await champions(registry, tmp_path, 2)
        newer = await publish(registry, model(tmp_path, "newer"), 50)
        loop = asyncio.get_running_loop()

        class Interrupted(Registry):
            def open_artefact(self, version: Version) -> Path:
                promoting = registry.promote("demand", newer.model_version, **BY)
                asyncio.run_coroutine_threadsafe(promoting, loop).result(30)
                return super().open_artefact(version)

        with pytest.raises(Conflict):
            await Interrupted(tmp_path / "registry", engine, clock).rollback("demand", **BY)
        assert (await registry.current("demand")).model_version == newer.model_version


class TestLineOfChampions:
    def test_going_back_shortens_it(self) -> None:
        """What came after the one gone back to is no longer part of how the present came about."""
        crowned = [("a", "candidate"), ("b", "shadow"), ("c", "shadow"), ("b", "retired"), ("d", "shadow"), ("c", "retired")]

        assert line_of_champions(crowned[:4]) == ["a", "b"]
        assert line_of_champions(crowned[:5]) == ["a", "b", "d"]
        assert line_of_champions(crowned) == ["a", "b", "d", "c"]
        assert line_of_champions([]) == []


class Oracle:
    """The rules of the registry told a second time, over dicts and a list, one change after the other."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.line: list[str] = []

    def holder(self, wanted: str) -> str | None:
        return next((name for name, state in self.states.items() if state == wanted), None)

    def crown(self, name: str) -> None:
        if (before := self.holder("champion")) is not None:
            self.states[before] = "retired"
        if (shadow := self.holder("shadow")) not in (None, name):
            self.states[shadow] = "rejected"
        self.states[name] = "champion"
        self.line = self.line[: self.line.index(name)] if name in self.line else self.line
        self.line.append(name)

    def expects(self, operation: str, name: str) -> bool:
        """Whether the registry must do it; it is done here too."""
        state = self.states.get(name)
        if operation in ("settle", "shadow", "rejected"):
            if state == "candidate":
                if operation == "settle" or (operation == "shadow" and self.holder("champion") is None):
                    self.crown(name)
                else:
                    if operation == "shadow" and (older := self.holder("shadow")):
                        self.states[older] = "rejected"
                    self.states[name] = operation
            return True
        if operation == "reject":
            if state in ("candidate", "shadow"):
                self.states[name] = "rejected"
                return True
            return False
        if operation == "rollback":
            name = self.line[-2] if len(self.line) > 1 else ""
        possible = bool(name) and (state != "champion" if operation == "promote" else self.states[name] == "retired")
        if possible:
            self.crown(name)
        return possible


async def do(registry: Registry, operation: str, version: Version) -> None:
    """One operation on a version."""
    if operation in ("settle", "shadow", "rejected"):
        await registry.settle(version, {"settle": CHAMPION, "shadow": SHADOW, "rejected": REJECTED}[operation], by="test")
    elif operation == "promote":
        await registry.promote(version.service, version.model_version, **BY)
    elif operation == "reject":
        await registry.reject(version.service, version.model_version, **BY)
    else:
        await registry.rollback(version.service, **BY, to=version.model_version if operation == "back to" else None)


class TestAnySequence:
    @given(steps=st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 5)), min_size=8, max_size=30))
    @settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    async def test_the_registry_does_what_its_rules_say(
        self, registry: Registry, engine: AsyncEngine, tmp_path: Path, steps: list[tuple[str, int]]
    ) -> None:
        """Whatever is done in whatever order: one champion, named by its row, every change noted once, its files kept."""
        service = f"s{len(await rows(engine, 'SELECT DISTINCT service_name FROM ml_model_performance'))}"
        versions: list[Version] = []
        oracle = Oracle()
        guarded: set[str] = set()
        for operation, which in [("publish", 0), *steps]:
            if operation == "publish":
                versions.append(await publish(registry, model(tmp_path, f"{len(versions)}"), len(versions), service))
                oracle.states[versions[-1].model_version] = "candidate"
                continue
            version = versions[-1 - which % len(versions)]
            on_disk = {path.name for path in (tmp_path / "registry" / service).iterdir()}
            readable = version.folder_name in on_disk or operation in ("reject", "rejected", "rollback")
            if not readable:
                continue  # pruned: refused for its files, which other tests look at
            expected = oracle.expects(operation, version.model_version)
            try:
                await do(registry, operation, version)
                done = True
            except Conflict:
                done = False
            assert done == expected
            assert await check(engine, service) == oracle.states
            on_duty = {name for name in (oracle.holder("champion"), oracle.holder("shadow"), *oracle.line[-2:]) if name}
            # the one before a champion that was gone back to may have been too far back to be kept
            certain = on_duty - {oracle.line[-2]} if oracle.line[-2:-1] and oracle.line[-2] not in guarded else on_duty
            for name in certain:
                registry.open_artefact(await registry.find(service, name))
            guarded = certain
            assert [kept.model_version for kept in registry.remembered(service)] == oracle.line[:-6:-1]
        shutil.rmtree(tmp_path / "registry" / service)

    async def test_whoever_changes_it_at_once(self, dsn: str, engine: AsyncEngine, tmp_path: Path) -> None:
        """Many processes at once, each with connections of its own: what must hold holds, and nobody fails but by the rules."""
        hosts = [open_engine(dsn) for _ in range(4)]
        registries = [Registry(tmp_path / "registry", host, Clock()) for host in hosts]
        versions = [await publish(registries[0], model(tmp_path, f"{number}"), number) for number in range(12)]
        chance = random.Random(7)
        plans = [[(chance.choice(OPERATIONS[3:]), chance.choice(versions)) for _ in range(25)] for _ in hosts]
        faults: list[Exception] = []

        async def play(registry: Registry, plan: list[tuple[str, Version]]) -> None:
            for operation, version in plan:
                try:
                    await do(registry, operation, version)
                except Exception as fault:  # noqa: BLE001 - which ones is looked at below
                    faults.append(fault)

        watching = asyncio.create_task(watch(engine))
        await asyncio.gather(*map(play, registries, plans))
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

        assert not watching.done() or watching.cancelled(), watching.exception()
        assert {type(fault) for fault in faults} <= {Conflict}
        states = await check(engine, "demand")
        assert "champion" in states.values()
        for host in hosts:
            await host.dispose()

    async def test_the_first_champion_is_one(self, dsn: str, engine: AsyncEngine, tmp_path: Path) -> None:
        """Before there is a row to lock, too, only one of many who settle at once is champion in the end."""
        hosts = [open_engine(dsn) for _ in range(4)]
        registries = [Registry(tmp_path / "registry", host, Clock()) for host in hosts]
        versions = [await publish(registries[0], model(tmp_path, f"{number}"), number) for number in range(4)]
        verdicts = [CHAMPION, SHADOW, REJECTED, SHADOW]

        settled = [
            one.settle(version, verdict, by="t") for one, version, verdict in zip(registries, versions, verdicts, strict=True)
        ]
        await asyncio.gather(*settled)

        states = await check(engine, "demand")
        assert sorted(states.values()).count("champion") == 1
        for host in hosts:
            await host.dispose()

    @pytest.mark.mariadb
    async def test_a_deadlock_is_nobodys_fault(self, mysql_dsn: str, tmp_path: Path) -> None:
        """A change that the database undid so that another transaction could go on is done again, not given up."""
        engine, rival = open_engine(mysql_dsn), open_engine(mysql_dsn)
        await create_tables(engine, store_metadata)
        registry = Registry(tmp_path / "registry", engine, Clock())
        _, champion = await champions(registry, tmp_path, 2)
        waiting = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        async with rival.connect() as connection:
            # the heavier of the two goes on
            for number in range(50):
                await connection.execute(
                    insert(shadow_tallies), {"service": "x", "model_version": str(number), "updated_at": TRAINED}
                )
            lock = update(ml_model_performance).where(ml_model_performance.c.model_version == champion.model_version)
            await connection.execute(lock.values(state_reason="mine"))
            going_back = asyncio.create_task(registry.rollback("demand", **BY))
            async with asyncio.timeout(20):
                while (await rows(engine, waiting))[0][0] == 0:
                    await asyncio.sleep(0.2)  # asked more often than every 0.1 s, the server repeats its last answer
            await connection.execute(update(registry_current).values(switched_by="rival"))
            await connection.rollback()

            assert (await going_back).state == "champion"
        await check(engine, "demand")
        await engine.dispose()
        await rival.dispose()


async def watch(engine: AsyncEngine) -> None:
    """Look, while others change it: no moment shows two champions, or a row that names none."""
    join = "LEFT JOIN registry_current c ON c.service = p.service_name AND c.model_version = p.model_version"
    question = f"SELECT p.model_version, c.model_version FROM ml_model_performance p {join} WHERE p.state = 'champion'"
    while True:
        seen = await rows(engine, question)
        assert len(seen) <= 1
        assert all(champion == named for champion, named in seen)
        await asyncio.sleep(0.001)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


def held(engine: AsyncEngine, redis: Redis, clock: Clock, folder: Path, answers: int = 20, hours: float = 24.0) -> Any:
    """What a worker gives its duties."""
    settings = SimpleNamespace(shadow_answers=answers, shadow_hours=hours, artefact_dir=folder / "registry", registry_url=None)
    return SimpleNamespace(engine=engine, redis=redis, clock=clock, settings=settings)


async def tally(engine: AsyncEngine, version: Version, clock: Clock, **counted: Any) -> None:
    async with transaction(engine) as connection:
        await add_tallies(connection, "demand", {version.model_version: Tally(**counted)}, clock.now())


class TestPromotionDuty:
    async def look(self, *given: Any, **limits: Any) -> None:
        await promotion_duty("demand")(held(*given, **limits))

    async def test_enough_answers_make_it_champion(
        self, registry: Registry, engine: AsyncEngine, redis: Redis, clock: FixedClock, tmp_path: Path
    ) -> None:
        """Not before, announced then, and the reason says what it did."""
        (before,) = await champions(registry, tmp_path, 1)
        shadow = await shadow_of(registry, tmp_path)
        given = (engine, redis, clock, tmp_path)
        async with redis.pubsub() as channel:
            await channel.subscribe(CHANNEL)
            await tally(engine, shadow, clock, answers=19, seconds=0.19, absolute_difference=6.0, champion_absolute=100.0)
            await self.look(*given)
            assert await state(registry, shadow) == "shadow"

            await tally(engine, shadow, clock, answers=1, seconds=0.01)
            await self.look(*given)
            await self.look(*given)

            promoted = await registry.find("demand", shadow.model_version)
            assert (promoted.state, await state(registry, before)) == ("champion", "retired")
            assert (
                promoted.state_reason
                == "20 live answers without fault in 0.0 hours, 10.0 ms each, 6.0% away from the champion's"
            )
            messages = [await channel.get_message(timeout=5) for _ in range(2)]
            assert [message and message["data"] for message in messages] == [1, b"demand"]

    async def test_enough_hours_do_where_requests_are_few(
        self, registry: Registry, engine: AsyncEngine, redis: Redis, clock: FixedClock, tmp_path: Path
    ) -> None:
        """A shop that asks twice a day gets its better model all the same."""
        await champions(registry, tmp_path, 1)
        shadow = await shadow_of(registry, tmp_path)
        clock.advance(hours=23.9)
        await self.look(engine, redis, clock, tmp_path)
        assert await state(registry, shadow) == "shadow"

        clock.advance(hours=0.2)
        await self.look(engine, redis, clock, tmp_path)
        assert await state(registry, shadow) == "champion"

    async def test_a_fault_rejects_it(
        self, registry: Registry, engine: AsyncEngine, redis: Redis, clock: FixedClock, tmp_path: Path
    ) -> None:
        """However many answers were right."""
        (before,) = await champions(registry, tmp_path, 1)
        shadow = await shadow_of(registry, tmp_path)
        await tally(engine, shadow, clock, answers=100, faults=1)

        await self.look(engine, redis, clock, tmp_path)

        rejected = await registry.find("demand", shadow.model_version)
        assert (rejected.state, await registry.current("demand")) == ("rejected", before)
        assert "1 of 101 live requests" in rejected.state_reason

    async def test_none_needed_means_at_once(
        self, registry: Registry, engine: AsyncEngine, redis: Redis, clock: FixedClock, tmp_path: Path
    ) -> None:
        """With shadow_answers=0 the first look promotes; without a shadow a look does nothing."""
        await self.look(engine, redis, clock, tmp_path, answers=0)
        await champions(registry, tmp_path, 1)
        shadow = await shadow_of(registry, tmp_path)

        await self.look(engine, redis, clock, tmp_path, answers=0)

        assert await state(registry, shadow) == "champion"

    async def test_damaged_files_reject_it(
        self, registry: Registry, engine: AsyncEngine, redis: Redis, clock: FixedClock, tmp_path: Path
    ) -> None:
        """A shadow whose time has come and whose files are gone does not keep its place for ever."""
        (before,) = await champions(registry, tmp_path, 1)
        shadow = await shadow_of(registry, tmp_path)
        damage(registry, shadow)

        await self.look(engine, redis, clock, tmp_path, answers=0)

        assert (await state(registry, shadow), await registry.current("demand")) == ("rejected", before)

    async def test_two_workers_decide_once(
        self, registry: Registry, engine: AsyncEngine, redis: Redis, clock: FixedClock, tmp_path: Path
    ) -> None:
        """The one that comes second finds the work done, which is no fault."""
        await champions(registry, tmp_path, 1)
        shadow = await shadow_of(registry, tmp_path)

        looks = [self.look(engine, redis, clock, tmp_path, answers=0) for _ in range(4)]
        await asyncio.gather(*looks)

        assert await state(registry, shadow) == "champion"
        await check(engine, "demand")


class TestTally:
    async def test_what_processes_count_is_added_up(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Increments from many at once lose nothing; versions are kept apart."""

        async def add(number: int) -> None:
            async with transaction(engine) as connection:
                one = Tally(answers=1, faults=number % 2, seconds=0.5, absolute_difference=2.0, champion_absolute=8.0)
                await add_tallies(connection, "demand", {"v1": one, "v2": Tally(answers=number)}, clock.now())

        await asyncio.gather(*(add(number) for number in range(20)))

        async with transaction(engine) as connection:
            assert await read_tally(connection, "demand", "v1") == Tally(20, 10, 10.0, 40.0, 160.0)
            assert await read_tally(connection, "demand", "v2") == Tally(answers=190)
            assert await read_tally(connection, "demand", "v3") == Tally()
        assert (Tally(2, 0, 1.0, 2.0, 8.0).relative_difference, Tally(2, 0, 1.0).mean_seconds) == (0.25, 0.5)
        assert Tally().relative_difference is Tally().mean_seconds is None
