"""Does what the twin writes agree with what it knows, and does it go on exactly from where it stopped?"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from rfid3_shared.db import open_engine
from rfid3_shared.errors import Conflict, InvalidParameters
from rfid3_shared.source.business_day import simulated_day
from rfid3_shared.source.tables import PERSONAL_COLUMNS, source_metadata
from rfid3_shared.twin.build import TwinSummary, advance, create, first_day, state_path

END = date(2026, 12, 15)

WEEKLY_UNITS = """
WITH contract AS (
    SELECT contract_no, status, actual_delivery_date AS left_at,
           CASE WHEN store_no IN ('001', '1.0') THEN '3607' WHEN store_no IN ('002', '2.0') THEN '6800'
                WHEN store_no IN ('003', '3.0') THEN '8101' WHEN store_no IN ('004', '4.0') THEN '728' END AS store
    FROM pos_transactions
), moves AS (
    SELECT s.rental_class_num AS class, c.store AS store, date(s.scan_date, 'weekday 0', '-6 days') AS week,
           COUNT(DISTINCT s.contract_number || trim(s.tag_id)) AS units
    FROM id_transactions s JOIN contract c ON c.contract_no = s.contract_number
    WHERE s.scan_type IN ('Rental', 'Delivery') GROUP BY 1, 2, 3
    UNION ALL
    SELECT l.item_num, c.store, date(c.left_at, 'weekday 0', '-6 days'), SUM(l.qty)
    FROM pos_transaction_items l JOIN contract c USING (contract_no)
    WHERE c.status <> 'Reservation' AND l.item_num NOT IN (
        SELECT rental_class_num FROM id_item_master WHERE rental_class_num IS NOT NULL)
    GROUP BY 1, 2, 3
)
SELECT class, store, week, units FROM moves
"""


def run_create(folder: Path, *, items: int = 400, months: int = 6, seed: int = 7, end: date = END) -> TwinSummary:
    """Found a company in `folder`."""

    async def run() -> TwinSummary:
        engine = open_engine(f"sqlite:///{folder / 'source.db'}")
        try:
            return await create(engine, folder / "truth.db", items=items, months=months, seed=seed, end=end)
        finally:
            await engine.dispose()

    folder.mkdir(exist_ok=True)
    return asyncio.run(run())


def run_advance(folder: Path, days: int) -> TwinSummary:
    """Let the company in `folder` live on."""

    async def run() -> TwinSummary:
        engine = open_engine(f"sqlite:///{folder / 'source.db'}")
        try:
            return await advance(engine, folder / "truth.db", days)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def contents(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of source and truth, in an order that does not depend on when it was written."""
    found = {}
    for table in source_metadata.sorted_tables:
        names = [column.name for column in table.columns if not (table.name == "external_factors" and column.name == "id")]
        listed = ", ".join(f'"{name}"' for name in names)
        found[table.name] = sorted(query(folder / "source.db", f"SELECT {listed} FROM {table.name}"), key=repr)
    for name in ("demand", "items", "faults", "visits", "conditions", "wear"):
        found[f"truth of {name}"] = sorted(query(folder / "truth.db", f"SELECT * FROM twin_truth_{name}"), key=repr)
    return found


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a company of 400 tags after six months."""
    folder = tmp_path_factory.mktemp("company")
    run_create(folder)
    return folder


@pytest.fixture(scope="module")
def older_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same company created with one more month of history."""
    folder = tmp_path_factory.mktemp("older")
    run_create(folder, months=7, end=date(2027, 1, 15))
    return folder


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Source of a company large enough for rare flaws."""
    folder = tmp_path_factory.mktemp("larger")
    run_create(folder, items=3000, months=3, end=date(2026, 7, 31))
    return folder / "source.db"


@pytest.fixture
def copy(company: Path, tmp_path: Path) -> Path:
    """A copy of the company that a test may change."""
    folder = tmp_path / "copy"
    shutil.copytree(company, folder)
    return folder


class TestCreate:
    def test_the_same_seed_gives_the_same_rows(self, company: Path, tmp_path: Path) -> None:
        """A company is its seed: two runs write the same rows to every table."""
        run_create(tmp_path / "again")

        assert contents(tmp_path / "again") == contents(company)

    def test_another_seed_gives_another_company(self, company: Path, tmp_path: Path) -> None:
        """A different seed changes tags, demand and prices."""
        run_create(tmp_path / "other", seed=8)

        ours, others = contents(company), contents(tmp_path / "other")
        assert all(
            ours[table] != others[table]
            for table in (
                "id_item_master",
                "id_transactions",
                "pos_transaction_items",
                "truth of demand",
                "truth of faults",
            )
        )

    def test_refuses_a_source_that_holds_rows(self, copy: Path) -> None:
        """Nothing is overwritten unless asked for, and a refusal changes nothing."""
        before = contents(copy)

        with pytest.raises(Conflict):
            run_create(copy)

        assert contents(copy) == before
        assert state_path(copy / "truth.db").exists()

    def test_refuses_a_company_too_small(self, tmp_path: Path) -> None:
        """A company needs enough tags to have classes at all."""
        with pytest.raises(InvalidParameters):
            run_create(tmp_path / "small", items=10)

    def test_summary_counts_what_was_written(self, tmp_path: Path) -> None:
        """The summary's figures are those of the tables."""
        summary = run_create(tmp_path / "counted", months=2)

        source, truth = tmp_path / "counted" / "source.db", tmp_path / "counted" / "truth.db"
        assert query(source, "SELECT COUNT(*) FROM id_transactions") == [(summary.scans,)]
        assert query(source, "SELECT COUNT(*) FROM pos_transactions WHERE status <> 'Reservation'") == [(summary.contracts,)]
        assert query(source, "SELECT COUNT(*) FROM id_item_master WHERE rental_class_num IS NOT NULL") == [(summary.items,)]
        asked = query(truth, "SELECT SUM(demand_units), SUM(served_units), SUM(refused_units) FROM twin_truth_demand")[0]
        assert asked == (summary.demand_units, summary.served_units, summary.demand_units - summary.served_units)


