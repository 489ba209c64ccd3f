"""Does RFID3 see as little of the units' wear as was asked for, and nothing that is not true?"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rfid3_shared.db import open_engine
from rfid3_shared.source.tables import DEFECT_COLUMNS
from rfid3_shared.twin.build import TwinSummary, create
from rfid3_shared.twin.materials import MATERIALS


@pytest.fixture(scope="module")
def companies(tmp_path_factory: pytest.TempPathFactory) -> dict[float, tuple[Path, TwinSummary]]:
    """One company, written down diligently and hardly at all: folder and summary by recorded ratio."""

    async def found(folder: Path, ratio: float) -> TwinSummary:
        engine = open_engine(f"sqlite:///{folder / 'source.db'}")
        try:
            return await create(
                engine, folder / "truth.db", items=1200, months=18, seed=2, end=date(2026, 9, 30), recorded_ratio=ratio
            )
        finally:
            await engine.dispose()

    made = {}
    for ratio in (0.35, 0.02):
        folder = tmp_path_factory.mktemp("worn")
        made[ratio] = folder, asyncio.run(found(folder, ratio))
    return made


@pytest.fixture
def db(companies: dict[float, tuple[Path, TwinSummary]]) -> Iterator[sqlite3.Connection]:
    """The diligent company's source, with its truth attached."""
    folder, _ = companies[0.35]
    with closing(sqlite3.connect(folder / "source.db")) as connection:
        connection.execute(f"ATTACH '{folder / 'truth.db'}' AS truth")
        yield connection


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """What the truth file says."""
    with closing(sqlite3.connect(folder / "truth.db")) as connection:
        return connection.execute(sql).fetchall()


class TestFaults:
    def test_are_as_frequent_as_in_rental_shops(self, db: sqlite3.Connection) -> None:
        """Repairs follow 2–10 % of the turns of machines and tents and fewer of tables; 0.5–2 % of the units are lost a year."""
        repairs = dict(db.execute(
            "SELECT material, SUM(n) * 1.0 / SUM(turns) FROM (SELECT i.material, i.turns, (SELECT COUNT(*) FROM twin_truth_faults f"
            " WHERE f.tag_id = i.tag_id AND f.kind = 'repair') AS n FROM twin_truth_items i) GROUP BY 1"
        ).fetchall())  # fmt: skip
        (lost, linens) = db.execute(
            "SELECT AVG(gone IS 'loss') / 1.5, AVG(CASE WHEN material = 'linen' THEN gone IS 'retirement' END) / 1.5"
            " FROM twin_truth_items"
        ).fetchone()

        assert 0.02 <= repairs["tent"] <= 0.12
        assert 0.02 <= repairs["machine"] <= 0.12
        assert repairs["table"] < min(repairs["tent"], repairs["machine"])
        assert 0.004 <= lost <= 0.02
        assert 0.02 <= linens <= 0.08


class TestConservation:
    def test_rfid3_shows_as_gone_what_is_gone_and_nothing_else(self, db: sqlite3.Connection) -> None:
        """Sold or Missing in the item master is what was gone before the first day, or is gone by the truth."""
        odd = db.execute(
            "SELECT i.status, t.gone FROM id_item_master i JOIN twin_truth_items t ON t.tag_id = TRIM(i.tag_id)"
            " WHERE (i.status = 'Sold' AND t.gone IS NOT 'retirement') OR (i.status = 'Missing' AND t.gone IS NOT 'loss')"
        ).fetchall()
        shown = Counter(word for (word,) in db.execute(
            "SELECT i.status FROM id_item_master i JOIN twin_truth_items t ON t.tag_id = TRIM(i.tag_id)"
            " WHERE t.gone IS NOT NULL AND t.gone_day < '2026-06-01'"
        ))  # fmt: skip

        assert odd == []
        assert shown["Sold"] + shown["Missing"] > 0.85 * shown.total()


