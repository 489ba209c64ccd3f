"""Does demand read what the source holds? The same on SQLite and MariaDB, against plain counts."""

from datetime import UTC, date, datetime, timedelta

import factories
import polars as pl
import pytest

from rfid3_demand import history
from rfid3_demand.history import History
from rfid3_shared import db
from rfid3_shared.clock import FixedClock
from rfid3_shared.errors import InsufficientData
from rfid3_shared.source import tables

CLOCK = FixedClock(datetime(2025, 9, 1, 12, tzinfo=UTC))


async def read_shop(dsn: str, weeks: int = 12) -> History:
    engine = db.open_engine(dsn)
    await factories.steady_shop(engine, weeks)
    lines = ("contract_no", "line_number", "item_num", "qty", "price")
    posted = [("900", "1.0", "2025-01-08 10:00:00", "Closed"), ("901", "3.0", "2025-01-15 10:00:00", "Cancelled")]
    await factories.insert(engine, tables.pos_contracts, ("contract_no", "store_no", "contract_date", "status"), posted)
    rows = [("900", 1, "7", 4, 200.0), ("900", 2, "61825", 9, 216.0), ("901", 1, "7", 8, 400.0)]
    await factories.insert(engine, tables.pos_lines, lines, rows)
    try:
        return await history.read(engine, CLOCK, 1095)
    finally:
        await engine.dispose()


def check(past: History) -> None:
    weekly = {(cls, store): units for cls, store, units in
              past.units.group_by("rental_class", "store").agg(pl.col("units").sum()).iter_rows()}  # fmt: skip
    assert weekly == {("61825", "8101"): 240, ("61839", "3607"): 72, ("63131", "8101"): 120, ("7", "3607"): 4}
    assert past.units.group_by("rental_class", "week").agg(pl.col("origin").n_unique().alias("n"))["n"].max() == 1
    assert past.span.first == date(2025, 1, 7)
    assert past.span.last == date(2025, 1, 7) + timedelta(days=7 * 11 + 6)
    assert dict(past.fleet.select("rental_class", "units").iter_rows()) == {"61825": 40, "61839": 12, "63131": 20}
    assert past.unit_rates == {"61825": 24.0, "61839": 24.0, "7": 50.0}
    assert past.categories == ["Round Linen", "Tables", "Tents"]
    assert past.store_aliases["003"] == past.store_aliases["3.0"] == past.store_aliases["Fridley"] == "8101"
    assert sum(past.weekday_shares) == pytest.approx(1)
    assert [hour for hour, share in enumerate(past.hour_shares) if share] == [9]
    assert past.hour_shares[9] == 1
    assert past.counts["units_by_pos_lines"] == 4
    # twice as many tags as leave: no shelf was ever empty
    assert past.refused["units"].sum() < 0.5


class TestRead:
    async def test_counts_what_left_on_sqlite(self, store_dsn: str) -> None:
        """Scans where a class is scanned, POS lines elsewhere, nothing of cancelled contracts."""
        check(await read_shop(store_dsn))

    @pytest.mark.mariadb
    async def test_counts_what_left_on_mariadb(self, mysql_dsn: str) -> None:
        """The same on MariaDB."""
        check(await read_shop(mysql_dsn))

    async def test_scans_from_the_future_do_not_count(self, store_dsn: str) -> None:
        """The span ends today at the latest, whatever a scanner's clock said."""
        engine = db.open_engine(store_dsn)
        await factories.steady_shop(engine, 12)
        await factories.insert(
            engine, tables.scans, factories.OUT, [(10**6, "C", "61825-000", "Rental", "2031-01-01 09:00:00", "", "61825")]
        )

        past = await history.read(engine, CLOCK, 1095)

        assert past.span.last < date(2025, 9, 1)
        await engine.dispose()

    async def test_a_database_that_is_not_rfid3s_is_named_as_such(self, store_dsn: str) -> None:
        """Missing tables are named, not met as a driver's fault."""
        engine = db.open_engine(store_dsn)

        with pytest.raises(InsufficientData) as refusal:
            await history.read(engine, CLOCK, 1095)

        assert "id_transactions" in refusal.value.details["missing"]
        await engine.dispose()

    async def test_a_source_without_departures_says_so(self, store_dsn: str) -> None:
        """No out scan and no POS line is INSUFFICIENT_DATA with what is missing."""
        engine = db.open_engine(store_dsn)
        await db.create_tables(engine, tables.source_metadata)
        await factories.insert(
            engine, tables.scans, factories.OUT, [(1, "", "T", "Touch Scan", "2025-01-01 09:00:00", "", "1")]
        )

        with pytest.raises(InsufficientData, match="no scan of type Rental"):
            await history.read(engine, CLOCK, 1095)
        await engine.dispose()
