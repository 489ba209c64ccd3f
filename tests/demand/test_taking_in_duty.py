"""Does the worker's duty keep the present up to date by itself, give way to others, and ask for a refresh when a week begins?"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import factories
import pytest
import structlog
from publishing import model, serve
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_demand.present.definitions import LIVE, entity, pack
from rfid3_demand.settings import DemandSettings
from rfid3_demand.taking_in.duty import DUTY
from rfid3_demand.taking_in.new_week import RefreshAsker
from rfid3_shared.clock import Clock, FixedClock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.events.intake import take_in
from rfid3_shared.events.tables import event_positions
from rfid3_shared.feature_store.online import OnlineFeatures, Reading
from rfid3_shared.flags import Flag, set_flag
from rfid3_shared.jobs import list_jobs
from rfid3_shared.jobs.duties import Held
from rfid3_shared.jobs.listen import open_queues
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.registry import Registry
from rfid3_shared.source.tables import scans

PATIENCE_S = 20.0
TODAY = Clock().today()
LAST_MONDAY = TODAY - timedelta(days=TODAY.weekday() + 7 * 4)
LINEN = entity("61825", "8101")
LEFT = LIVE.names.index("units_left_week")


@asynccontextmanager
async def held(folder: Path, redis_url: str, **changes: object) -> AsyncIterator[Held]:
    """A steady shop that has lived until three weeks ago, and what a worker lends to its duties."""
    dsn = f"sqlite:///{folder / 'rfid3.db'}"
    settings = DemandSettings(source_url=dsn, store_url=dsn, redis_url=redis_url, home=folder, **changes)  # type: ignore[arg-type]
    store, redis = open_engine(dsn), open_queues(redis_url)
    await ensure_schema(store)
    await factories.steady_shop(store, 2, LAST_MONDAY)
    try:
        yield Held(store, redis, Clock(settings.time_zone), settings)
    finally:
        await redis.aclose()
        await store.dispose()


@asynccontextmanager
async def attended(given: Held) -> AsyncIterator[asyncio.Task[None]]:
    """The duty at work."""
    task = asyncio.create_task(DUTY.run(given))  # type: ignore[arg-type]
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await true():
            await asyncio.sleep(0.05)


async def read(given: Held, name: str = "61825") -> Reading:
    return await OnlineFeatures(given.redis, LIVE, given.clock).read([pack(name)])


async def left(given: Held) -> float | None:
    return (await read(given)).values.get(LINEN, (None,) * len(LIVE.features))[LEFT]


async def test_an_event_and_a_row_of_rfid3_reach_who_reads(tmp_path: Path, redis_url: str) -> None:
    """The duty publishes what there is, then an event's departure, then one that RFID3 wrote itself; nobody tells it about that one."""
    async with held(tmp_path, redis_url, demand_source_poll_s=0.2) as given, attended(given):
        await until(lambda: state_is(given, "FRESH"))
        begun = (await read(given)).values[LINEN]
        now = given.clock.now().astimezone(given.clock.zone).replace(tzinfo=None, microsecond=0)
        scan = {
            "event_id": "e1",
            "tag_id": "61825-030",
            "scan_type": "Rental",
            "occurred_at": now.isoformat(),
            "contract_number": "X",
        }
        await take_in(given.engine, None, given.redis, given.clock, [scan], "http")
        # a new week begins with this scan
        await until(lambda: left_is(given, 1.0))
        async with given.engine.begin() as connection:
            await connection.execute(insert(scans), {
                "id": 10**6, "tag_id": "61825-031", "scan_type": "Rental", "scan_date": now, "contract_number": "X",
                "rental_class_num": "61825", "date_updated": now,
            })  # fmt: skip
        await until(lambda: left_is(given, 2.0))
    assert (begun[LEFT], begun[LIVE.names.index("units_in_service")]) == (0.0, 40.0)


async def state_is(given: Held, state: str) -> bool:
    return (await read(given)).state == state


async def left_is(given: Held, units: float) -> bool:
    return await left(given) == units


async def test_of_two_workers_one_works(tmp_path: Path, redis_url: str) -> None:
    """The second stands by; when the first is stopped it lets go, and the second goes on within seconds."""
    async with held(tmp_path, redis_url, demand_source_poll_s=0.2) as given, attended(given) as first:
        await until(lambda: state_is(given, "FRESH"))
        holder = await holder_of(given)
        async with attended(given):
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)

            async def changed() -> bool:
                return await holder_of(given) not in ("", holder)

            await until(changed)


WORK = """
import asyncio, sys
from rfid3_demand.settings import DemandSettings
from rfid3_demand.taking_in.duty import DUTY
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine
from rfid3_shared.jobs.duties import Held
from rfid3_shared.jobs.listen import open_queues

settings = DemandSettings(source_url=sys.argv[1], store_url=sys.argv[1], redis_url=sys.argv[2])
asyncio.run(DUTY.run(Held(open_engine(sys.argv[1]), open_queues(sys.argv[2]), Clock(settings.time_zone), settings)))
"""


