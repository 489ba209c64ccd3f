"""Do the lists speak of what was inspected since training, of nothing else, and as the single item does?"""

from datetime import datetime, timedelta

import httpx
import numpy as np
import pytest
from qualitylife import QUALITY, serving

from rfid3_quality.fleet import Fleet, Judgements
from rfid3_quality.item import Reading, item_of
from rfid3_quality.settings import QualitySettings
from rfid3_quality.snapshot import Snapshot

pytestmark = pytest.mark.xdist_group("learned quality")
COLUMNS = ("score", "grade", "graded_at", "answerable", "best", "action", "cents", "gains", "look")


async def ask(client: httpx.AsyncClient, path: str) -> dict:
    response = await client.get(f"{QUALITY}/{path}")
    assert response.status_code == 200, response.text
    return response.json()


async def found(client: httpx.AsyncClient, item_id: str, grade: str, **more: str) -> None:
    reply = await client.post(f"{QUALITY}/inspection-result", json={"item_id": item_id, "grade": grade, **more})
    assert reply.status_code == 201, reply.text


def equal(one: Fleet, other: Fleet) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name != "answerable") for name in COLUMNS)


@pytest.fixture
def settings(settings: QualitySettings) -> QualitySettings:
    """Looks so short that nearly all are worth it: the small company has few that are worth five minutes."""
    return settings.model_copy(update={"quality_inspection_minutes": 0.001})


@pytest.fixture
def readings(snapshot: Snapshot) -> dict[str, Reading]:
    """Some units, found a day before the data end as three different grades."""
    rows = np.flatnonzero(snapshot.answerable & (snapshot.best >= 0))[:12]
    at = datetime.fromisoformat(snapshot.spec.data_to) - timedelta(hours=1)
    return {snapshot.id_of(int(row)): Reading(2 + 3 * (k % 3), at, str(k)) for k, row in enumerate(rows)}


class TestListsThroughTheService:
    async def test_who_was_just_looked_at_is_not_next(self, client: httpx.AsyncClient) -> None:
        """The first of the inspection list is inspected: it leaves the list, all others stand as they stood, and meta counts it."""
        before = await ask(client, "inspections?limit=500")
        first, *rest = before["data"]["inspections"]
        await found(client, first["item_id"], "B")
        after = await ask(client, "inspections?limit=500")

        assert after["data"]["inspections"] == rest
        assert len(rest) > 0
        assert before["meta"]["since_training"] == {"items_inspected": 0, "items_judged_anew": 0, "newest": None}
        assert (after["meta"]["since_training"]["items_inspected"], after["meta"]["since_training"]["items_judged_anew"]) == (
            1,
            1,
        )

    async def test_the_budget_follows_the_new_score(self, client: httpx.AsyncClient, snapshot: Snapshot) -> None:
        """A worn unit found as A+ is below no threshold and takes no money; found as D it is the only one that differs again."""
        worn = int(np.flatnonzero((snapshot.action >= 0) & (snapshot.gains[:, 1] < 0.6) & (snapshot.grade <= 5))[0])
        asked = "optimization?optimization_budget=1000000&quality_threshold=0.6&priority=quality_impact"
        item_id = snapshot.id_of(worn)

        told = [(await ask(client, asked))["data"]]
        for grade in ("A+", "D"):
            await found(client, item_id, grade)
            told.append((await ask(client, asked))["data"])
        below, treated = ([one[name] for one in told] for name in ("items_below_threshold", "items_treated"))
        single = (await ask(client, f"degradation/{item_id}"))["data"]

        assert below == [below[0], below[0] - 1, below[0]]
        assert treated == [treated[0], treated[0] - 1, treated[0]]
        scores = [sum(g["avg_quality_score"] * g["items_affected"] for g in one["optimization_opportunities"]) for one in told]
        assert scores[2] - scores[1] == pytest.approx(single["current_quality_score"], abs=1e-3)

    async def test_replacements_say_what_the_single_item_says(self, client: httpx.AsyncClient, snapshot: Snapshot) -> None:
        """Units found as D are due where their own verdict says so, on its date, at its gain and price."""
        rows = np.flatnonzero(snapshot.answerable & (snapshot.best >= 0) & (snapshot.grade >= 7))[:8]
        ids = [snapshot.id_of(int(row)) for row in rows]
        for item_id in ids:
            await found(client, item_id, "D")
        listed = {
            one["item_id"]: one
            for one in (await ask(client, "replacement-recommendations?limit=500"))["data"]["recommendations"]
        }

        due = 0
        for item_id in ids:
            told = (await ask(client, f"degradation/{item_id}"))["data"]["replacement_recommendations"]
            date, money = told["optimal_replacement_date"], told["cost_benefit_analysis"]
            within = date is not None and datetime.fromisoformat(date) <= datetime.fromisoformat(
                snapshot.spec.data_to
            ) + timedelta(365)
            assert within == (item_id in listed)
            if within:
                due += 1
                one, worth = listed[item_id], money["options"]
                assert one["optimal_replacement_date"] == date
                assert one["cost"] == money["replacement_cost"]
                assert one["gain"] == pytest.approx(worth["resell"]["value"] - worth["keep"]["value"], abs=0.02)
        assert due > 0

    async def test_what_is_no_news_changes_nothing(self, client: httpx.AsyncClient, snapshot: Snapshot) -> None:
        """A look before the last one known is counted, and judges nothing anew; nor does one at a unit that is gone."""
        gone = snapshot.id_of(int(np.flatnonzero(snapshot.codes[:, 4] > 0)[0]))
        known = snapshot.id_of(int(np.flatnonzero(snapshot.answerable & (snapshot.grade >= 0))[0]))
        before = await ask(client, "inspections?limit=500")
        await found(client, known, "F", inspected_at="2020-01-01T00:00:00")
        await found(client, gone, "A")
        after = await ask(client, "inspections?limit=500")

        assert after["data"] == before["data"]
        assert after["meta"]["since_training"] == {"items_inspected": 2, "items_judged_anew": 0, "newest": None}

    async def test_every_process_sees_it(self, settings: QualitySettings, keys: dict[str, str], snapshot: Snapshot) -> None:
        """Another process that shares the store sees the inspection too: what is remembered is only work, never a reading."""
        item_id = snapshot.id_of(int(np.flatnonzero(snapshot.answerable & (snapshot.look[:, 0] > 0.01))[0]))
        async with serving(settings, keys["events"]) as (one, _), serving(settings, keys["read"]) as (other, _):
            before = (await ask(other, "inspections?limit=500"))["data"]["inspections"]
            await found(one, item_id, "A")
            after = (await ask(other, "inspections?limit=500"))["data"]["inspections"]

        assert item_id in {each["item_id"] for each in before}
        assert item_id not in {each["item_id"] for each in after}


