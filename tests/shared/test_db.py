"""Do rows and transactions behave alike on SQLite and on MariaDB?"""

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import func, select, text

from rfid3_shared import db
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.source.tables import scans, source_metadata


async def fill(dsn: str) -> tuple[int, datetime, bool | None]:
    engine = db.open_engine(dsn)
    try:
        await db.create_tables(engine, source_metadata)
        columns = ("scan_date", "id", "tag_id", "oil")
        async with db.transaction(engine) as connection:
            await db.insert_rows(connection, scans, columns, ((f"2025-01-01 10:00:{k:02d}", k, "T", k % 2) for k in range(50)))
        async with db.transaction(engine) as connection:
            row = (await connection.execute(select(func.count(), func.max(scans.c.scan_date)).select_from(scans))).one()
            oil = (await connection.execute(select(scans.c.oil).where(scans.c.id == 7))).scalar()
        return row[0], row[1], oil
    finally:
        await engine.dispose()


class TestInsertRows:
    async def test_values_come_back_as_they_are_on_sqlite(self, store_dsn: str) -> None:
        """Bulk rows keep count, times and truth values, whatever the order of columns."""
        assert await fill(store_dsn) == (50, datetime(2025, 1, 1, 10, 0, 49), True)

    @pytest.mark.mariadb
    async def test_values_come_back_as_they_are_on_mariadb(self, mysql_dsn: str) -> None:
        """The same on MariaDB."""
        assert await fill(mysql_dsn) == (50, datetime(2025, 1, 1, 10, 0, 49), True)


class TestTransaction:
    async def test_an_error_leaves_nothing_behind(self, store_dsn: str) -> None:
        """Rows of a failed transaction are gone."""
        engine = db.open_engine(store_dsn)
        await db.create_tables(engine, source_metadata)

        async def fail_halfway() -> None:
            async with db.transaction(engine) as connection:
                await db.insert_rows(connection, scans, ("id",), [(1,)])
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await fail_halfway()

        async with db.transaction(engine) as connection:
            assert (await connection.execute(select(func.count()).select_from(scans))).scalar() == 0
        await engine.dispose()

    async def test_an_unreachable_server_is_said_in_our_words(self) -> None:
        """A refused connection is StoreUnavailable, retryable, without the driver's text."""
        engine = db.open_engine("mysql://root@127.0.0.1:1/none")

        with pytest.raises(StoreUnavailable) as refusal:
            async with db.transaction(engine):
                pass

        assert "127.0.0.1" not in refusal.value.message
        assert not await db.ping(engine)
        await engine.dispose()


class TestOpenEngine:
    async def test_a_read_only_engine_cannot_write(self, store_dsn: str) -> None:
        """The source is opened so that a mistake of ours cannot change it."""
        writer, reader = db.open_engine(store_dsn), db.open_engine(store_dsn, read_only=True)
        await db.create_tables(writer, source_metadata)

        with pytest.raises(StoreUnavailable):
            async with db.transaction(reader) as connection:
                await db.insert_rows(connection, scans, ("id",), [(1,)])

        await asyncio.gather(writer.dispose(), reader.dispose())

    async def test_readers_go_on_while_one_writes(self, store_dsn: str) -> None:
        """On the embedded file a long write does not stop reads."""
        engine = db.open_engine(store_dsn)
        await db.create_tables(engine, source_metadata)

        async with db.transaction(engine) as writer, db.transaction(engine) as reader:
            await db.insert_rows(writer, scans, ("id",), [(1,)])
            assert (await reader.execute(text("SELECT COUNT(*) FROM id_transactions"))).scalar() == 0
        await engine.dispose()

    def test_other_backends_are_refused(self) -> None:
        """An unsupported database is named as such."""
        with pytest.raises(ValueError, match="postgresql"):
            db.async_url("postgresql://x/y")