class TestAdvance:
    def test_equals_a_longer_history(self, copy: Path, older_company: Path) -> None:
        """Creating N days and advancing k writes row for row what creating N + k days does, over New Year too."""
        run_advance(copy, 31)

        ours, expected = contents(copy), contents(older_company)
        assert {table: rows for table, rows in ours.items() if rows != expected[table]} == {}

    def test_may_be_done_in_parts(self, copy: Path, older_company: Path) -> None:
        """Thirty-one days are one day and thirty days."""
        run_advance(copy, 1)
        run_advance(copy, 30)

        assert contents(copy) == contents(older_company)

    def test_repeats_a_run_whose_state_was_lost(self, copy: Path, older_company: Path) -> None:
        """A run that wrote rows but died before it saved its state is taken back and repeated."""
        state = state_path(copy / "truth.db")
        shutil.copy(state, copy / "before.npz")
        run_advance(copy, 12)
        shutil.copy(copy / "before.npz", state)

        run_advance(copy, 31)

        assert contents(copy) == contents(older_company)

    def test_refuses_without_a_company(self, tmp_path: Path) -> None:
        """There is nothing to go on with where nothing was created."""
        with pytest.raises(Conflict):
            run_advance(tmp_path, 1)

    def test_refuses_a_company_founded_before_units_wore(self, copy: Path) -> None:
        """The past of units that never wore cannot be made up: the refusal says to found the company anew."""
        state = state_path(copy / "truth.db")
        with np.load(state) as saved:
            older = {name: saved[name] for name in saved.files if name != "recorded" and not name.startswith("wear.")}
        np.savez_compressed(state, **older)

        with pytest.raises(Conflict, match="--replace"):
            run_advance(copy, 1)