class TestJudgements:
    def test_nothing_new_is_the_snapshot_itself(self, snapshot: Snapshot) -> None:
        """Without inspections no array is copied."""
        fleet = Judgements().fleet(snapshot, {})

        assert fleet.cents is snapshot.cents
        assert fleet.look is snapshot.look
        assert np.array_equal(fleet.score, snapshot.score[:, 0, 0], equal_nan=True)

    def test_every_unit_is_judged_as_alone(self, snapshot: Snapshot, readings: dict[str, Reading]) -> None:
        """Inspected or not, a unit's score, option and dollars in the lists are those of the single item, to the last digit kept."""
        fleet = Judgements().fleet(snapshot, readings)
        untouched = np.flatnonzero(snapshot.answerable & (snapshot.best >= 0))[12:24]

        for row in [*fleet.rows.tolist(), *untouched.tolist()]:
            item = item_of(snapshot, row, readings.get(snapshot.id_of(row)))
            verdicts, at = item.verdict
            days, market, sure = (
                verdicts.replace_after_days.value,
                verdicts.market_value_usd.value,
                verdicts.replacement_confidence,
            )
            assert (item.reading is not None) == (row in fleet.rows)
            assert fleet.score[row] == np.float32(item.score[0, 0])
            assert fleet.best[row] == verdicts.best[at]
            for name, value in (("replace_after_days", days), ("market_usd", market), ("confidence", sure)):
                assert fleet.column(name)[row] == np.float32(value[at])

    def test_one_after_the_other_is_as_all_at_once(self, snapshot: Snapshot, readings: dict[str, Reading]) -> None:
        """Whether inspections come in together, by ones, or again as something else, the fleet is the same to the last digit."""
        together, kept = Judgements().fleet(snapshot, readings), Judgements()
        some: dict[str, Reading] = {}
        for item_id, reading in readings.items():
            some[item_id] = Reading(10, reading.at - timedelta(minutes=5), "earlier")
            kept.fleet(snapshot, some)
            some[item_id] = reading
        gradually = kept.fleet(snapshot, readings)

        assert equal(gradually, together)
        assert len(together.rows) > 3

    def test_another_snapshot_begins_anew(self, snapshot: Snapshot, readings: dict[str, Reading]) -> None:
        """What was worked out on one snapshot says nothing of the next, though rows and readings are the same."""
        kept = Judgements()
        kept.fleet(snapshot, readings)
        dearer = Snapshot(**{**vars_of(snapshot), "inputs": snapshot.inputs * np.float32(2)})

        assert equal(kept.fleet(dearer, readings), Judgements().fleet(dearer, readings))
        assert not equal(kept.fleet(dearer, readings), kept.fleet(snapshot, readings))

    def test_an_unknown_item_waits_for_training(self, snapshot: Snapshot, readings: dict[str, Reading]) -> None:
        """An inspection of a unit that came after the snapshot is left alone."""
        reading = next(iter(readings.values()))

        assert len(Judgements().fleet(snapshot, {"came later": reading}).rows) == 0


def vars_of(snapshot: Snapshot) -> dict:
    return {name: getattr(snapshot, name) for name in Snapshot.__dataclass_fields__}
