"""Does the quality report count what is there, and judge what can be said from it?"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import create_tables, insert_rows, open_engine
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.source.load import load_export
from rfid3_shared.source.report import QualityReport, Share, quality_report
from rfid3_shared.source.tables import (
    external_factors,
    items,
    pos_contracts,
    pos_lines,
    scans,
    source_metadata,
    user_mappings,
)  # fmt: skip

CLOCK = FixedClock(datetime(2025, 7, 1, 12, tzinfo=UTC))


async def fill(dsn: str) -> None:
    """A small dirty source: ten weeks of scans, an unknown tag, a repeated scan, strange words."""
    engine = open_engine(dsn)
    await create_tables(engine, source_metadata)
    async with engine.begin() as connection:
        columns = ["id", "contract_number", "tag_id", "scan_type", "scan_date", "status", "quality", "rental_class_num", "oil"]
        await insert_rows(connection, scans, columns, [
            (1, "C1", "T1", "Rental", "2025-04-07 09:00:00", "On Rent", "A", "10", 0),
            (2, "C1", "T1", "Rental", "2025-04-07 09:00:00", "On Rent", "A", "10", 0),
            (3, None, "T1", "Return", "2025-04-10 09:00:00", "Ready to Rent", "B", "10", 1),
            (4, "C1", " T2", "Rental", "2025-04-07 09:00:00", "On Rent", None, "20", None),
            (5, "C2", "T9", "Rental", "2025-06-16 09:00:00", "A" * 24, "Z", "30", None),
            (6, None, "T9", "Lent", "2025-06-16 10:00:00", "Repair", None, None, None),
        ])  # fmt: skip
        item_columns = ["tag_id", "rental_class_num", "quality", "current_store", "item_num", "rental_rates", "sell_price"]
        await insert_rows(connection, items, item_columns, [
            ("T1", "10", "B", "8101", None, None, None), (" T2", "20", None, None, None, None, None),
            ("P1", None, None, "3607", 10, '{"24": "5"}', 80.0), ("P2", None, None, "6800", 20, None, None),
        ])  # fmt: skip
        await insert_rows(connection, user_mappings, ["rental_class_id", "category"], [("10", "Tables"), ("20", "Tables")])
        await insert_rows(connection, pos_contracts, ["contract_no", "store_no"], [("C1", "003"), ("C8", "77")])
        await insert_rows(connection, pos_lines, ["contract_no", "line_number", "item_num", "price"],
                          [("C1", 1, "10", 5.0), ("C1", 2, "10", 6.0), ("C7", 1, "20", None)])  # fmt: skip
        await insert_rows(connection, external_factors, ["date", "factor_type", "factor_name", "value"],
                          [("2025-04-07", "weather", "t", 1.0), ("2025-04-07", "weather", "rain", 1.0),
                           ("2024-01-01", "weather", "t", 1.0)])  # fmt: skip
    await engine.dispose()


async def report_of(dsn: str) -> QualityReport:
    engine = open_engine(dsn)
    try:
        return await quality_report(engine, CLOCK)
    finally:
        await engine.dispose()


def shares(found: list[Share]) -> dict[str, tuple[int, int]]:
    return {share.what: (share.count, share.of) for share in found}


def check(report: QualityReport) -> None:
    """The figures of `fill`, counted by hand."""
    assert {one.table: one.rows for one in report.tables if one.rows} == {
        "id_item_master": 4, "id_transactions": 6, "user_rental_class_mappings": 2, "pos_transactions": 2,
        "pos_transaction_items": 3, "external_factors": 3,
    }  # fmt: skip
    assert report.unknown_words == {
        "id_transactions.scan_type": {"Lent": 1}, "id_transactions.status": {"(a tag number)": 1},
        "id_transactions.quality": {"Z": 1}, "pos_transactions.store_no": {"77": 1},
    }  # fmt: skip
    assert shares(report.orphans) == {
        "scans whose tag is no item": (2, 6), "scanned classes without a category": (1, 3),
        "out scans of classes without a category": (1, 4), "scanned classes without a POS item": (1, 3),
        "POS lines without their contract": (1, 3),
    }  # fmt: skip
    assert shares(report.repeats) == {
        "scans repeated in the same second": (1, 6), "out scans that are no departure of their own": (1, 4),
        "items whose tag id has blanks around it": (1, 2), "scans whose tag id has blanks around it": (1, 6),
    }  # fmt: skip
    assert shares(report.stores[:4]) == {
        "departures, store its own": (1, 3), "departures, store its contract's": (1, 3),
        "departures, store inferred by its class": (0, 3), "departures, store unknown": (1, 3),
    }  # fmt: skip
    assert shares(report.prices) == {
        "scanned classes with rental rates": (1, 3), "out scans of classes with rental rates": (2, 4),
        "scanned classes with a price to sell": (1, 3), "POS lines with a price": (2, 3),
    }  # fmt: skip
    assert shares(report.labels)["scans with a defect flag"] == (1, 6)
    assert shares(report.labels)["scans with status Repair"] == (1, 6)
    assert shares(report.labels)["graded scans that change the grade"] == (1, 4)
    assert shares(report.factors) == {"days with weather data": (1, 71)}
    assert report.evidence.counts["items_with_several_prices"] == 1
    assert (report.evidence.weeks_with_departures, report.evidence.age_days, report.can_forecast) == (2, 15, True)
    assert (report.unanswered, report.missing_columns) == ([], [])


class TestQualityReport:
    async def test_counts_what_is_there(self, store_dsn: str) -> None:
        """Every figure of a small dirty source is the one counted by hand."""
        await fill(store_dsn)

        check(await report_of(store_dsn))

    @pytest.mark.mariadb
    async def test_counts_the_same_on_mariadb(self, mysql_dsn: str) -> None:
        """MariaDB gives the same figures as SQLite."""
        await fill(mysql_dsn)

        check(await report_of(mysql_dsn))

    @pytest.mark.mariadb
    async def test_goes_on_where_tables_are_missing(self, mysql_dsn: str) -> None:
        """A server with only part of RFID3's tables gets a report that names what is not there."""
        engine = open_engine(mysql_dsn)
        await create_tables(engine, source_metadata)
        async with engine.begin() as connection:
            await connection.exec_driver_sql("DROP TABLE pos_transaction_items")
            await connection.exec_driver_sql("ALTER TABLE id_item_master DROP COLUMN reorder_min")
        await engine.dispose()

        report = await report_of(mysql_dsn)

        assert {one.table for one in report.tables if one.rows is None} == {"pos_transaction_items"}
        assert report.missing_columns == ["id_item_master.reorder_min"]
        assert {"pos_lines", "tags_with_reorder_level"} <= set(report.unanswered)
        assert not report.can_forecast

    async def test_an_empty_source_supports_nothing(self, store_dsn: str) -> None:
        """Without rows nothing can be forecast, and demand says what is needed."""
        engine = open_engine(store_dsn)
        await create_tables(engine, source_metadata)
        await engine.dispose()

        report = await report_of(store_dsn)

        demand = report.services[0]
        assert not report.can_forecast
        assert (demand.service, demand.can, demand.cannot) == ("demand", [], ["any forecast"])
        assert "found 0.0 weeks" in demand.missing[0]

    async def test_a_source_out_of_reach_is_told(self) -> None:
        """A server nobody answers on is StoreUnavailable, not a stack of driver faults."""
        with pytest.raises(StoreUnavailable):
            await report_of("mysql://root@127.0.0.1:1/none")

    async def test_judges_the_real_export(self, rfid3_export: Path, store_dsn: str) -> None:
        """The real export: 25 weeks, stores inferred for all but three departures, 18 failures, no prices paid."""
        engine = open_engine(store_dsn)
        await load_export(engine, rfid3_export, clock=CLOCK)
        report = await quality_report(engine, CLOCK)
        await engine.dispose()

        assert report.can_forecast
        assert report.evidence.departures == 4_262
        assert round(report.evidence.weeks) == 25
        assert shares(report.stores)["departures, store inferred by its class"] == (4_259, 4_262)
        assert shares(report.repeats)["scans repeated in the same second"] == (589, 10_343)
        cannot = {one.service: " ".join(one.cannot) for one in report.services}
        assert "18 scans show one" in cannot["maintenance"]
        assert "elasticity is the stated prior" in cannot["pricing"]
        assert "yearly season" in cannot["demand"]