class TestFirstDay:
    @pytest.mark.parametrize(
        ("end", "months", "first"),
        [
            (date(2026, 10, 15), 6, date(2026, 4, 16)),
            (date(2026, 9, 30), 2, date(2026, 8, 1)),
            (date(2026, 2, 28), 12, date(2025, 3, 1)),
            (date(2026, 1, 10), 1, date(2025, 12, 11)),
            (date(2026, 3, 30), 1, date(2026, 3, 1)),
        ],
    )
    def test_counts_whole_months(self, end: date, months: int, first: date) -> None:
        """A span of months starts the day after the same day so many months earlier."""
        assert first_day(end, months) == first


class TestTruth:
    def test_served_and_refused_make_demand(self, company: Path) -> None:
        """Every unit asked for is either served or refused."""
        rows = query(company / "truth.db", "SELECT demand_units, served_units, refused_units FROM twin_truth_demand")

        assert rows
        assert all(demand == served + refused and served >= 0 and refused >= 0 for demand, served, refused in rows)

    def test_served_units_are_those_of_clean_scans_and_pos_lines(self, company: Path) -> None:
        """Distinct tags per contract, or POS lines where a class is never scanned, give the truth by class, store and week."""
        rebuilt = {(c, s, w): units for c, s, w, units in query(company / "source.db", WEEKLY_UNITS)}
        truth = query(
            company / "truth.db",
            "SELECT rental_class_num, store_id, date(date, 'weekday 0', '-6 days'), SUM(served_units) FROM twin_truth_demand"
            " GROUP BY 1, 2, 3 HAVING SUM(served_units) > 0",
        )

        assert rebuilt == {(c, s, w): units for c, s, w, units in truth}

    def test_pos_lines_describe_the_same_departures(self, company: Path) -> None:
        """For scanned classes too, the POS lines of contracts that left add up to the units that were served."""
        lines = query(
            company / "source.db",
            "SELECT l.item_num, SUM(l.qty) FROM pos_transaction_items l JOIN pos_transactions c USING (contract_no)"
            " WHERE c.status <> 'Reservation' GROUP BY 1",
        )
        truth = query(company / "truth.db", "SELECT rental_class_num, SUM(served_units) FROM twin_truth_demand GROUP BY 1")

        assert dict(lines) == {number: units for number, units in truth if units}

    def test_nothing_of_it_is_in_the_source(self, company: Path) -> None:
        """The source holds RFID3's tables and nothing else."""
        names = {row[0] for row in query(company / "source.db", "SELECT name FROM sqlite_master WHERE type = 'table'")}

        assert names == {table.name for table in source_metadata.sorted_tables} | {simulated_day.name}


class TestTables:
    def test_no_personal_column_exists(self, company: Path) -> None:
        """The twin writes no column that could hold a person."""
        for table in source_metadata.sorted_tables:
            columns = {row[1] for row in query(company / "source.db", f"PRAGMA table_info({table.name})")}
            assert not columns & PERSONAL_COLUMNS

    def test_reservations_lie_ahead_and_are_not_scanned(self, company: Path) -> None:
        """Contracts booked for later are in the POS, with lines, and have no scan."""
        source = company / "source.db"
        ahead = query(
            source,
            "SELECT contract_no, contract_date, promised_delivery_date, actual_delivery_date FROM pos_transactions"
            " WHERE status = 'Reservation'",
        )

        assert ahead
        assert all(booked[:10] <= END.isoformat() < promised[:10] and actual is None for _, booked, promised, actual in ahead)
        numbers = {row[0] for row in ahead}
        assert numbers <= {row[0] for row in query(source, "SELECT contract_no FROM pos_transaction_items")}
        assert not numbers & {row[0] for row in query(source, "SELECT contract_number FROM id_transactions")}

    def test_contract_amounts_are_the_sum_of_their_lines(self, company: Path) -> None:
        """A contract's rent is what its lines cost."""
        wrong = query(
            company / "source.db",
            "SELECT c.contract_no FROM pos_transactions c JOIN pos_transaction_items l USING (contract_no)"
            " GROUP BY c.contract_no HAVING ABS(MAX(c.rent_amt) - SUM(l.price)) > 0.005",
        )

        assert wrong == []

    def test_weather_ends_with_the_history_and_holidays_go_on(self, company: Path) -> None:
        """Weather is known for every day lived through; holidays for eight weeks more."""
        source = company / "source.db"
        days = query(source, "SELECT date FROM external_factors WHERE factor_name = 'temperature_mean_f' ORDER BY date")
        holidays = query(source, "SELECT date, factor_name FROM external_factors WHERE factor_type = 'holiday'")

        start = first_day(END, 6)
        assert [day for (day,) in days] == [str(start + timedelta(days=k)) for k in range((END - start).days + 1)]
        assert ("2027-01-01", "New Year's Day") in holidays
        assert max(day for day, _ in holidays) <= str(END + timedelta(weeks=8))

    def test_every_scanned_class_has_its_pos_item(self, company: Path) -> None:
        """A tag's class number is the POS number of the thing it is one of."""
        missing = query(
            company / "source.db",
            "SELECT rental_class_num FROM id_item_master WHERE rental_class_num IS NOT NULL"
            " AND CAST(rental_class_num AS INTEGER) NOT IN (SELECT item_num FROM id_item_master WHERE item_num IS NOT NULL)",
        )

        assert missing == []


