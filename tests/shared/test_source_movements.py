"""Are departures, the fleet and their stores what a plain reading of the scans says? Checked against a loop in Python."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.db import create_tables, insert_rows, open_engine
from rfid3_shared.source import movements
from rfid3_shared.source.tables import items, pos_contracts, scans, source_metadata, stores

Scan = tuple[int, str | None, str, str, str, str | None]
"""id, contract, tag, scan type, time, class"""
SCAN_COLUMNS = ["id", "contract_number", "tag_id", "scan_type", "scan_date", "rental_class_num"]
ITEM_COLUMNS = [
    "tag_id",
    "rental_class_num",
    "status",
    "bin_location",
    "last_contract_num",
    "current_store",
    "home_store",
    "item_num",
]


def oracle(rows: Sequence[Scan]) -> list[tuple[str, str | None, datetime]]:
    """Departures by walking through each tag's scans: tag, contract, time."""
    found = []
    for tag in sorted({row[2].strip() for row in rows} - {""}):
        moves = sorted(
            (datetime.fromisoformat(r[4]), r[0], r[3], r[1]) for r in rows if r[2].strip() == tag and r[3] != "Touch Scan"
        )
        for here, (at, _, kind, contract) in enumerate(moves):
            if kind not in ("Rental", "Delivery"):
                continue
            later = moves[here + 1 :]
            next_out = next((n for n, move in enumerate(later) if move[2] in ("Rental", "Delivery")), None)
            if next_out is not None:
                came_back = any(move[2] in ("Return", "Pickup") for move in later[:next_out])
                if later[next_out][0].date() == at.date():
                    continue
                if contract is not None and later[next_out][3] == contract and not came_back:
                    continue
            found.append((tag, contract, at))
    return found


async def fill(
    engine: AsyncEngine, rows: Sequence[Scan], item_rows: Sequence[tuple] = (), contracts: Sequence[tuple] = ()
) -> None:
    await create_tables(engine, source_metadata)
    async with engine.begin() as connection:
        await insert_rows(connection, scans, SCAN_COLUMNS, rows)
        await insert_rows(connection, items, ITEM_COLUMNS, item_rows)
        await insert_rows(connection, pos_contracts, ["contract_no", "store_no"], contracts)
        await insert_rows(
            connection, stores, ["pos_store_code", "store_id"], [("001", "3607"), ("002", "6800"), ("003", "8101")]
        )


async def departures_of(connection: AsyncConnection) -> list[tuple[str, str | None, datetime]]:
    frame = await movements.load_departures(connection)
    return sorted(frame.select("tag_id", "contract", "left_at").rows(), key=str)


STORY: list[Scan] = [
    (1, "A", "T1", "Rental", "2025-05-05 09:00:00", "10"),
    (2, "A", "T1", "Rental", "2025-05-05 09:00:00", "10"),  # the same second again
    (3, "A", "T1", "Delivery", "2025-05-06 10:00:00", "10"),  # the truck, next day
    (4, None, "T1", "Touch Scan", "2025-05-07 10:00:00", "10"),
    (5, "B", " T1", "Rental", "2025-05-12 09:00:00", "10"),  # the return was never scanned; a blank before the tag
    (6, "C", "T2", "Rental", "2025-05-05 14:29:10", "10"),
    (7, None, "T2", "Return", "2025-05-05 15:46:23", "10"),  # taken back because the contract was wrong
    (8, "D", "T2", "Rental", "2025-05-05 15:48:42", "10"),
    (9, None, "T2", "Return", "2025-05-09 09:00:00", "10"),
    (10, "D", "T2", "Rental", "2025-05-12 09:00:00", None),  # the same contract, but it had come back
    (11, "E", "T3", "Rental", "2025-05-11 23:59:59", "20"),
    (12, None, "T4", "Rental", "2025-05-05 09:00:00", "20"),
    (13, None, "T4", "Rental", "2025-05-06 09:00:00", "20"),  # no contract names no contract
]
ITEMS = [
    ("T1", "10", "On Rent", "NR4x1", "B", "000", "8101", None), (" T2", "10", "Ready to Rent", None, None, None, None, None),
    ("T3", "20", "Sold", "NR4x1", None, None, None, None), ("T4", "20", None, "resale", None, None, None, None),
    ("T5", "20", "Missing", None, None, None, None, None), ("T6", "20", "Ready to Rent", "pack", "E", None, None, None),
    ("P1", None, None, None, None, "3607", "3607", 10), ("P2", None, None, None, None, "000", "000", 20),
]  # fmt: skip
CONTRACTS = [("E", "2.0"), ("D", "001"), ("D", "002")]


