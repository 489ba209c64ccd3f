"""Is what was projected held against what was read, and nothing else?"""

from datetime import timedelta

import pytest
from itemlife import DAY0, day, scan, sources
from learnedlife import LAST_DAY, Silent
from sqlalchemy import text

from rfid3_quality import outcomes, score
from rfid3_quality.settings import QualitySettings
from rfid3_shared import db
from rfid3_shared.item_life.assemble import assemble
from rfid3_shared.ledger import Target

pytestmark = pytest.mark.xdist_group("learned quality")
DAY = (DAY0 + timedelta(days=40)).date()
"""Projections for it were made on day 10."""


def item(tag: str) -> Target:
    return Target(tag, "", "", DAY)


def looked(tag: str, at: float, grade: str) -> dict[str, object]:
    return {"tag_id": tag, "at": day(at), "grade": grade, "defects": []}


class TestOutcomes:
    def test_the_newest_inspection_in_the_window_counts(self) -> None:
        """Found after the projection was made, and up to two weeks after its day: the newest. A scan's copy is no finding."""
        looks = [
            looked("T1", 5, "A+"),
            looked("T1", 30, "B"),
            looked("T1", 44, "C"),
            looked("T1", 70, "D"),
            looked("T3", 60, "A"),
        ]
        scans = [scan("T2", "Touch Scan", 30, quality="A")]
        life = assemble(sources(scans, until=80, inspections=looks))
        found = outcomes.of_targets(life, [item(tag) for tag in ("T1", "T2", "T3", "nobody")])

        assert [(one.target.target_item_id, one.actual_value) for one in found] == [("T1", 0.3)]

    def test_a_category_is_known_when_most_were_inspected(self) -> None:
        """The mean over those inspected, where half of the category's units were; else unknown."""
        graded = [scan(tag, "Touch Scan", 5, quality="A") for tag in ("T1", "T2", "T3")]
        one, two = [looked("T1", 30, "B")], [looked("T1", 30, "B"), looked("T2", 31, "C")]
        target = Target("", "Unmapped", "", DAY)
        found = [outcomes.of_targets(assemble(sources(graded, until=80, inspections=looks)), [target]) for looks in (one, two)]

        assert found[0] == []
        assert [each.actual_value for each in found[1]] == [pytest.approx(0.45)]


class TestRun:
    async def test_predictions_that_are_due_are_scored(self, settings: QualitySettings) -> None:
        """Predictions that are due wait for inspections; scoring twice changes nothing, and the monitors are asked."""
        engine = db.open_engine(settings.store_dsn)
        async with db.transaction(engine) as connection:
            rows = (
                await connection.execute(text("SELECT count(*) FROM analytics_predictions WHERE target_item_id = ''"))
            ).scalar()
            early = LAST_DAY - timedelta(days=20)
            await connection.execute(
                text(f"UPDATE analytics_predictions SET prediction_date = '{early}' WHERE target_item_id = ''")
            )
        first, second = [await score.run(settings, {}, Silent()) for _ in range(2)]
        await engine.dispose()

        assert rows > 0
        # nobody inspected anything: what cannot be known waits, and is not made up
        assert (first["outcomes"], first["scored"]) == (0, 0)
        assert (second["scored"], second["restated"]) == (0, 0)
        assert isinstance(first["findings"], list)
