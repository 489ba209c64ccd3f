"""Is a store of an older version carried over without losing a row, and taken back again?"""

import asyncio
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import MetaData, Table, insert, text
from sqlalchemy.ext.asyncio import AsyncEngine
from store_pictures import OLD_TABLES, contents, empty, make_old_store, names, only, picture, picture_of_new

from rfid3_shared.auth import find_caller, hash_key
from rfid3_shared.clock import Clock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.errors import Conflict, StoreUnavailable
from rfid3_shared.ledger import Prediction
from rfid3_shared.ledger.tables import KEY as LEDGER_KEY
from rfid3_shared.ledger.write import write
from rfid3_shared.migrate import (
    NEWEST,
    REVISIONS,
    VERSION_TABLE,
    StoreNotUpgraded,
    StoreTooNew,
    ensure_schema,
    go_back,
    read_revision,
)
from rfid3_shared.migrations import run
from rfid3_shared.migrations.tables_0001 import metadata as tables_0001
from rfid3_shared.migrations.tables_0003 import metadata as tables_0003
from rfid3_shared.migrations.tables_0004 import NEW as NEW_0004
from rfid3_shared.migrations.tables_0004 import metadata as tables_0004
from rfid3_shared.migrations.tables_0005 import NEW as NEW_0005
from rfid3_shared.migrations.tables_0005 import metadata as tables_0005
from rfid3_shared.migrations.tables_0006 import NEW as NEW_0006
from rfid3_shared.migrations.versions.v0002_states_outcomes_flags import BATCH_ROWS, KEY, prediction_id
from rfid3_shared.registry import Registry
from rfid3_shared.registry.history import read_events, read_line
from rfid3_shared.resources import ensure_store
from rfid3_shared.source.tables import source_metadata
from rfid3_shared.store_tables import TABLES

ROOT = Path(__file__).parents[2]
DEMAND = (
    "demand_v20260901_131700_09241053", "demand_v20260901_134500_7ad8178f", "demand_v20260901_141300_4c27c762",
    "demand_v20260901_150900_e963d1c6",
)  # fmt: skip
"""The versions of the frozen rows, in the order in which they were published; the last is current."""


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


