"""What does a training run make of a company: with grades, without, with some; and what comes before the gate?"""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from itemlife import BACK, OUT, day, scan, sources
from learnedlife import Silent
from qualitylife import QUALITY, open_doors, serving, trained
from sqlalchemy import text

from rfid3_quality import backtest, fitting, train
from rfid3_quality.model.projection import Standing, project
from rfid3_quality.model.wear_fit import fit_wear
from rfid3_quality.model.wear_steps import WearSteps
from rfid3_quality.rates import pooled
from rfid3_quality.settings import QualitySettings
from rfid3_quality.snapshot import Snapshot
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.errors import InsufficientData
from rfid3_shared.flags import Flag, set_flag
from rfid3_shared.item_life.assemble import assemble
from rfid3_shared.item_life.life import Life

pytestmark = pytest.mark.xdist_group("learned quality")


async def changed(settings: QualitySettings, *statements: str) -> None:
    """The source after these statements."""
    engine = db.open_engine(settings.source_dsn)
    async with db.transaction(engine) as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


class TestRun:
    def test_every_unit_is_there_and_nothing_is_invented(self, snapshot: Snapshot) -> None:
        """Units stand once, sorted; scores never rise along horizons and lie in their intervals; what is not known is NaN."""
        ids, known = snapshot.ids, np.isfinite(snapshot.score[:, 0, 0])
        mean, _, low, high = (snapshot.score[known, k] for k in range(4))

        assert (ids[1:] > ids[:-1]).all()
        assert (np.diff(snapshot.score[known], axis=2) <= 1e-6).all()
        assert ((low <= mean + 1e-6) & (mean <= high + 1e-6)).all()
        assert (snapshot.grade[~known] < 0).all()
        assert (snapshot.verdict[snapshot.best >= 0, 3] > 0).all()

    async def test_the_same_data_again_are_rejected_and_forced(self, settings: QualitySettings) -> None:
        """What is no better and knows no newer day does not serve, unless somebody wants it; a refresh finds nothing new."""
        again = await trained(settings, 1)
        forced = await trained(settings, 2, force_retrain=True)
        refreshed = await train.refresh(settings, {}, Silent())

        assert (again["state"], forced["state"]) == ("rejected", "champion")
        assert set(again["metrics"]) >= {"mae", "stays_mae", "drift_mae", "coverage_80", "rps", "naive_rps", "wape"}
        assert "no data newer" in refreshed["skipped"]

    async def test_without_grades_nothing_is_said_but_what_is_missing(
        self, settings: QualitySettings, keys: dict[str, str]
    ) -> None:
        """No grade at all: the prior decides, no item is answered, each names what is missing; an inspection opens the answer."""
        await changed(settings, "UPDATE id_transactions SET quality = NULL", "UPDATE id_item_master SET quality = ''")
        await trained(settings, 3, force_retrain=True)
        async with serving(settings, keys["events"]) as (client, app):
            made: Snapshot = app.state.snapshots.get().snapshot
            in_service = (made.codes[:, 4] == 0) & (made.codes[:, 5] & 2 == 0)
            item = made.id_of(int(np.flatnonzero(in_service)[0]))
            before = await client.get(f"{QUALITY}/degradation/{item}")
            nothing = await client.get(f"{QUALITY}/optimization")
            posted = await client.post(f"{QUALITY}/inspection-result", json={"item_id": item, "grade": "B"})
            after = await client.get(f"{QUALITY}/degradation/{item}")
            budget = await client.get(f"{QUALITY}/optimization")

        assert (before.status_code, before.json()["error"]["code"]) == (409, "INSUFFICIENT_DATA")
        assert "inspection-result" in before.json()["error"]["details"]["missing"]
        assert (posted.status_code, after.status_code, budget.status_code) == (201, 200, 200)
        assert after.json()["data"]["basis"]["wear"]["form"] == "prior"
        assert after.json()["data"]["basis"]["wear"]["prior"]["turns_per_grade"] > 0
        assert nothing.json()["data"]["items_below_threshold"] == 0
        assert budget.json()["data"]["items_below_threshold"] == 1

    async def test_nothing_to_learn_from(self, tmp_path: Path) -> None:
        """A source without scans raises InsufficientData; with training switched off the job says so and does nothing."""
        settings = QualitySettings(home=tmp_path, redis_url="redis://127.0.0.1:1/0")
        await open_doors(settings)
        with pytest.raises(InsufficientData):
            await trained(settings)
        store = db.open_engine(settings.store_dsn)
        async with db.transaction(store) as connection:
            await set_flag(connection, Flag.MODEL_TRAINING, enabled=False, reason="t", changed_by="t", clock=Clock())
        await store.dispose()
        assert "skipped" in await trained(settings)


def small() -> Life:
    """Two units: T1 goes out weekly, is copied as A, then read as B; T2 is repaired between two readings."""
    scans = [scan("T1", kind, 7 * week + half, quality="A" if week < 6 else "B")
             for week in range(10) for half, kind in ((0.0, OUT), (2.0, BACK))]  # fmt: skip
    scans += [
        scan("T2", BACK, 1, quality="C"),
        scan("T2", "Touch Scan", 5, "Repair", quality="C"),
        scan("T2", "Touch Scan", 9, quality="A"),
    ]
    return assemble(sources(scans, until=80))