class TestDirt:
    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT 1 FROM id_item_master WHERE tag_id LIKE ' %'",
            "SELECT 1 FROM id_transactions WHERE tag_id LIKE ' %'",
            "SELECT 1 FROM id_item_master WHERE LENGTH(status) = 24",
            "SELECT 1 FROM id_transactions WHERE LENGTH(status) = 24",
            "SELECT 1 FROM id_item_master WHERE bin_location = 'null'",
            "SELECT 1 FROM id_transactions WHERE rental_class_num IS NULL",
            "SELECT 1 FROM id_transactions WHERE rental_class_num = 'A1001'",
            "SELECT 1 FROM id_transactions GROUP BY tag_id, scan_type, scan_date, contract_number HAVING COUNT(*) > 1",
            "SELECT 1 FROM id_transactions WHERE contract_number IS NOT NULL AND trim(tag_id) NOT IN"
            " (SELECT trim(tag_id) FROM id_item_master)",
            "SELECT 1 FROM user_rental_class_mappings WHERE category = 'Beverage Dispeners'",
            "SELECT 1 FROM user_rental_class_mappings WHERE category = 'Test Category A'",
            "SELECT 1 FROM pos_transactions WHERE store_no = '3.0'",
            "SELECT 1 FROM id_item_master WHERE identifier_type = 'None' AND current_store IS NULL",
        ],
    )
    def test_flaw_is_present(self, larger: Path, sql: str) -> None:
        """Each flaw of a real export occurs."""
        assert query(larger, f"{sql} LIMIT 1")


class TestMariaDB:
    @pytest.mark.mariadb
    async def test_holds_the_same_company(self, mysql_dsn: str, company: Path, tmp_path: Path) -> None:
        """MariaDB gets the rows that SQLite gets."""
        engine = open_engine(mysql_dsn)
        counted = ("id_item_master", "id_transactions", "pos_transactions", "pos_transaction_items", "external_factors")
        try:
            await create(engine, tmp_path / "truth.db", items=400, months=5, seed=7, end=date(2026, 11, 15))
            await advance(engine, tmp_path / "truth.db", 30)
            async with engine.connect() as connection:
                found = {t: (await connection.execute(text(f"SELECT COUNT(*) FROM {t}"))).scalar() for t in counted}
                scans = (await connection.execute(text("SELECT id, tag_id, scan_date FROM id_transactions ORDER BY id"))).all()
        finally:
            await engine.dispose()

        source = company / "source.db"
        assert found == {table: query(source, f"SELECT COUNT(*) FROM {table}")[0][0] for table in counted}
        expected = query(source, "SELECT id, tag_id, scan_date FROM id_transactions ORDER BY id")
        assert [(k, tag, str(at)) for k, tag, at in scans] == expected