class TestVisits:
    def test_what_rfid3_says_of_the_shop_is_true(self, db: sqlite3.Connection) -> None:
        """Every sighting as wet, in the wash, in repair or to be inspected is of a unit whose stay of that kind began that day."""
        said = db.execute(
            "SELECT COUNT(*), SUM(v.tag_id IS NULL) FROM id_transactions s JOIN twin_truth_items i ON i.tag_id = TRIM(s.tag_id)"
            " LEFT JOIN twin_truth_visits v ON v.tag_id = i.tag_id AND v.begun_day = date(s.scan_date) AND v.kind = CASE s.status"
            " WHEN 'Wet' THEN 'wet' WHEN 'Wash' THEN 'wash' WHEN 'Repair' THEN 'repair' ELSE 'inspect' END"
            " WHERE s.status IN ('Wet', 'Wash', 'Repair', 'Needs to be Inspected')"
        ).fetchone()

        assert said[0] > 500
        assert said[1] == 0

    def test_ends_are_known_for_some_only(self, db: sqlite3.Connection) -> None:
        """Of the repairs that staff recorded about half are seen to end, on the day on which they do."""
        begun, ended = db.execute(
            "SELECT COUNT(*), SUM(EXISTS (SELECT 1 FROM id_transactions e WHERE TRIM(e.tag_id) = v.tag_id AND"
            " e.scan_date BETWEEN v.ready_day || ' 07:00:00' AND v.ready_day || ' 07:29:59' AND e.scan_type = 'Touch Scan'))"
            " FROM twin_truth_visits v JOIN twin_truth_faults f ON f.tag_id = v.tag_id AND f.day = v.begun_day"
            " WHERE v.kind = 'repair' AND f.recorded AND v.ready_day <= '2026-09-30'"
        ).fetchone()

        assert begun > 50
        assert 0.3 < ended / begun < 0.7


class TestLabels:
    def test_are_as_thin_as_asked_for_and_change_nothing_of_the_truth(
        self, companies: dict[float, tuple[Path, TwinSummary]]
    ) -> None:
        """The recorded share of the same faults, and demand, are what they were."""
        for ratio, (folder, summary) in companies.items():
            faults = rows(folder, "SELECT recorded FROM twin_truth_faults WHERE kind <> 'loss'")
            recorded = sum(noted for (noted,) in faults)

            assert abs(recorded - ratio * len(faults)) < 3 * np.sqrt(ratio * (1 - ratio) * len(faults))
            assert summary.recorded_faults == recorded
            assert sum(summary.faults.values()) == rows(folder, "SELECT COUNT(*) FROM twin_truth_faults")[0][0]
        truths = [
            [rows(folder, f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3") for table, columns in (
                ("twin_truth_faults", "tag_id, day, kind, cost_usd"), ("twin_truth_visits", "tag_id, begun_day, kind, ready_day"),
                ("twin_truth_demand", "rental_class_num, store_id, date, demand_units, served_units"),
            )] for folder, _ in companies.values()
        ]  # fmt: skip
        assert truths[0] == truths[1]

    def test_defects_are_those_of_recorded_faults_and_fit_the_thing(self, db: sqlite3.Connection) -> None:
        """Each recorded repair and cleaning has its scan with defects; a tent has a torn grommet, a linen none."""
        flags = " + ".join(f"s.{name}" for name in DEFECT_COLUMNS)
        scanned = db.execute(
            f"SELECT DISTINCT TRIM(s.tag_id), date(s.scan_date) FROM id_transactions s WHERE {flags} > 0"
        ).fetchall()  # fmt: skip
        recorded = db.execute(
            "SELECT tag_id, day FROM twin_truth_faults WHERE recorded AND kind IN ('repair', 'cleaning')"
        ).fetchall()
        assert set(scanned) == set(recorded)
        for material in MATERIALS:
            names = ", ".join(f"MAX({name})" for name in DEFECT_COLUMNS)
            (found,) = db.execute(
                f"SELECT {names} FROM id_transactions s JOIN twin_truth_items i ON i.tag_id = TRIM(s.tag_id) WHERE material = ?",
                (material.name,),
            ).fetchall()
            seen = {name for name, flag in zip(DEFECT_COLUMNS, found, strict=True) if flag}
            assert seen <= {*material.torn, *material.soiled}
        assert db.execute("SELECT COUNT(*) FROM id_transactions WHERE service_required AND location_of_repair IS NULL") \
            .fetchone() == (0,)  # fmt: skip

    def test_repairs_cost_what_the_pos_says(self, db: sqlite3.Connection) -> None:
        """The POS books every repair by class, recorded or not; no tag carries a cost."""
        booked = dict(db.execute("SELECT item_num, repair_cost_ltd FROM id_item_master WHERE repair_cost_ltd > 0").fetchall())
        true = dict(db.execute(
            "SELECT CAST(rental_class_num AS INTEGER), SUM(cost_usd) FROM twin_truth_faults JOIN twin_truth_items USING (tag_id)"
            " WHERE kind = 'repair' GROUP BY 1"
        ).fetchall())  # fmt: skip
        this_year = db.execute("SELECT SUM(repair_cost_ytd) FROM pos_equipment").fetchone()[0]
        true_year = db.execute(
            "SELECT SUM(cost_usd) FROM twin_truth_faults WHERE kind = 'repair' AND day >= '2026-01-01'"
        ).fetchone()[0]

        assert booked == pytest.approx({number: cost for number, cost in true.items() if cost}, abs=0.005)
        assert this_year == pytest.approx(true_year, abs=0.005)


