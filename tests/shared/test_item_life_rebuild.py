"""Is a life rebuilt from either database what the rows say, and does a real export give what was counted in it?"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from exports import CLOCK as EXPORT_CLOCK
from exports import load
from factories import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.rebuild import rebuild
from rfid3_shared.item_life.watch import EVENT_KINDS, events_of, landmarks
from rfid3_shared.item_reports.write import Inspection, ItemEvent, post_event, post_inspection
from rfid3_shared.source import movements, tables

CLOCK = FixedClock(datetime(2026, 4, 20, 17, tzinfo=UTC))
SCAN = ("id", "contract_number", "tag_id", "scan_type", "scan_date", "status", "quality", "location_of_repair", "mold", "service_required",
        "rental_class_num")  # fmt: skip
ITEM = (
    "tag_id",
    "rental_class_num",
    "common_name",
    "quality",
    "bin_location",
    "status",
    "date_last_scanned",
    "home_store",
    "last_contract_num",
)
POS = ("tag_id", "item_num", "sell_price", "retail_price", "rental_rates", "home_store")


async def small_shop(engine: AsyncEngine) -> None:
    """Two classes, four units, one POS contract, rain."""
    await create_tables(engine, tables.source_metadata)
    await insert(
        engine, tables.stores, ("pos_store_code", "store_id", "store_name", "is_active"), [("001", "3607", "Wayzata", 1)]
    )
    await insert(engine, tables.user_mappings, ("rental_class_id", "category", "subcategory", "short_common_name"),
                 [("61825", "Round Linen", "90 Round", "N/A"), ("64848", "Resale", "Cones", "N/A")])  # fmt: skip
    await insert(engine, tables.seed_classes, ("rental_class_id", "common_name", "bin_location"),
                 [("61825", "90 ROUND WHITE LINEN", None), ("64848", "CONES", "resale")])  # fmt: skip
    await insert(engine, tables.items, ITEM, [
        (" T1", "61825", "linen", "A", "NR5x2", "Ready to Rent", "2026-04-10 09:00:00", None, None),
        ("T2", "61825", "linen", "", "null", "On Rent", "2026-04-02 09:00:00", None, "C1"),
        ("T3", "64848", "cones", "B", None, "Ready to Rent", None, "001", None),
    ])  # fmt: skip
    await insert(engine, tables.items, POS, [("P1", 61825, 20.0, 25.0, json.dumps({"24": "12.00", "168": "24.00"}), "001")])
    await insert(engine, tables.pos_equipment, ("item_num", "name", "sell_price", "inactive"), [("64848", "CONES", 3.5, 0)])
    await insert(engine, tables.pos_contracts, ("contract_no", "store_no", "status", "promised_pickup_date"),
                 [("C1", "001", "Open", "2026-04-06 09:00:00"), ("C9", "001", "Void", "2026-04-06 09:00:00")])  # fmt: skip
    await insert(engine, tables.pos_lines, ("contract_no", "line_number", "item_num", "qty", "hours", "price"),
                 [("C1", 1, "61825", 2, 96, 48.0), ("C9", 1, "61825", 2, 96, 48.0)])  # fmt: skip
    await insert(engine, tables.external_factors, ("date", "factor_type", "factor_name", "value"),
                 [(date(2026, 4, day).isoformat(), "weather", "precipitation_in", 0.5) for day in range(1, 15)])  # fmt: skip
    await insert(engine, tables.scans, SCAN, [
        (1, "C1", "T1", "Rental", "2026-04-02 09:00:00", "On Rent", "A", None, 0, 0, "61825"),
        (2, "C1", "T2", "Rental", "2026-04-02 09:00:00", "On Rent", None, None, 0, 0, None),
        (3, None, " T1", "Return", "2026-04-08 09:00:00", "Ready to Rent", "B", "null", 0, None, "61825"),
        (4, None, "T1", "Touch Scan", "2026-04-09 09:00:00", "Repair", "B", "Torn seam", 1, 1, "61825"),
        (5, None, "T1", "Touch Scan", "2026-04-10 09:00:00", "Ready to Rent", "B+", None, None, None, "61825"),
        (6, None, "U1", "Touch Scan", "2026-04-10 09:00:00", "Wet", None, None, 0, 0, "61825"),
        (7, None, "T1", "Touch Scan", "2027-01-01 09:00:00", "Ready to Rent", "B+", None, 0, 0, "61825"),
    ])  # fmt: skip


@pytest.fixture(params=["sqlite", "mariadb"])
async def shop(request: pytest.FixtureRequest):
    """The small shop, with our own tables beside it, on either database."""
    engine = open_engine(request.getfixturevalue("store_dsn" if request.param == "sqlite" else "mysql_dsn"))
    await small_shop(engine)
    await create_tables(engine, store_metadata)
    yield engine
    await engine.dispose()


async def life_of(engine: AsyncEngine, clock: FixedClock = CLOCK, *, store: bool = False) -> Life:
    async with engine.connect() as connection:
        return await rebuild(connection, clock, store=connection if store else None)


class TestRebuild:
    async def test_says_what_the_rows_say(self, shop: AsyncEngine) -> None:
        """Units with class, store and worth; the rental with its due date and rain; the fault; what was left out."""
        life = await life_of(shop)

        units = life.units.select(
            "tag_id", "rental_class", "name", "category", "store", "store_inferred", "condition", "grade", "for_sale"
        )
        assert units.rows() == [
            ("T1", "61825", "90 ROUND WHITE LINEN", "Round Linen", "3607", True, "available", 7, False),
            ("T2", "61825", "90 ROUND WHITE LINEN", "Round Linen", "3607", False, "out", None, False),
            ("T3", "64848", "CONES", "Resale", "3607", False, "available", 6, True),
            ("U1", "61825", "90 ROUND WHITE LINEN", "Round Linen", "3607", True, None, None, False),
        ]  # fmt: skip
        worth = life.units.select("purchase_usd", "day_rate_usd", "rental_usd", "listed").rows()
        assert worth == [(25, 12, 24, True), (25, 12, 24, True), (3.5, None, None, True), (25, 12, 24, False)]
        due = datetime(2026, 4, 6, 9)
        stays = life.stays.select("tag_id", "contract", "due_at", "back_at", "days_out", "rain_in", "seen_back").rows()
        assert stays == [
            ("T1", "C1", due, datetime(2026, 4, 8, 9), 6, 3.0, True), ("T2", "C1", due, None, 8, None, False),
        ]  # fmt: skip
        assert life.faults.select("tag_id", "kind", "defects").rows() == [("T1", "repair", ["mold"])]
        assert life.visits.select("tag_id", "kind", "seen_ready").rows() == [("T1", "repair", True), ("U1", "wet", False)]
        assert life.lines.select("contract", "units", "price_usd").rows() == [("C1", 2, 48)]
        assert life.counts["time_in_the_future"] == 1
        assert (life.data_from, life.data_to) == (datetime(2026, 4, 2, 9), datetime(2026, 4, 10, 9))

    async def test_reports_are_in_shop_time(self, shop: AsyncEngine) -> None:
        """What was reported at 14:30 UTC happened at 9:30 in the shop; without the store nothing was reported."""
        at = datetime(2026, 4, 9, 14, 30, tzinfo=UTC)
        async with transaction(shop) as connection:
            await post_event(connection, ItemEvent("T2", "failure", "cleaning", at, 8.0), CLOCK)
            await post_inspection(connection, Inspection("U1", "C", at, ("rope",)), CLOCK)

        life, without = await life_of(shop, store=True), await life_of(shop)

        told = life.faults.filter(pl.col("source") == "report").sort("tag_id").select("tag_id", "at", "kind", "cost_usd").rows()
        local = datetime(2026, 4, 9, 9, 30)
        assert told == [("T2", local, "cleaning", 8.0), ("U1", local, "repair", None)]
        assert life.grades.filter(pl.col("source") == "report").select("tag_id", "grade").rows() == [("U1", 3)]
        assert len(without.faults) == 1

    async def test_an_empty_source_has_no_lives(self, store_dsn: str) -> None:
        """Tables without rows are a shop that has not begun."""
        engine = open_engine(store_dsn)
        await create_tables(engine, tables.source_metadata)

        life = await life_of(engine)

        assert (len(life.units), len(life.stays), life.counts["scans"]) == (0, 0, 0)
        assert [len(landmarks(life, kind)) for kind in EVENT_KINDS] == [0, 0, 0, 0]
        await engine.dispose()


class TestARealExport:
    async def test_gives_what_was_counted(self, store_dsn: str, rfid3_export: Path) -> None:
        """Departures are those of the SQL rule; labels are as thin as they were found to be."""
        await load(store_dsn, rfid3_export)
        engine = open_engine(store_dsn)
        life = await life_of(engine, EXPORT_CLOCK)
        async with engine.connect() as connection:
            departures = await movements.load_departures(connection)
        await engine.dispose()

        told = departures.join(life.units.select("tag_id"), on="tag_id", how="semi").sort("tag_id", "left_at")
        assert life.stays.select("tag_id", "left_at").equals(told.select("tag_id", "left_at"))
        assert len(departures) - len(told) <= 2
        assert (len(life.stays), life.counts["scans"]) == (4262, 10343)
        assert {kind: len(events_of(life, kind)) for kind in EVENT_KINDS} == {
            "repair": 12,
            "cleaning": 1,
            "retirement": 112,
            "loss": 4,
        }
        assert life.data_to < datetime(2025, 7, 1) < life.data_to + timedelta(days=2)
        watched = life.units.filter(pl.col("under_watch_to").is_not_null())
        assert (watched["under_watch_to"] <= life.data_to).all()