async def set_revision(engine: AsyncEngine, revision: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{revision}'"))


def shown(row: Any) -> Prediction:
    """The prediction of a row, as whoever shows it again would make it."""
    given = {name: row[name] for name in LEDGER_KEY}
    if isinstance(given["prediction_date"], str):
        given["prediction_date"] = date.fromisoformat(given["prediction_date"])
    given["interval_level"] = float(given["interval_level"])
    return Prediction(**given, predicted_value=float(row["predicted_value"]), created_at=datetime(2026, 10, 1, tzinfo=UTC))


class TestRevisions:
    def test_the_known_ones_are_those_that_have_a_script(self) -> None:
        """migrate.py knows the revisions without importing alembic; alembic's chain of scripts is the same one."""
        scripts = ScriptDirectory(str(Path(run.__file__).parent))

        assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == REVISIONS

    async def test_the_first_is_what_the_last_version_without_revisions_made(self, engine: AsyncEngine) -> None:
        """0001 is the schema that is out there, as frozen DDL text tells it."""
        await make_old_store(engine, rows=False)
        out_there = await picture(engine, OLD_TABLES)
        await empty(engine)

        async with engine.begin() as connection:
            await connection.run_sync(tables_0001.create_all)

        assert tuple(sorted(tables_0001.tables)) == OLD_TABLES
        assert await picture(engine, OLD_TABLES) == out_there

    def test_every_table_that_a_member_declares_is_known_to_them(self) -> None:
        """A table outside store_tables.TABLES would never be created: name it there and define it in the newest tables_*.py."""
        sources = [path.read_text() for path in ROOT.glob("*/rfid3_*/**/*.py")] + [
            path.read_text() for path in ROOT.glob("services/*/rfid3_*/**/*.py")
        ]

        declared = {name for source in sources for name in re.findall(r'Table\(\s*"(\w+)",\s*store_metadata', source)}

        assert declared == set(names())

    async def test_alembic_sees_nothing_left_to_do(self, engine: AsyncEngine) -> None:
        """Its own comparison of database and tables agrees; RFID3's tables in the same database are none of its business."""
        await make_old_store(engine)
        await create_tables(engine, source_metadata)
        await ensure_schema(engine)

        async with engine.connect() as connection:
            await connection.run_sync(lambda sync: command.check(run.config(sync)))


class TestNewStore:
    async def test_has_every_table_at_the_newest_revision(self, engine: AsyncEngine) -> None:
        """A fresh database gets the tables as they are declared, and is not migrated through the past."""
        expected = await picture_of_new(engine)

        await ensure_schema(engine)

        assert await picture(engine, names()) == expected
        assert await read_revision(engine) == NEWEST

    async def test_other_peoples_tables_do_not_matter(self, engine: AsyncEngine) -> None:
        """RFID3's tables, and its own alembic_version, may lie in the same database and stay as they are."""
        await create_tables(engine, source_metadata)
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            await connection.execute(text("INSERT INTO alembic_version VALUES ('rfid3_abc')"))

        await ensure_schema(engine)

        async with engine.connect() as connection:
            assert (await connection.scalars(text("SELECT version_num FROM alembic_version"))).all() == ["rfid3_abc"]
        assert await read_revision(engine) == NEWEST

    async def test_one_made_half_is_completed(self, engine: AsyncEngine) -> None:
        """Tables without a revision, some of them missing: what is missing is created, what is there stays."""
        expected = await picture_of_new(engine)
        async with engine.begin() as connection:
            await connection.run_sync(store_metadata.create_all, tables=TABLES[:4])
        prediction = shown_sample()
        await write(engine, [prediction])

        await ensure_schema(engine)

        assert await picture(engine, names()) == expected
        assert [row["prediction_id"] for row in (await contents(engine))["analytics_predictions"]] == [prediction.id]

    async def test_an_index_that_is_missing_is_created(self, engine: AsyncEngine) -> None:
        """MariaDB makes a table and its indexes one by one; a process may have died between them."""
        expected = await picture_of_new(engine)
        async with engine.begin() as connection:
            await connection.run_sync(store_metadata.create_all, tables=TABLES)
            of_table = {"sqlite": ""}.get(engine.dialect.name, " ON alerts")
            await connection.execute(text(f"DROP INDEX ix_alerts_service_closed_at{of_table}"))

        await ensure_schema(engine)

        assert await picture(engine, names()) == expected


def shown_sample(**values: Any) -> Prediction:
    kept = {
        "prediction_type": "demand", "prediction_date": date(2026, 9, 7), "horizon_days": 7, "predicted_value": 1.5,
        "model_version": "demand_v1", "model_type": "ensemble", "created_at": datetime(2026, 9, 1, tzinfo=UTC), "interval_level": 0.8,
    }  # fmt: skip
    return Prediction(**{**kept, **values})


class TestUpgrade:
    @pytest.mark.parametrize("stamped", [False, True], ids=["without a revision", "at 0001"])
    async def test_leaves_the_schema_of_a_new_store(self, engine: AsyncEngine, stamped: bool) -> None:
        """Columns, types, NOT NULLs, keys, indexes and constraints are those that a new store gets."""
        expected = await picture_of_new(engine)
        await make_old_store(engine)
        if stamped:
            async with engine.begin() as connection:
                await connection.execute(text(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
                await connection.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES ('0001')"))

        await ensure_schema(engine)

        assert await picture(engine, names()) == expected
        assert await read_revision(engine) == NEWEST

    async def test_every_row_stays_as_it_was(self, engine: AsyncEngine) -> None:
        """No row is lost, none added, and no old column changes."""
        await make_old_store(engine)
        before = await contents(engine)

        await ensure_schema(engine)

        after = await contents(engine)
        assert all(before.values())
        assert {name: only(after[name], before[name][0]) for name in before} == before

    async def test_predictions_get_the_id_of_showing_them_again(self, engine: AsyncEngine) -> None:
        """What was shown by the old version and is shown again by the new one is one row."""
        await make_old_store(engine)
        await ensure_schema(engine)
        rows = (await contents(engine))["analytics_predictions"]
        again = [shown(row) for row in rows]

        await write(engine, again)

        assert [row["prediction_id"] for row in rows] == [prediction.id for prediction in again]
        assert {(row["role"], row["features_digest"]) for row in rows} == {("shown", "")}
        assert (await contents(engine))["analytics_predictions"] == rows

    async def test_versions_get_their_states_and_their_history(self, engine: AsyncEngine, tmp_path: Path) -> None:
        """The current version is champion since it was switched to; those before it were champions until the next one came."""
        await make_old_store(engine)
        await ensure_schema(engine)

        registry = Registry(tmp_path, engine, Clock())
        champion = await registry.current("demand")
        versions = (await registry.versions("demand"))[::-1]
        async with transaction(engine) as connection:
            line = await read_line(connection, "demand")
            events = (await read_events(connection, "demand", 50, 0))[::-1]

        assert champion is not None
        assert (champion.model_version, champion.state) == (DEMAND[-1], "champion")
        assert champion.state_since == datetime(2026, 9, 1, 15, 23, 0, 279029, tzinfo=UTC)  # switched_at
        assert [(version.model_version, version.state) for version in versions[:-1]] == [
            (name, "retired") for name in DEMAND[:-1]
        ]
        assert [version.state_since for version in versions[:-1]] == [
            *(version.published_at for version in versions[1:-1]), champion.state_since,
        ]  # fmt: skip
        assert tuple(line) == DEMAND
        assert [(event.model_version, event.to_state) for event in events] == [
            (DEMAND[0], "champion"), (DEMAND[0], "retired"), (DEMAND[1], "champion"), (DEMAND[1], "retired"),
            (DEMAND[2], "champion"), (DEMAND[2], "retired"), (DEMAND[3], "champion"),
        ]  # fmt: skip
        assert [event.changed_at for event in events] == sorted(event.changed_at for event in events)

    async def test_the_current_version_is_champion_even_if_it_is_not_the_newest(self, engine: AsyncEngine) -> None:
        """Two trainings may have ended at once: what counts is which one was switched to last."""
        await make_old_store(engine)
        async with engine.begin() as connection:
            change = f"UPDATE registry_current SET model_version = '{DEMAND[1]}' WHERE service = 'demand'"
            await connection.execute(text(change))

        await ensure_schema(engine)

        async with transaction(engine) as connection:
            line = await read_line(connection, "demand")
        versions = (await contents(engine))["ml_model_performance"]
        assert line == [DEMAND[0], DEMAND[2], DEMAND[3], DEMAND[1]]
        states = {row["model_version"]: row["state"] for row in versions if row["service_name"] == "demand"}
        assert states == dict.fromkeys(DEMAND, "retired") | {DEMAND[1]: "champion"}

    async def test_keys_go_on_working(self, engine: AsyncEngine) -> None:
        """Whoever had a key before the upgrade has it afterwards."""
        await make_old_store(engine)
        await ensure_schema(engine)

        async with transaction(engine) as connection:
            caller = await find_caller(connection, hash_key("rfid3_an-old-key-that-still-works"), Clock())

        assert caller is not None
        assert (caller.owner, caller.scopes) == ("the shop", {"read", "train"})

    async def test_more_rows_than_a_batch(self, engine: AsyncEngine) -> None:
        """Ids are right to the last row, and none is given twice."""
        await make_old_store(engine, rows=False)
        old = tables_0001.tables["analytics_predictions"]
        rows = [{**row_0001(), "target_item_id": f"class {k}", "horizon_days": 7 * (k % 8 + 1)} for k in range(BATCH_ROWS + 3)]
        async with engine.begin() as connection:
            await connection.execute(insert(old), rows)

        await ensure_schema(engine)

        found = (await contents(engine, ("analytics_predictions",)))["analytics_predictions"]
        assert len(found) == len(rows)
        assert [row["prediction_id"] for row in found] == [shown(row).id for row in found]

    async def test_rows_that_only_rounding_makes_one_both_stay(self, store_dsn: str) -> None:
        """SQLite told levels of 0.8 and 0.80001 apart: the older row gets the id that is shown again, the other one of its own."""
        engine = open_engine(store_dsn)
        await make_old_store(engine, rows=False)
        rows = [{**row_0001(), "interval_level": level} for level in (0.8, 0.80001, 0.799999, 0.9)]
        async with engine.begin() as connection:
            await connection.execute(insert(tables_0001.tables["analytics_predictions"]), rows)

        await ensure_schema(engine)

        ids = [row["prediction_id"] for row in (await contents(engine))["analytics_predictions"]]
        assert (ids[0], ids[3]) == (shown_sample().id, shown_sample(interval_level=0.9).id)
        assert len(set(ids)) == 4
        await engine.dispose()

    @given(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.dates(), st.integers(0, 4000),
        st.floats(0, 1), st.sampled_from(["shown", "shadow"]),
    )  # fmt: skip
    def test_the_frozen_id_is_the_ledgers(self, item: str, day: date, horizon: int, level: float, role: Any) -> None:
        """The migration's copy of the rule gives what `Prediction.id` gives where the inputs have no digest, as none had."""
        prediction = shown_sample(
            target_item_id=item, prediction_date=day, horizon_days=horizon, interval_level=level, role=role
        )

        assert (*KEY, "features_digest") == LEDGER_KEY
        assert prediction_id([getattr(prediction, name) for name in KEY]) == prediction.id


def row_0001() -> dict[str, Any]:
    """A row of the old ledger."""
    row = shown_sample().as_row()
    return {name: value for name, value in row.items() if name in tables_0001.tables["analytics_predictions"].columns}


class TestNewTablesOnly:
    """Revisions 0004 to 0006 add tables and change none."""

    @pytest.mark.parametrize(
        ("revision", "before", "new"),
        [
            ("0003", tables_0003, (*NEW_0004, *NEW_0005, *NEW_0006)), ("0004", tables_0004, (*NEW_0005, *NEW_0006)),
            ("0005", tables_0005, NEW_0006),
        ], ids=["0003", "0004", "0005"],
    )  # fmt: skip
    async def test_an_older_store_is_carried_over_and_taken_back(
        self, engine: AsyncEngine, revision: str, before: MetaData, new: tuple[Table, ...]
    ) -> None:
        """The older tables and their rows are the same before, after and after going back; what is new comes, and goes with its rows."""
        async with engine.begin() as connection:
            await connection.run_sync(before.create_all)
        older = tuple(sorted(before.tables))
        schema = await picture(engine, older)
        await empty(engine)
        await ensure_schema(engine)
        await write(engine, [shown_sample()])
        newest, rows = await picture(engine, names()), await contents(engine, older)

        await go_back(engine, revision)
        then = await picture(engine, names())
        kept = await contents(engine, older)
        await ensure_schema(engine)

        assert {name: then[name] for name in older} == schema
        assert {name for name, table in then.items() if table is None} == {table.name for table in new}
        assert kept == rows == await contents(engine, older)
        assert await picture(engine, names()) == newest
        assert await read_revision(engine) == NEWEST


class TestDowngrade:
    async def test_leaves_the_old_schema_and_its_rows(self, engine: AsyncEngine) -> None:
        """There and back again: tables and rows are what the older version wrote."""
        await make_old_store(engine)
        schema, rows = await picture(engine, OLD_TABLES), await contents(engine)
        await ensure_schema(engine)

        await go_back(engine, "0001")

        assert await picture(engine, OLD_TABLES) == schema
        assert await contents(engine) == rows
        assert await read_revision(engine) == "0001"
        assert set((await picture(engine, names())).keys() - set(OLD_TABLES)) == set(names()) - set(OLD_TABLES)
        assert all(table is None for name, table in (await picture(engine, names())).items() if name not in OLD_TABLES)

    async def test_can_be_upgraded_again(self, engine: AsyncEngine) -> None:
        """The second upgrade ends where the first one did."""
        await make_old_store(engine)
        await ensure_schema(engine)
        schema, rows = await picture(engine, names()), await contents(engine)

        await go_back(engine, "0001")
        await ensure_schema(engine)

        assert await picture(engine, names()) == schema
        assert await contents(engine) == rows

    async def test_what_nobody_was_shown_does_not_become_shown(self, engine: AsyncEngine) -> None:
        """The older version knows no roles: a shadow's predictions would count as shown, so they go."""
        await ensure_schema(engine)
        await write(engine, [shown_sample(), shown_sample(role="shadow")])

        await go_back(engine, "0001")

        assert len((await contents(engine))["analytics_predictions"]) == 1

    @pytest.mark.parametrize("to", ["0006", "0007", "base", "head"])
    async def test_goes_to_older_revisions_only(self, engine: AsyncEngine, to: str) -> None:
        """Anything else is refused, and nothing changes."""
        await ensure_schema(engine)
        schema = await picture(engine, names())

        with pytest.raises(Conflict):
            await go_back(engine, to)

        assert await picture(engine, names()) == schema

    async def test_there_is_nothing_below_the_first(self, engine: AsyncEngine) -> None:
        """A store is never taken back to nothing."""
        await make_old_store(engine)
        await ensure_schema(engine)
        await go_back(engine, "0001")

        with pytest.raises(Conflict):
            await go_back(engine, "0001")

        assert len((await contents(engine))["prediction_jobs"]) == 3


class TestNewerStore:
    async def test_is_refused_in_plain_words(self, engine: AsyncEngine) -> None:
        """A revision this code does not know was written by newer code: nothing is read, written or created."""
        await ensure_schema(engine)
        await set_revision(engine, "0099")

        with pytest.raises(StoreTooNew, match="newer version") as refusal:
            await ensure_schema(engine)

        assert refusal.value.details == {"revision": "0099", "newest_known": NEWEST}
        assert isinstance(refusal.value, StoreUnavailable)
        assert not refusal.value.retryable

    async def test_no_process_goes_on_with_it(self, engine: AsyncEngine) -> None:
        """A store out of reach is waited for; one that is too new ends the start."""
        await ensure_schema(engine)
        await set_revision(engine, "0099")

        with pytest.raises(StoreTooNew):
            await ensure_store(engine)

    async def test_going_back_is_the_newer_versions_business(self, engine: AsyncEngine) -> None:
        """Only the version that knows the way may take it back."""
        await ensure_schema(engine)
        await set_revision(engine, "0099")

        with pytest.raises(StoreTooNew):
            await go_back(engine, "0001")


class TestOutOfReach:
    async def test_is_said_in_our_words(self) -> None:
        """A server that does not answer is StoreUnavailable, to be tried again."""
        engine = open_engine("mysql://nobody@127.0.0.1:1/none")

        with pytest.raises(StoreUnavailable) as refusal:
            await ensure_schema(engine)

        assert refusal.value.retryable
        assert not await ensure_store(engine)
        await engine.dispose()

    async def test_a_file_that_is_no_database_is_not_touched(self, tmp_path: Path) -> None:
        """Whatever lies there is somebody's."""
        path = tmp_path / "store.db"
        path.write_bytes(b"this is no database, but a note of somebody's" * 100)
        before = path.read_bytes()
        engine = open_engine(f"sqlite:///{path}")

        assert not await ensure_store(engine)

        assert path.read_bytes() == before
        await engine.dispose()


class TestLightness:
    SCRIPT = (
        "import asyncio, sys\n"
        "from rfid3_shared.db import open_engine\n"
        "from rfid3_shared.migrate import ensure_schema\n"
        "async def main():\n"
        "    engine = open_engine(sys.argv[1])\n"
        "    await ensure_schema(engine)\n"
        "    await engine.dispose()\n"
        "asyncio.run(main())\n"
        "print([name for name in ('alembic', 'mako', 'rfid3_shared.store_tables') if name in sys.modules])\n"
    )

    def loaded(self, dsn: str) -> str:
        done = subprocess.run([sys.executable, "-c", self.SCRIPT, dsn], capture_output=True, text=True, check=True)
        return done.stdout.strip().splitlines()[-1]

    async def test_a_new_store_needs_no_alembic_and_a_known_one_nothing(self, store_dsn: str) -> None:
        """Processes start often and have little memory: the first one makes tables, the next ones only look."""
        assert self.loaded(store_dsn) == "['rfid3_shared.store_tables']"
        assert self.loaded(store_dsn) == "[]"


@pytest.mark.mariadb
class TestRights:
    """Everyday users of the database may read and write rows, and not change tables."""

    @pytest.fixture
    def everyday(self, mysql_dsn: str):
        import pymysql
        from sqlalchemy.engine import make_url

        url = make_url(mysql_dsn)
        address = {"host": url.host, "port": url.port or 3306, "user": url.username, "password": url.password or ""}
        with pymysql.connect(**address) as admin, admin.cursor() as cursor:
            cursor.execute(f"CREATE USER {url.database}@'%' IDENTIFIED BY 'x'")
            cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {url.database}.* TO {url.database}@'%'")
            yield url.set(username=url.database, password="x").render_as_string(hide_password=False)
            cursor.execute(f"DROP USER {url.database}@'%'")

    async def test_are_enough_for_a_store_that_is_up_to_date(self, mysql_dsn: str, everyday: str) -> None:
        """Looking at the revision needs no more than reading."""
        owner, user = open_engine(mysql_dsn), open_engine(everyday)
        await ensure_schema(owner)

        await ensure_schema(user)

        await asyncio.gather(owner.dispose(), user.dispose())

    async def test_are_not_enough_for_an_upgrade_which_is_said_and_changes_nothing(self, mysql_dsn: str, everyday: str) -> None:
        """The refusal names the way out; the owner of the tables can then take it."""
        owner, user = open_engine(mysql_dsn), open_engine(everyday)
        await make_old_store(owner)
        schema, rows = await picture(owner, OLD_TABLES), await contents(owner)

        with pytest.raises(StoreNotUpgraded, match="rfid3 store upgrade"):
            await ensure_schema(user)

        assert (await picture(owner, OLD_TABLES), await contents(owner)) == (schema, rows)
        await ensure_schema(owner)
        await ensure_schema(user)
        await asyncio.gather(owner.dispose(), user.dispose())