class TestGrades:
    def test_truly_rise_by_repair_only(self, db: sqlite3.Connection) -> None:
        """A better true grade than the last one stands on a day on which a repair ended."""
        risen = db.execute(
            "SELECT c.tag_id, c.day FROM (SELECT tag_id, day, grade - LAG(grade) OVER (PARTITION BY tag_id ORDER BY day) AS step"
            " FROM twin_truth_conditions) c WHERE c.step > 0"
        ).fetchall()
        mended = db.execute("SELECT tag_id, ready_day FROM twin_truth_visits WHERE kind = 'repair'").fetchall()

        assert risen
        assert set(risen) <= set(mended)

    def test_as_scanned_rise_after_a_repair_only(self, db: sqlite3.Connection) -> None:
        """Between two scans with a better grade on the later one lies the end of a repair."""
        order = "CASE quality WHEN 'A+' THEN 10 WHEN 'A' THEN 9 WHEN 'A-' THEN 8 WHEN 'B+' THEN 7 WHEN 'B' THEN 6 WHEN 'B-' THEN 5" \
                " WHEN 'C+' THEN 4 WHEN 'C' THEN 3 WHEN 'C-' THEN 2 WHEN 'D' THEN 1 WHEN 'F' THEN 0 END"  # fmt: skip
        risen = db.execute(
            f"SELECT s.tag_id, was, date(scan_date) FROM (SELECT TRIM(tag_id) AS tag_id, scan_date, {order} - LAG({order}) OVER w AS"
            " step, date(LAG(scan_date) OVER w) AS was FROM id_transactions WHERE rental_class_num IS NOT NULL"
            " WINDOW w AS (PARTITION BY TRIM(tag_id) ORDER BY id)) s WHERE step > 0"
        ).fetchall()
        mended: dict[str, list[str]] = {}
        for tag, day in db.execute("SELECT tag_id, ready_day FROM twin_truth_visits WHERE kind = 'repair'"):
            mended.setdefault(tag, []).append(day)

        assert risen
        assert all(any(was <= day <= seen for day in mended.get(tag, [])) for tag, was, seen in risen)

    def test_move_as_seldom_as_in_a_real_shop(self, db: sqlite3.Connection) -> None:
        """Real grades move in 0.2 % of successive scans."""
        (moved,) = db.execute(
            "SELECT AVG(moved) FROM (SELECT quality <> LAG(quality) OVER (PARTITION BY TRIM(tag_id) ORDER BY id) AS moved"
            " FROM id_transactions WHERE rental_class_num IS NOT NULL)"
        ).fetchone()

        assert 0.0005 < moved < 0.006

    def test_now_agree_with_the_last_one_noted(self, db: sqlite3.Connection) -> None:
        """A unit's grade now is the last one of its path, but for what the shelf took off since."""
        (wrong,) = db.execute(
            "SELECT SUM(ABS(i.grade - (SELECT c.grade FROM twin_truth_conditions c WHERE c.tag_id = i.tag_id ORDER BY c.day DESC"
            " LIMIT 1)) > 1) FROM twin_truth_items i"
        ).fetchone()

        assert wrong == 0
