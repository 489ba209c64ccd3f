"""Is what is answered with the present taken in what must follow from it? Against slow ways, the snapshot itself and its own sums."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from demandlife import Silent
from hypothesis import given, settings
from hypothesis import strategies as st

from rfid3_demand import fitting, history, predict, publication
from rfid3_demand.nodes import Node
from rfid3_demand.present.state import Known, Present
from rfid3_demand.present.week import first_week, share_ahead
from rfid3_demand.schemas import ForecastQuery, RetrainRequest
from rfid3_demand.served import BEYOND, NOT_TOLD, OLDER, Served
from rfid3_demand.settings import DemandSettings
from rfid3_demand.snapshot import Snapshot
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.errors import InsufficientData
from rfid3_shared.twin import build as twin

WEEKS = 4
TUESDAY = date(2026, 6, 30)
"""The company's last day."""


@lru_cache(maxsize=1)
def company(folder: Path) -> tuple[fitting.Trained, Snapshot]:
    """A demo company that books ahead, and what training said of it in the middle of a week of its season."""

    async def live() -> history.History:
        engine = db.open_engine(f"sqlite:///{folder / 'served.db'}")
        await twin.create(engine, folder / "served_truth.db", items=300, months=14, seed=4, end=TUESDAY)
        try:
            return await history.read(engine, Clock(), 1095)
        finally:
            await engine.dispose()

    wanted, own = RetrainRequest(model_types=["average"]), DemandSettings(demand_horizon_weeks=8)
    trained = fitting.fit(asyncio.run(live()), own, wanted, Silent())
    return trained, publication.snapshot_of(trained, own, "0" * 32)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[fitting.Trained, Snapshot]:
    return company(tmp_path_factory.getbasetemp())


def known(moment: datetime, rows: Any, **values: Any) -> Known:
    """A present of class-in-store series; what is not named is nothing and nobody knows of it."""
    count = len(rows)
    arrays = {"so_far": np.zeros(count), **{name: np.full(count, np.nan) for name in ("in_service", "unavailable", "booked")}}
    arrays |= {name: np.asarray(value, float) for name, value in values.items()}
    present = Present(moment=moment, as_of=datetime(2026, 7, 1, tzinfo=UTC), seq=7, rows=np.asarray(rows), **arrays)
    return Known("FRESH", present, {"state": "FRESH"})


def as_trained(trained: fitting.Trained, snapshot: Snapshot, moment: datetime) -> Known:
    """The present that training saw, from what it read."""
    keys, count = list(trained.labels.select("rental_class", "store").iter_rows()), len(snapshot.spec.bottom)
    left = {(a, b): n for a, b, n in trained.past.units.filter(pl.col("week") == snapshot.spec.first_week)
                .select("rental_class", "store", "units").iter_rows()}  # fmt: skip
    fleet = {
        (a, b): (n, busy)
        for a, b, n, busy in trained.past.fleet.select("rental_class", "store", "units", "unavailable").iter_rows()
    }
    assert trained.bottom.bookings is not None
    return known(
        moment, range(count), so_far=[left.get(key, 0) for key in keys], in_service=[fleet.get(key, (np.nan, 0))[0] for key in keys],
        unavailable=[fleet.get(key, (0, np.nan))[1] for key in keys], booked=trained.bottom.bookings.ahead[:, 0],
    )  # fmt: skip


def end_of(day: date) -> datetime:
    return datetime.combine(day, datetime.max.time()).replace(microsecond=0)