class TestLoadDepartures:
    async def test_tells_departures_from_scans(self, store_dsn: str) -> None:
        """Repeats, deliveries and corrections are one departure; each new contract or return makes another."""
        engine = open_engine(store_dsn)
        await fill(engine, STORY, ITEMS, CONTRACTS)

        async with engine.connect() as connection:
            frame = await movements.load_departures(connection)

        rows = (
            frame.sort("tag_id", "left_at")
            .select("tag_id", "rental_class", "contract", "left_at", "store", "store_rule")
            .rows()
        )
        assert rows == [
            ("T1", "10", "A", datetime(2025, 5, 6, 10), "8101", "tag"),
            ("T1", "10", "B", datetime(2025, 5, 12, 9), "8101", "tag"),
            ("T2", "10", "D", datetime(2025, 5, 5, 15, 48, 42), "3607", "class"),
            ("T2", "10", "D", datetime(2025, 5, 12, 9), "3607", "class"),
            ("T3", "20", "E", datetime(2025, 5, 11, 23, 59, 59), "6800", "contract"),
            ("T4", "20", None, datetime(2025, 5, 5, 9), "000", "none"),
            ("T4", "20", None, datetime(2025, 5, 6, 9), "000", "none"),
        ]
        await engine.dispose()

    async def test_keeps_to_the_span_asked_for(self, store_dsn: str) -> None:
        """`since` counts, `until` does not, and scans outside still tell repeats apart."""
        engine = open_engine(store_dsn)
        await fill(engine, STORY, ITEMS)

        async with engine.connect() as connection:
            frame = await movements.load_departures(connection, datetime(2025, 5, 6, 10), datetime(2025, 5, 12, 9))

        assert frame["tag_id"].to_list() == ["T1", "T3"]
        await engine.dispose()

    @given(data=st.data())
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_agrees_with_a_walk_through_the_scans(self, tmp_path, data) -> None:
        """On any history of a few tags, SQL finds what reading each tag's scans in order finds."""
        import asyncio

        start = datetime(2025, 5, 5, 8)
        event = st.tuples(
            st.sampled_from(["A", "B", None]), st.sampled_from(["T1", "T2", " T1"]),
            st.sampled_from(["Rental", "Delivery", "Return", "Pickup", "Touch Scan"]), st.integers(0, 14),
        )  # fmt: skip
        events = data.draw(st.lists(event, max_size=14))
        rows = [(n, c, t, k, str(start + timedelta(hours=8 * h)), "10") for n, (c, t, k, h) in enumerate(events)]

        async def run() -> list:
            engine = open_engine(f"sqlite:///{tmp_path / f'{abs(hash(str(rows)))}.db'}")
            await fill(engine, rows)
            async with engine.connect() as connection:
                found = await departures_of(connection)
            await engine.dispose()
            return found

        assert asyncio.run(run()) == sorted(oracle(rows), key=str)


class TestLoadWeeklyDepartures:
    async def test_adds_up_departures_by_monday(self, store_dsn: str) -> None:
        """A Sunday's departure belongs to the Monday before; weeks without any have no row."""
        engine = open_engine(store_dsn)
        await fill(engine, STORY, ITEMS, CONTRACTS)

        async with engine.connect() as connection:
            frame = await movements.load_weekly_departures(connection)

        assert frame.columns == ["rental_class", "store", "store_inferred", "week", "units"]
        assert frame.rows() == [
            ("10", "3607", True, date(2025, 5, 5), 1), ("10", "3607", True, date(2025, 5, 12), 1),
            ("10", "8101", False, date(2025, 5, 5), 1), ("10", "8101", False, date(2025, 5, 12), 1),
            ("20", "000", False, date(2025, 5, 5), 2), ("20", "6800", False, date(2025, 5, 5), 1),
        ]  # fmt: skip
        await engine.dispose()

    async def test_an_empty_source_has_no_weeks(self, store_dsn: str) -> None:
        """Without scans the frame is empty and keeps its columns and types."""
        engine = open_engine(store_dsn)
        await fill(engine, [])

        async with engine.connect() as connection:
            frame = await movements.load_weekly_departures(connection)

        assert frame.is_empty()
        assert frame.schema["week"] == pl.Date
        await engine.dispose()