async def test_a_worker_killed_at_work_is_replaced(tmp_path: Path, redis_url: str) -> None:
    """Its process is killed while events come in; once its hold has lapsed another finishes, and no unit is missing or doubled."""
    async with held(tmp_path, redis_url) as given:
        worker = subprocess.Popen([sys.executable, "-c", WORK, f"sqlite:///{tmp_path / 'rfid3.db'}", redis_url])
        try:
            await until(lambda: state_is(given, "FRESH"))
            now = given.clock.now().astimezone(given.clock.zone).replace(tzinfo=None, microsecond=0)
            for unit in range(40):
                scan = {
                    "event_id": f"e{unit}",
                    "tag_id": f"61825-{unit:03d}",
                    "scan_type": "Rental",
                    "occurred_at": now.isoformat(),
                }
                await take_in(given.engine, None, given.redis, given.clock, [scan], "http")
        finally:
            worker.kill()
            worker.wait(10)
        dead = await holder_of(given)
        async with given.engine.begin() as connection:
            await connection.execute(update(event_positions).values(held_until=datetime(2020, 1, 1)))
        async with attended(given):
            await until(lambda: left_is(given, 40.0))
            assert await holder_of(given) != dead


async def holder_of(given: Held) -> str:
    async with given.engine.connect() as connection:
        query = select(event_positions.c.held_by).where(event_positions.c.consumer == "demand/live")
        return (await connection.execute(query)).scalar() or ""


async def test_a_source_that_is_gone_is_told_once(tmp_path: Path, redis_url: str) -> None:
    """While a table cannot be read one line says so; once it can be read again features come, and another line says that."""
    async with held(tmp_path, redis_url) as given:
        async with given.engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE id_item_master RENAME TO away")
        with structlog.testing.capture_logs() as lines:
            async with attended(given):

                async def failed() -> bool:
                    return any(line["event"] == "not_taken_in" for line in lines)

                await until(failed)
                await asyncio.sleep(1.5)  # a second try
                async with given.engine.begin() as connection:
                    await connection.exec_driver_sql("ALTER TABLE away RENAME TO id_item_master")
                await until(lambda: state_is(given, "FRESH"))
    told = [line["event"] for line in lines]
    assert told.count("not_taken_in") == 1
    assert told.count("taken_in_again") == 1


def test_the_worker_starts_without_polars() -> None:
    """Importing the worker loads no frames: they are loaded when the duty begins."""
    script = "import sys, rfid3_demand.worker as w; print('polars' in sys.modules, [duty.name for duty in w.duties(w.DemandSettings())])"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False ['taking in']"


class TestRefreshAsker:
    MOMENT = datetime(2026, 11, 17, 10)
    """A Tuesday."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
        """A store in which training is allowed."""
        engine = open_engine(f"sqlite:///{tmp_path / 'store.db'}")
        await ensure_schema(engine)
        await switch(engine, True)
        yield engine
        await engine.dispose()

    @pytest.fixture
    def clock(self) -> FixedClock:
        return FixedClock(datetime(2026, 11, 22, 3, tzinfo=UTC))

    async def champion(self, store: AsyncEngine, clock: FixedClock, folder: Path, data_to: date) -> None:
        await serve(Registry(folder / "registry", store, clock), model(folder), data_to=data_to)

    async def jobs(self, store: AsyncEngine) -> list[str | None]:
        async with transaction(store) as connection:
            return [job.idempotency_key for job in await list_jobs(connection, kind="refresh")]

    async def test_asks_once_when_the_champion_lacks_a_week(self, store, clock, tmp_path) -> None:
        """Data up to a Saturday, and it is Tuesday: one job for this week, however often and by however many it is asked for."""
        await self.champion(store, clock, tmp_path, date(2026, 11, 14))
        assert await RefreshAsker(store, None, clock, "").ask(self.MOMENT)
        again = RefreshAsker(store, None, clock, "")
        await again.ask(self.MOMENT)
        await again.ask(self.MOMENT + timedelta(days=3))

        assert await self.jobs(store) == ["refresh/demand/2026-11-16"]

    async def test_asks_for_nothing_within_the_week(self, store, clock, tmp_path) -> None:
        """Data up to Sunday hold every complete week."""
        asker = RefreshAsker(store, None, clock, "")
        assert await asker.ask(self.MOMENT) is None, "nothing serves yet"
        await self.champion(store, clock, tmp_path, date(2026, 11, 15))
        assert await asker.ask(self.MOMENT) is None
        assert await self.jobs(store) == []

    async def test_asks_for_nothing_while_training_is_off(self, store, clock, tmp_path) -> None:
        """By its flag or by the environment; once it is on again it asks."""
        await self.champion(store, clock, tmp_path, date(2026, 11, 14))
        assert await RefreshAsker(store, None, clock, Flag.MODEL_TRAINING.value).ask(self.MOMENT) is None
        asker = RefreshAsker(store, None, clock, "")
        await switch(store, False)
        assert await asker.ask(self.MOMENT) is None
        await switch(store, True)
        assert await asker.ask(self.MOMENT)

    async def test_leaves_an_active_refresh_alone(self, store, clock, tmp_path) -> None:
        """A refresh that is under way for another reason is no fault, and asking goes on afterwards."""
        await self.champion(store, clock, tmp_path, date(2026, 11, 14))
        asker = RefreshAsker(store, None, clock, "")
        assert await asker.ask(self.MOMENT)
        assert await asker.ask(self.MOMENT + timedelta(days=7)) is None
        async with transaction(store) as connection:
            from rfid3_shared.jobs import prediction_jobs

            await connection.execute(update(prediction_jobs).values(state="succeeded", active_key=None))
        assert await asker.ask(self.MOMENT + timedelta(days=7))


async def switch(store: AsyncEngine, on: bool) -> None:
    async with transaction(store) as connection:
        for flag in (Flag.PREDICTIVE_ANALYTICS, Flag.MODEL_TRAINING):
            await set_flag(connection, flag, enabled=on, reason="test", changed_by="test", clock=Clock())