class TestWeek:
    @pytest.mark.parametrize(
        ("moment", "monday", "begun"),
        [
            ("2026-06-29T00:00:00", "2026-06-29", True), ("2026-07-05T23:59:58", "2026-06-29", True),
            ("2026-07-05T23:59:59", "2026-07-06", False), ("2026-07-05T23:59:59.900", "2026-07-06", False),
        ],
    )  # fmt: skip
    def test_a_week_is_over_in_its_last_second(self, moment: str, monday: str, begun: bool) -> None:
        """A day that is over ends at 23:59:59, so on a Sunday the next week is the first to come."""
        assert first_week(datetime.fromisoformat(moment)) == (date.fromisoformat(monday), begun)

    @given(second=st.integers(0, 7 * 86_400 - 1), later=st.integers(0, 7 * 86_400 - 1))
    def test_the_share_ahead_falls_from_all_to_nothing(self, second: int, later: int) -> None:
        """It is the area under the week's hours after the moment: summed hour by hour it is the same."""
        days, hours = [0.1, 0.2, 0.05, 0.15, 0.3, 0.2, 0.0], [0.0] * 8 + [0.1] * 10 + [0.0] * 6
        monday = datetime(2026, 6, 29)
        one, other = (share_ahead(monday + timedelta(seconds=s), days, hours) for s in sorted((second, later)))

        slow = 0.0
        for at in range(168):
            ahead = min(max((at + 1) * 3600 - min(second, later), 0), 3600) / 3600
            slow += days[at // 24] * hours[at % 24] * ahead
        assert one == pytest.approx(slow, abs=1e-9)
        assert 1 + 1e-12 >= one >= other >= -1e-12

    def test_a_day_that_is_over_brings_nothing_more(self) -> None:
        """What training takes for the share ahead on its last day: the days after it."""
        days, hours = [1 / 7] * 7, [1 / 24] * 24

        assert share_ahead(end_of(TUESDAY), days, hours) == pytest.approx(5 / 7, abs=1e-15)


@pytest.mark.xdist_group("served_twin")
class TestAsTrainingSawIt:
    @pytest.mark.parametrize("query", [{}, {"model_type": "average"}, {"include_external_factors": False}])
    def test_the_same_present_gives_the_same_answer(
        self, made: tuple[fitting.Trained, Snapshot], query: dict[str, Any]
    ) -> None:
        """Every number of every node is the snapshot's own, to the rounding of stored numbers."""
        trained, snapshot = made
        own, live = Served(snapshot), Served(snapshot, as_trained(trained, snapshot, end_of(TUESDAY)))
        assert live.known is not None
        assert live.known.state == "FRESH"
        assert live.offset == 0
        every = np.arange(len(snapshot.spec.nodes))
        asked, variant = ForecastQuery(weeks=WEEKS, **query), predict.variant_of(snapshot, query.get("model_type", "ensemble"))

        for name, one, other in [
            ("mean", own.mean(variant, every, WEEKS), live.mean(variant, every, WEEKS)),
            ("quantiles", own.quantiles(variant, every, WEEKS), live.quantiles(variant, every, WEEKS)),
            ("booked", own.booked(every, WEEKS), live.booked(every, WEEKS)), ("fleet", own.fleet(every), live.fleet(every)),
            ("at_hand", own.at_hand(every, WEEKS), live.at_hand(every, WEEKS)),
            ("stockout", own.stockout(every, WEEKS), live.stockout(every, WEEKS)),
            ("causes", own.contributions(every, WEEKS), live.contributions(every, WEEKS)),
            ("dollars", own.revenue(every, WEEKS), live.revenue(every, WEEKS)),
        ]:  # fmt: skip
            assert np.allclose(one, other, rtol=2e-4, atol=2e-3, equal_nan=True), name
        for row in every.tolist():
            mine, theirs = own.in_progress(row), live.in_progress(row)
            assert mine is not None
            assert theirs is not None
            assert mine == pytest.approx(theirs, abs=1e-4)
        said, again = (predict.forecast(one, asked) for one in (own, live))
        assert [week["week_starting"] for week in said["predictions"]] == [
            week["week_starting"] for week in again["predictions"]
        ]
        assert [week["predicted_demand"] for week in said["predictions"]] == pytest.approx(
            [week["predicted_demand"] for week in again["predictions"]], rel=1e-4
        )

    def test_the_shelf_of_a_week_in_progress_counts_what_left_once(self, made: tuple[fitting.Trained, Snapshot]) -> None:
        """The chance that the week's demand exceeds what can leave is that of what is still ahead exceeding what is still there."""
        trained, snapshot = made
        live = Served(snapshot, as_trained(trained, snapshot, end_of(TUESDAY)))
        bottoms = np.arange(len(snapshot.spec.bottom))
        taken = live.taken
        assert taken is not None
        # five days are left of the week: of the units that are back within seven, five sevenths
        still_out = 1.0 - (1.0 - snapshot.spec.staying[1]) * 5 / 7
        still = np.maximum(taken.in_service - taken.unavailable * still_out, 0.0)

        assert np.allclose(live.at_hand(bottoms, 1)[:, 0], still + taken.so_far, equal_nan=True)
        levels = np.array(snapshot.spec.levels)
        ladder, chance = live.quantiles(snapshot.ensemble, bottoms, 1)[:, 0], live.stockout(bottoms, 1)[:, 0]
        for at in np.flatnonzero(np.isfinite(chance) & np.isfinite(still)).tolist():
            # brute force: the chance read off the distribution of what is still ahead
            ahead = ladder[at] - taken.so_far[at]
            below = [levels[k] for k in range(len(levels)) if ahead[k] <= still[at] + 1e-6]
            above = [levels[k] for k in range(len(levels)) if ahead[k] > still[at] - 1e-6]
            assert 1 - (above[0] if above else 1.0) - 1e-6 <= chance[at] <= 1 - (below[-1] if below else 0.0) + 1e-6


def presents(series: int) -> st.SearchStrategy[dict[str, Any]]:
    """Random presents of all series: whatever was counted, wherever tags and contracts are known."""
    units = st.integers(0, 60).map(float)
    some = st.one_of(st.just(np.nan), units)
    return st.fixed_dictionaries({
        "second": st.integers(0, 7 * 86_400 - 1), "week": st.integers(0, 3),
        **{name: st.lists(units if name == "so_far" else some, min_size=series, max_size=series)
           for name in ("so_far", "in_service", "unavailable", "booked")},
    })  # fmt: skip


@pytest.mark.xdist_group("served_twin")
class TestWhatMustHold:
    @settings(max_examples=40)
    @given(data=st.data())
    def test_everything_adds_up_and_nothing_crosses(self, made: tuple[fitting.Trained, Snapshot], data: st.DataObject) -> None:
        """Series below a node sum to it, causes with what has left sum to the mean, quantiles ascend, and what has left is certain."""
        trained, snapshot = made
        count = len(snapshot.spec.bottom)
        drawn = data.draw(presents(count))
        moment = datetime.combine(snapshot.spec.first_week, datetime.min.time())
        moment += timedelta(weeks=drawn.pop("week"), seconds=drawn.pop("second"))
        live = Served(snapshot, known(moment, range(count), **drawn))
        every, bottoms = np.arange(len(snapshot.spec.nodes)), np.arange(count)
        assert live.taken is not None

        for variant in range(len(snapshot.spec.variants)):
            mean, quantiles = live.mean(variant, every, WEEKS), live.quantiles(variant, every, WEEKS)
            assert np.allclose(trained.tree.summing @ mean[:count], mean, rtol=1e-3, atol=2e-2)
            assert (np.diff(quantiles, axis=2) >= -1e-6).all()
            if live.taken.begun:
                least = trained.tree.summing @ np.array(drawn["so_far"])
                assert (mean[:, 0] >= least - 1e-9).all()
                assert (quantiles[:, 0].min(axis=1) >= least - 1e-9).all()
                floor = np.floor(np.nan_to_num(drawn["booked"]) * (1 - snapshot.spec.lost_share) + 1e-9)
                assert (mean[:, 0] >= trained.tree.summing @ floor - 1e-3).all()
        said = live.contributions(every, WEEKS).sum(axis=0) + live.least(every, WEEKS)
        assert np.allclose(said, live.mean(snapshot.ensemble, every, WEEKS), rtol=1e-3, atol=2e-2)
        units, chance = live.at_hand(every, WEEKS), live.stockout(every, WEEKS)
        assert np.allclose(trained.tree.summing @ np.nan_to_num(units[:count]), np.nan_to_num(units), rtol=1e-6, atol=1e-6)
        assert np.isnan(units[bottoms]).all(axis=1).tolist() == np.isnan(drawn["in_service"]).tolist()
        assert (np.nan_to_num(chance) >= 0).all()
        assert (np.nan_to_num(chance) <= 1).all()
        assert np.allclose(live.fleet(every), trained.tree.summing @ np.nan_to_num(drawn["in_service"]))

    @settings(max_examples=25)
    @given(data=st.data())
    def test_more_units_left_never_lower_the_week(self, made: tuple[fitting.Trained, Snapshot], data: st.DataObject) -> None:
        """Of two presents that differ in what has left, that with more gives no node less."""
        _, snapshot = made
        count = len(snapshot.spec.bottom)
        drawn = data.draw(presents(count))
        more = data.draw(st.lists(st.integers(0, 20), min_size=count, max_size=count))
        moment = datetime.combine(snapshot.spec.first_week, datetime.min.time())
        moment += timedelta(weeks=drawn.pop("week"), seconds=drawn.pop("second") // 2)
        one = Served(snapshot, known(moment, range(count), **drawn))
        other = Served(snapshot, known(moment, range(count), **{**drawn, "so_far": np.array(drawn["so_far"]) + more}))
        every = np.arange(len(snapshot.spec.nodes))

        assert (other.mean(0, every, 1) >= one.mean(0, every, 1) - 1e-9).all()
        assert (other.quantiles(0, every, 1) >= one.quantiles(0, every, 1) - 1e-9).all()

    @settings(max_examples=10)
    @given(data=st.data())
    def test_a_node_needs_to_know_only_what_is_below_it(
        self, made: tuple[fitting.Trained, Snapshot], data: st.DataObject
    ) -> None:
        """The present of a node's own classes, in any order, gives what that of the whole shop gives, digest included."""
        _, snapshot = made
        count = len(snapshot.spec.bottom)
        drawn = data.draw(presents(count))
        row = data.draw(st.integers(0, len(snapshot.spec.nodes) - 1))
        moment = datetime.combine(snapshot.spec.first_week, datetime.min.time()) + timedelta(seconds=drawn.pop("second"))
        drawn.pop("week")
        whole = Served(snapshot, known(moment, range(count), **drawn))
        classes = {snapshot.spec.bottom[at]["class"] for at in snapshot.members[row]}
        below = [at for at in range(count) if snapshot.spec.bottom[at]["class"] in classes]
        below = data.draw(st.permutations(below))
        part = Served(snapshot, known(moment, below, **{name: np.array(values)[below] for name, values in drawn.items()}))
        variant, asked = snapshot.ensemble, ForecastQuery(weeks=1)

        assert part.covers(row)
        assert part.features_digest(row) == whole.features_digest(row)
        assert predict.weeks_of(part, variant, row, asked) == predict.weeks_of(whole, variant, row, asked)

    @pytest.mark.parametrize("name", ["so_far", "in_service", "unavailable", "booked"])
    def test_every_value_below_a_node_names_its_inputs(self, made: tuple[fitting.Trained, Snapshot], name: str) -> None:
        """One unit more of anything, or a later moment, is another input; what lies beside the node is none of its."""
        _, snapshot = made
        count, moment = len(snapshot.spec.bottom), end_of(TUESDAY)
        usual = {each: np.full(count, 5.0) for each in ("so_far", "in_service", "unavailable", "booked")}
        other = {**usual, name: usual[name] + (np.arange(count) == 0)}
        one, two = (Served(snapshot, known(moment, range(count), **values)) for values in (usual, other))
        later = Served(snapshot, known(moment + timedelta(hours=1), range(count), **usual))
        above = [row for row, below in enumerate(snapshot.members) if 0 in below]

        for row in range(len(snapshot.spec.nodes)):
            assert (one.features_digest(row) != two.features_digest(row)) is (row in above)
            assert one.features_digest(row) != later.features_digest(row)
        assert len({one.digest, two.digest, later.digest}) == 3

    def test_what_was_not_taken_in_cannot_be_asked_for(self, made: tuple[fitting.Trained, Snapshot]) -> None:
        """To answer of a node whose series are not all known would be to count what nobody knows as nothing."""
        _, snapshot = made
        live = Served(snapshot, known(end_of(TUESDAY), [0]))
        everything = snapshot.rows[Node("all", "all", "all")]

        assert live.covers(0)
        assert not live.covers(everything)
        with pytest.raises(ValueError, match="not taken in"):
            live.mean(0, np.array([everything]), 1)


@pytest.mark.xdist_group("served_twin")
class TestWeeksThatHavePassed:
    def test_answers_begin_with_the_moments_week(self, made: tuple[fitting.Trained, Snapshot]) -> None:
        """Two weeks after the model's first one its third is the first, split like the first was, and two fewer are supported."""
        _, snapshot = made
        count = len(snapshot.spec.bottom)
        moment = datetime.combine(snapshot.spec.first_week + timedelta(days=16), datetime.min.time())
        live = Served(snapshot, known(moment, range(count), so_far=np.full(count, 3.0)))
        rows = np.array([0])
        share = 1 - sum(snapshot.spec.weekday_shares[:2])

        assert live.weeks[0] == snapshot.spec.first_week + timedelta(days=14)
        assert len(live.weeks) == 6
        assert live.mean(0, rows, 3)[0, 0] == pytest.approx(3 + share * float(snapshot.means[0, 0, 2]), rel=1e-6)
        assert live.mean(0, rows, 3)[0, 1:] == pytest.approx(snapshot.means[0, 0, 3:5], rel=1e-6)
        assert live.supported(rows)[0] == snapshot.spec.max_horizon_weeks[0] - 2
        with pytest.raises(InsufficientData, match="2 that have passed"):
            predict.forecast(live, ForecastQuery(weeks=8))

    def test_a_week_that_is_over_is_not_begun_again(self, made: tuple[fitting.Trained, Snapshot]) -> None:
        """In a Sunday's last second nothing of the coming week has left, whatever has left in the one that ends."""
        _, snapshot = made
        count = len(snapshot.spec.bottom)
        live = Served(
            snapshot, known(end_of(snapshot.spec.first_week + timedelta(days=6)), range(count), so_far=np.full(count, 9.0))
        )
        every = np.arange(len(snapshot.spec.nodes))

        assert live.offset == 1
        assert live.in_progress(0) is None
        assert np.allclose(live.mean(0, every, 2), snapshot.means[0, :, 1:3])
        assert "observed_so_far" not in predict.forecast(live, ForecastQuery(weeks=1))["predictions"][0]

    @pytest.mark.parametrize(("days", "state", "why"), [(-1, "STALE", OLDER), (8 * 7 + 1, "MISSING", BEYOND)])
    def test_a_present_outside_the_forecast_is_not_used(
        self, made: tuple[fitting.Trained, Snapshot], days: int, state: str, why: str
    ) -> None:
        """Older than the model's data, or after its last week: the snapshot answers alone and says why."""
        _, snapshot = made
        moment = datetime.combine(snapshot.spec.first_week + timedelta(days=days), datetime.min.time())
        live = Served(snapshot, known(moment, range(len(snapshot.spec.bottom))))

        assert live.known is not None
        assert live.known.told == {"state": state, "why": why}
        assert live.input_features == {"state": state}
        assert predict.forecast(live, ForecastQuery()) == predict.forecast(Served(snapshot), ForecastQuery())
        assert live.features_digest(0) == snapshot.features_digest(0)

    def test_an_older_snapshot_answers_without_the_present(self, made: tuple[fitting.Trained, Snapshot]) -> None:
        """Versions that kept no whole first week go on answering as they did."""
        _, snapshot = made
        older = replace(snapshot, whole_means=None, whole_quantiles=None)
        live = Served(older, known(end_of(TUESDAY), range(len(snapshot.spec.bottom))))

        assert live.known is not None
        assert (live.known.state, live.known.told["why"]) == ("MISSING", NOT_TOLD)
        assert predict.forecast(live, ForecastQuery()) == predict.forecast(Served(older), ForecastQuery())