class TestLoadFleet:
    async def test_counts_units_that_can_be_rented(self, store_dsn: str) -> None:
        """Sold, missing and resale units are not rentable; the others stand where tag, last contract or class says; On Rent is
        unavailable now."""
        engine = open_engine(store_dsn)
        await fill(engine, STORY, ITEMS, CONTRACTS)

        async with engine.connect() as connection:
            frame = await movements.load_fleet(connection)

        assert frame.rows() == [
            ("10", "3607", "class", True, 1, 0), ("10", "8101", "tag", False, 1, 1), ("20", "6800", "contract", False, 1, 0),
        ]  # fmt: skip
        await engine.dispose()


class TestLoadSightings:
    async def test_tells_returns_from_sightings(self, store_dsn: str) -> None:
        """Scans that send nothing out, with blanks off the tag; the span asked for and no more."""
        engine = open_engine(store_dsn)
        await fill(engine, STORY, ITEMS)

        async with engine.connect() as connection:
            every = await movements.load_sightings(connection)
            some = await movements.load_sightings(connection, datetime(2025, 5, 6), datetime(2025, 5, 9))

        at = [datetime(2025, 5, 5, 15, 46, 23), datetime(2025, 5, 7, 10), datetime(2025, 5, 9, 9)]
        assert every.select("tag_id", "seen_at", "back").sort("seen_at").rows() == [
            ("T2", at[0], True), ("T1", at[1], False), ("T2", at[2], True),
        ]  # fmt: skip
        assert some["seen_at"].to_list() == [at[1]]
        await engine.dispose()


class TestLoadTags:
    async def test_says_what_became_of_each_unit(self, store_dsn: str) -> None:
        """Sold and missing units are gone, units for resale leave for good; rows of the POS are no units."""
        engine = open_engine(store_dsn)
        await fill(engine, STORY, ITEMS, CONTRACTS)

        async with engine.connect() as connection:
            frame = await movements.load_tags(connection)

        assert frame.rows() == [
            ("T1", "10", "8101", False, False, None), ("T2", "10", "3607", False, False, None),
            ("T3", "20", "000", True, False, None), ("T4", "20", "000", False, True, None),
            ("T5", "20", "000", True, False, None), ("T6", "20", "6800", False, False, None),
        ]  # fmt: skip
        await engine.dispose()


@pytest.mark.mariadb
class TestOnMariaDB:
    async def test_says_the_same_as_sqlite(self, mysql_dsn: str, store_dsn: str) -> None:
        """Departures, weeks and fleet are the same on both servers."""
        answers = []
        for dsn in (store_dsn, mysql_dsn):
            engine = open_engine(dsn)
            await fill(engine, STORY, ITEMS, CONTRACTS)
            async with engine.connect() as connection:
                loads = (
                    movements.load_departures, movements.load_weekly_departures, movements.load_fleet, movements.load_tags,
                )  # fmt: skip
                sightings = (await movements.load_sightings(connection)).sort("seen_at", "tag_id")
                answers.append([*[(await load(connection)).rows() for load in loads], sightings.rows()])
            await engine.dispose()

        assert answers[0] == answers[1]


class TestOnTheRealExport:
    async def test_finds_the_departures_a_plain_count_finds(self, rfid3_export, store_dsn: str) -> None:
        """4,788 out scans are 4,262 departures; per class and week they are those of an independent walk."""
        table = pl.read_csv(rfid3_export / "id_transactions.csv.gz", infer_schema=False)
        rows = table.select(SCAN_COLUMNS).rows()
        engine = open_engine(store_dsn)
        await fill(engine, [(int(row[0]), *row[1:]) for row in rows])

        async with engine.connect() as connection:
            found = await departures_of(connection)

        assert len(found) == 4_262
        assert Counter(found) == Counter(oracle([(int(row[0]), *row[1:]) for row in rows]))
        await engine.dispose()
