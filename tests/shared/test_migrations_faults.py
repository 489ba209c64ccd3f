"""Does a store survive what happens to those who work on its tables: many at once, death at any step, a busy file?"""

import asyncio
import contextlib
import re
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from store_pictures import OLD_TABLES, contents, empty, make_old_store, names, only, picture, picture_of_new

from rfid3_shared.db import open_engine
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.migrate import ensure_schema, go_back, lock_name
from rfid3_shared.migrations.tables_0001 import metadata as tables_0001

PROCESSES = Path(__file__).parent / "starting_processes.py"
CHANGES = re.compile(r"\s*(CREATE|ALTER|DROP|INSERT|UPDATE|DELETE)\b")
STRIDE = {"sqlite": 20, "mysql": 8}
"""Each test takes every so-manieth step: SQLite does all or nothing anyway, and on MariaDB neighbours are much alike."""
ROWS_WORTH_KILLING = 15_000


@pytest.fixture
def dsn(empty_dsn: str) -> str:
    """Here nobody makes the tables but the tests."""
    return empty_dsn


@pytest.fixture
async def engine(dsn: str):
    """An engine on an empty database, on each backend."""
    opened = open_engine(dsn)
    yield opened
    await opened.dispose()


class Died(Exception):
    """Stands for the end of a process: whatever it had not committed is gone, and it cleans up nothing."""


async def die_before_change(dsn: str, number: int, work: Any) -> bool:
    """Do the work, with the process ending just before its `number`th change of the database; whether it came that far."""
    engine, left = open_engine(dsn), number

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def _count(_: Any, __: Any, statement: str, *___: Any) -> None:
        nonlocal left
        left -= bool(CHANGES.match(statement))
        if left == 0:
            raise Died

    try:
        await work(engine)
    except Died:
        return True
    finally:
        await engine.dispose()
    return False


def start(dsn: str, count: int) -> list[str]:
    command = [sys.executable, str(PROCESSES), dsn, str(count)]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout.splitlines()
    return [line for line in said if "room=migrate" not in line]  # what is left when its log is taken away


async def to_0001(engine: AsyncEngine) -> None:
    await go_back(engine, "0001")


async def some_ids(engine: AsyncEngine, process: subprocess.Popen[bytes]) -> None:
    """Return when some predictions have an id, or soon where an unfinished upgrade cannot be seen."""
    if engine.dialect.name == "sqlite":
        return await asyncio.sleep(0.1)
    while process.poll() is None:
        with contextlib.suppress(OperationalError):
            async with engine.connect() as connection:
                if (await connection.execute(text("SELECT COUNT(prediction_id) FROM analytics_predictions"))).scalar():
                    return
        await asyncio.sleep(0.005)


async def everything(engine: AsyncEngine) -> Any:
    """Schema and rows, but for the numbers that the database gives out."""
    found = await contents(engine, (*OLD_TABLES, "registry_events"))
    for row in found["registry_events"]:
        del row["id"]
    return await picture(engine, names()), found