class TestFitting:
    def test_copies_are_no_looks(self) -> None:
        """From A to B there is one step with all its turns and days; that it stayed B since says nothing; a repair is in its step."""
        found = fitting.past_of(small(), Clock().zone).frame
        mine, other = (found.filter(pl.col("tag_id") == tag) for tag in ("T1", "T2"))

        assert mine.select("from_grade", "to_grade", "turns", "days", "told").rows() == [(9, 6, 6, 42.0, True)]
        assert other.select("from_grade", "to_grade", "repaired").rows() == [(3, 9, True)]

    def test_an_inspection_that_finds_the_same_is_a_look(self) -> None:
        """Reported, the same grade is a step of its own that was not told by its change; the next one begins at it."""
        scans = [scan("T1", "Touch Scan", at, quality="A") for at in (0, 10, 20)] + [scan("T1", "Touch Scan", 40, quality="B")]
        seen = {"tag_id": "T1", "at": day(15), "grade": "A", "defects": []}
        found = fitting.past_of(assemble(sources(scans, until=80, inspections=[seen])), Clock().zone).frame

        assert found.select("from_grade", "to_grade", "days", "told").rows() == [(9, 9, 15.0, False), (9, 6, 25.0, True)]

    def test_what_came_later_is_not_learned(self) -> None:
        """Fitted up to a day, the model knows no look after it."""
        past = fitting.past_of(small(), Clock().zone)
        assert (fitting.fit(past, day(30)).basis["changes"], fitting.fit(past).basis["changes"]) == (1, 2)

    def test_wear_is_recovered_although_looks_are_rare(self) -> None:
        """Units that lose a grade in 20 turns on average, looked at rarely, with copies in between: the pace is found within a third.

        Copies taken for readings would make it many times too slow.
        """
        rng = np.random.default_rng(5)
        rows = []
        for unit in range(1500):
            grade = shown = 8
            begun = 0
            for turn in range(1, 60):
                grade = max(grade - int(rng.random() < 1 / 20), 0)
                if rng.random() < 0.01 and grade != shown:
                    rows.append((unit, shown, grade, turn - begun))
                    shown, begun = grade, turn
        unit_, before, after, turns = (np.array(column) for column in zip(*rows, strict=True))
        none = np.full(len(rows), -1, np.int32)
        steps = WearSteps(unit_.astype(np.int32), before, after, turns.astype(float), np.zeros(len(rows)), none, none,
                          np.zeros(len(rows), bool), told_by_change=np.ones(len(rows), bool))  # fmt: skip
        wear = fit_wear(steps)
        fall = 8 - 10 * project(wear, Standing(np.array([8]), np.array([-1]), np.array([1.0])), [20.0]).mean[0, 0]

        assert fall == pytest.approx(1.0, rel=0.33)


class TestBacktest:
    def test_scores_of_certain_forecasts(self) -> None:
        """Sure and right: no loss, and covered; sure and wrong by one grade: a tenth of one step squared, and not covered."""
        sure, seen = np.eye(11)[[5, 5]], np.array([5, 5])
        assert backtest._rps(sure, seen) == 0
        assert backtest._coverage(sure, seen) == pytest.approx(0.8)
        assert backtest._rps(sure, seen + 1) == pytest.approx(0.1)
        assert backtest._coverage(sure, seen + 1) == 0

    def test_coverage_of_a_true_forecast_is_what_it_promises(self) -> None:
        """Outcomes in the proportion of their chances are held by the 80 % interval 80 % of the time, although grades are whole."""
        chance = np.array([0, 0, 0, 0, 0, 0.1, 0.2, 0.4, 0.2, 0.1, 0])
        seen = np.repeat(np.arange(11), np.round(chance * 100).astype(int))
        assert backtest._coverage(np.tile(chance, (len(seen), 1)), seen) == pytest.approx(0.8, abs=1e-9)


class TestRates:
    def test_units_lie_between_their_own_and_their_class(self) -> None:
        """A unit's rate lies between its own record and its class's; one without any day has its class's; more days narrow it."""
        rng = np.random.default_rng(3)
        days = np.array([0.0, 10.0, 365.0, 3650.0, *np.full(60, 365.0)])
        events = rng.poisson(days * 0.05 * rng.gamma(4, 0.25, len(days))).astype(float)
        zero = np.zeros(len(days), int)
        found = pooled(events, days, zero, zero, 1, 1)
        whole = events.sum() / days.sum()
        own = np.divide(events, days, out=np.full(len(days), whole), where=days > 0)

        assert (found.mean >= np.minimum(own, whole) * 0.8).all()
        assert (found.mean <= np.maximum(own, whole) * 1.2).all()
        assert found.mean[0] == pytest.approx(whole, rel=0.2)
        assert found.cv[3] < found.cv[2] < found.cv[0]
        assert found.own_share[0] == 0 < found.own_share[1] < found.own_share[3] <= 1

    def test_nothing_ever_happened(self) -> None:
        """No events and no days give rates of 0, and no error."""
        zero = np.zeros(3)
        found = pooled(zero, zero, np.zeros(3, int), np.zeros(3, int), 2, 1)
        assert (found.mean == 0).all()