class TestManyAtOnce:
    async def test_eight_processes_make_one_new_store(self, engine: AsyncEngine, dsn: str) -> None:
        """Whoever comes first creates the tables, the others find them; none fails."""
        expected = await picture_of_new(engine)

        said = await asyncio.to_thread(start, dsn, 8)

        assert said == ["ok"] * 8
        assert await picture(engine, names()) == expected

    async def test_eight_processes_upgrade_one_old_store_once(self, engine: AsyncEngine, dsn: str) -> None:
        """One carries it over, the others wait; history is not written twice."""
        expected = await picture_of_new(engine)
        await make_old_store(engine)
        before = await contents(engine)

        said = await asyncio.to_thread(start, dsn, 8)

        assert said == ["ok"] * 8
        assert await picture(engine, names()) == expected
        after = await contents(engine, (*OLD_TABLES, "registry_events"))
        assert {name: only(after[name], before[name][0]) for name in before} == before
        assert len(after["registry_events"]) == 5 + 3  # five versions became champion, three of them gave way

    async def test_who_waits_too_long_says_so(self, engine: AsyncEngine, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process goes on without the store rather than wait for ever for another one's work on it."""
        await make_old_store(engine)
        monkeypatch.setattr("rfid3_shared.migrate.LOCK_WAIT_S", 0)
        other = open_engine(dsn)

        async with engine.connect() as busy:
            await _hold_lock(busy)
            async with other.connect() as quick:
                if other.dialect.name == "sqlite":
                    await quick.exec_driver_sql("PRAGMA busy_timeout=0")
            with pytest.raises(StoreUnavailable) as refusal:
                await ensure_schema(other)

        assert refusal.value.retryable
        await other.dispose()


async def _hold_lock(connection: Any) -> None:
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    await connection.exec_driver_sql("SELECT GET_LOCK(%s, 0)", (lock_name(connection.engine),))


class TestDeath:
    async def test_at_any_step_of_an_upgrade(self, engine: AsyncEngine, dsn: str) -> None:
        """Whichever step a process dies before, the next one ends where an undisturbed one would have."""
        await make_old_store(engine)
        await ensure_schema(engine)
        expected = await everything(engine)
        step, died = 1, True

        while died:
            await empty(engine)
            await make_old_store(engine)
            died = await die_before_change(dsn, step, ensure_schema)
            await ensure_schema(engine)
            assert await everything(engine) == expected, step
            step += STRIDE[engine.dialect.name]

        assert step > 30

    async def test_at_any_step_of_going_back(self, engine: AsyncEngine, dsn: str) -> None:
        """The newer version finds the store whole when it starts again, and the way back stays open."""
        await make_old_store(engine)
        old = await picture(engine, OLD_TABLES), await contents(engine)
        await ensure_schema(engine)
        expected = await everything(engine)
        step, died = 1, True

        while died:
            await empty(engine)
            await make_old_store(engine)
            await ensure_schema(engine)
            died = await die_before_change(dsn, step, to_0001)
            await ensure_schema(engine)
            assert await everything(engine) == expected, step
            await to_0001(engine)
            assert (await picture(engine, OLD_TABLES), await contents(engine)) == old, step
            step += STRIDE[engine.dialect.name]

        assert step > 15

    async def test_in_the_middle_of_going_back_can_be_followed_by_going_back(self, engine: AsyncEngine, dsn: str) -> None:
        """Whoever asks again gets there, without starting the newer version first."""
        await make_old_store(engine)
        old = await picture(engine, OLD_TABLES), await contents(engine)
        await ensure_schema(engine)

        assert await die_before_change(dsn, 9, to_0001)
        await to_0001(engine)

        assert (await picture(engine, OLD_TABLES), await contents(engine)) == old

    async def test_by_kill_in_the_middle_of_many_rows(self, engine: AsyncEngine, dsn: str, tmp_path: Path) -> None:
        """kill -9 while ids are given out: the lock is free at once, and the next process finishes."""
        expected = await picture_of_new(engine)
        await make_old_store(engine)
        sample = (await contents(engine))["analytics_predictions"][0]
        async with engine.begin() as connection:
            rows = [{**sample, "id": 100 + k, "horizon_days": k} for k in range(ROWS_WORTH_KILLING)]
            await connection.execute(text("DELETE FROM analytics_predictions"))
            await connection.execute(
                insert(tables_0001.tables["analytics_predictions"]),
                [{**row, "prediction_date": date(2026, 9, 7), "created_at": datetime(2026, 9, 1)} for row in rows],
            )
        before = await contents(engine)
        command = [sys.executable, str(PROCESSES), dsn, "1"]
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            while b"upgrade_begins" not in (tmp_path / "log").read_bytes():
                assert process.poll() is None
                await asyncio.sleep(0.005)
            await some_ids(engine, process)
        finally:
            subprocess.run(["kill", "-9", "--", f"-{process.pid}"], check=False)
            process.wait()

        await ensure_schema(engine)

        assert await picture(engine, names()) == expected
        after = await contents(engine)
        assert {name: only(after[name], before[name][0]) for name in before} == before
        assert len({row["prediction_id"] for row in after["analytics_predictions"]}) == ROWS_WORTH_KILLING
