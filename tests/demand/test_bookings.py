"""Is what stood on contracts rebuilt as it was known then, and does it make the next weeks' forecast better?"""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import factories
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from rfid3_demand import bookings, fitting, history, publication
from rfid3_demand.history import History
from rfid3_demand.model import booking_curve, pickup
from rfid3_demand.schemas import RetrainRequest
from rfid3_demand.settings import DemandSettings
from rfid3_shared import db
from rfid3_shared.clock import Clock, FixedClock
from rfid3_shared.source import tables
from rfid3_shared.twin import build as twin

MONDAY = date(2025, 1, 6)
WEEKS = [MONDAY + timedelta(days=7 * k) for k in range(10)]
SUNDAY = WEEKS[-1] + timedelta(days=6)
HORIZON = 6
LABELS = pl.DataFrame({"rental_class": ["1", "2"], "store": ["3607", "3607"]})
SCHEMA = {
    "rental_class": pl.String, "store": pl.String, "leaves": pl.Date, "written": pl.Date, "closed": pl.Date,
    "cancelled": pl.Boolean, "reserved": pl.Boolean, "units": pl.Int64,
}  # fmt: skip
contracts = st.lists(
    st.tuples(st.sampled_from(["1", "2"]), st.integers(0, 7 * 15), st.integers(0, 60), st.integers(1, 9)), max_size=25
)


def frame(content: list[tuple[str, int, int, int]]) -> pl.DataFrame:
    """Contracts from (class, day of leaving, days written before, units), and one still to leave."""
    rows = [
        (name, "3607", MONDAY + timedelta(days=day), MONDAY + timedelta(days=day - lead), None, False, False, units)
        for name, day, lead, units in [*content, ("1", 7 * 11, 20, 5)]
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


class TestOfPanel:
    @given(contracts, st.integers(0, 3))
    def test_counts_what_was_written_by_then(self, content: list, begun_days: int) -> None:
        """Every lead of every week equals a plain count of the contracts written by the evening that lies so far before it."""
        as_of = SUNDAY + timedelta(days=begun_days)

        held = bookings.of_panel(frame(content), LABELS, WEEKS, as_of, HORIZON)

        assert held is not None
        ahead_of = [(WEEKS[-1] + timedelta(days=7 * (k + 1)) - as_of) for k in range(HORIZON)]
        for row, name in enumerate(["1", "2"]):
            for t, week in enumerate(WEEKS):
                for k in range(HORIZON):
                    expected = sum(
                        units for cls, day, lead, units in [*content, ("1", 77, 20, 5)]
                        if cls == name and week <= MONDAY + timedelta(days=day) < week + timedelta(days=7)
                        and MONDAY + timedelta(days=day - lead) <= min(week - ahead_of[k], as_of)
                    )  # fmt: skip
                    assert held.past[row, t, k] == expected

    @given(contracts)
    def test_nothing_booked_exceeds_what_left_when_nothing_is_cancelled(self, content: list) -> None:
        """Booked units grow towards the final ones and never pass them."""
        held = bookings.of_panel(frame(content), LABELS, WEEKS, SUNDAY, HORIZON)

        final = np.zeros((2, len(WEEKS)))
        for name, day, _, units in content:
            if day < 7 * len(WEEKS):
                final[int(name) - 1, day // 7] += units
        assert held is not None
        assert (held.past <= final[:, :, None]).all()
        assert (np.diff(held.past, axis=2) <= 0).all()

    @given(contracts, contracts)
    def test_what_is_written_later_changes_nothing(self, content: list, later: list) -> None:
        """Contracts written after the data's last day leave no trace, whatever they are for."""
        known = frame(content)
        unknown = frame(later).with_columns(written=SUNDAY + pl.duration(days=1))

        one, other = (bookings.of_panel(rows, LABELS, WEEKS, SUNDAY, HORIZON) for rows in (known, pl.concat([known, unknown])))

        assert one is not None
        assert other is not None
        assert np.array_equal(one.past, other.past)
        assert np.array_equal(one.ahead, other.ahead)

    def test_no_future_date_means_no_bookings(self) -> None:
        """Where no contract is still to leave there is nothing to join."""
        past_only = frame([]).with_columns(leaves=pl.lit(SUNDAY), written=pl.lit(MONDAY))

        assert bookings.of_panel(past_only, LABELS, WEEKS, SUNDAY, HORIZON) is None

    def test_a_cancelled_contract_counts_until_its_last_day(self) -> None:
        """With a day of closing it stood on the books until then; without one it is counted as lost."""
        dated = ("1", "3607", WEEKS[8], MONDAY, WEEKS[7] - timedelta(days=1), True, False, 4)
        undated = ("2", "3607", WEEKS[8], MONDAY, None, True, False, 4)
        rows = pl.concat([frame([("1", 7 * 7, 30, 8)]), pl.DataFrame([dated, undated], schema=SCHEMA, orient="row")])

        held = bookings.of_panel(rows, LABELS, WEEKS, SUNDAY, HORIZON)

        assert held is not None
        assert held.past[0, 8].tolist() == [0, 0, 4, 4, 4, 4]  # closed on the Sunday two leads before
        assert held.past[1, 8].tolist() == [0] * 6
        assert (held.lost_share, held.undated_share) == (0.5, 0.25)

    def test_nobody_knew_of_a_later_cancellation(self) -> None:
        """A contract that was cancelled after the data's last day still stands on it."""
        row = ("1", "3607", WEEKS[9] + timedelta(days=8), MONDAY, SUNDAY + timedelta(days=3), True, False, 4)

        held = bookings.of_panel(pl.DataFrame([row], schema=SCHEMA, orient="row"), LABELS, WEEKS, SUNDAY, HORIZON)

        assert held is not None
        assert held.ahead[0].tolist() == [4, 0, 0, 0, 0, 0]


class TestCurve:
    def test_a_long_record_speaks_for_itself_and_a_short_one_for_its_relatives(self) -> None:
        """Shares of large nodes are their own; those of small ones are their category's; none rises with the lead."""
        booked = np.array([[8000.0, 4000.0], [0.5, 0.0], [6000.0, 1000.0]])
        final = np.array([[10000.0] * 2, [1.0] * 2, [10000.0] * 2])

        share = booking_curve.curve(booked, final, np.array([0, 0, 1]), np.array([booked.sum(axis=0), final.sum(axis=0)]))

        assert share[0] == pytest.approx([0.8, 0.4], abs=0.01)
        assert share[1] == pytest.approx([0.8, 0.4], abs=0.02)
        assert share[2] == pytest.approx([0.6, 0.1], abs=0.01)
        assert (np.diff(share, axis=1) <= 0).all()


class TestExpected:
    @given(st.floats(0, 500), st.floats(0, 1), st.floats(0, 500), st.sampled_from(pickup.CERTAINTIES))
    def test_never_below_what_is_booked(self, booked: float, share: float, model: float, certainty: float) -> None:
        """What is on contracts leaves, whatever the model says."""
        said = pickup.expected(np.array(booked), np.array(share), np.array(model), certainty)

        assert said >= booked

    def test_lies_between_additive_and_multiplicative_pickup(self) -> None:
        """A sure model adds its own remainder; an unsure one scales up what is booked (Talluri & van Ryzin 2004)."""
        booked, share, model = np.array(30.0), np.array(0.5), np.array(40.0)

        assert pickup.expected(booked, share, model, 1e9) == pytest.approx(30 + 0.5 * 40)
        assert pickup.expected(booked, share, model, 1e-9) == pytest.approx(30 / 0.5)


class TestLearn:
    def test_believes_bookings_as_far_as_they_helped(self) -> None:
        """Where bookings tell the outcome they get the weight; where they are noise the model keeps it."""
        rng = np.random.default_rng(5)
        nodes, origins, steps = 60, 6, 3
        outcomes = rng.poisson(20, (nodes, origins, steps)).astype(float)
        model = np.full_like(outcomes, 20.0)
        half = rng.binomial(outcomes.astype(int), 0.9).astype(float)
        noise = rng.poisson(18, outcomes.shape).astype(float)
        share = np.full_like(outcomes, 0.9)

        def trust(past: np.ndarray) -> pickup.Trust:
            held = pickup.OnHand(past, share, past[:, 0], share[:, 0], np.zeros((nodes, steps)), 0)
            return pickup.learn(held, outcomes, model, np.zeros(nodes, dtype=int))

        assert trust(half).weight.min() > 0.8
        assert trust(noise).weight.max() < 0.4


class TestOnHand:
    def test_shares_at_an_origin_know_only_weeks_before_it(self) -> None:
        """Shift everything from the origin on: booked units and shares at the origin stay."""
        rng = np.random.default_rng(3)
        y = rng.poisson(9.0, (2, 40)).astype(float)
        past = rng.poisson(4.0, (2, 40, 3)).astype(np.float32)
        summing = csr_matrix(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))

        def at_origin(y: np.ndarray, past: np.ndarray) -> pickup.OnHand:
            held = booking_curve.Bookings(past, np.zeros((2, 5)))
            return pickup.on_hand(held, summing, np.asarray(summing @ y), None, [30], 3)

        moved, booked_later = y.copy(), past.copy()
        moved[:, 30:] += 50
        booked_later[:, 33:] += 50
        one, other = at_origin(y, past), at_origin(moved, booked_later)

        assert np.array_equal(one.past_share, other.past_share)
        assert np.array_equal(one.past, other.past)


@lru_cache(maxsize=1)
def company(folder: Path) -> History:
    """A demo company of a year and a half whose last day is in its season."""

    async def live() -> History:
        engine = db.open_engine(f"sqlite:///{folder / 'shop.db'}")
        await twin.create(engine, folder / "truth.db", items=400, months=18, seed=4, end=date(2026, 6, 30))
        try:
            return await history.read(engine, Clock(), 1095)
        finally:
            await engine.dispose()

    return asyncio.run(live())


def cut(past: History, last: date) -> History:
    """What was known on the evening of `last`, bookings included."""
    return replace(
        past, span=replace(past.span, last=last), units=past.units.filter(pl.col("week") <= last - timedelta(days=6)),
        external=past.external.filter(pl.col("date") <= last), contracts=past.contracts.filter(pl.col("day") <= last),
    )  # fmt: skip


@pytest.mark.xdist_group("bookings_twin")
class TestWithTheTwin:
    def test_bookings_make_the_next_weeks_better(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """The error of the next four weeks' total falls against the company's truth; no quantile lies below what is booked."""
        whole = company(tmp_path_factory.getbasetemp())
        settings, wanted = DemandSettings(demand_horizon_weeks=8), RetrainRequest(model_types=["statistical"])
        errors: dict[bool, float] = {True: 0.0, False: 0.0}
        for last in (date(2026, 5, 31),):
            weeks = [last + timedelta(days=1 + 7 * k) for k in range(4)]
            by_week = dict(whole.units.group_by("week").agg(pl.col("units").sum()).iter_rows())
            truth = np.array([by_week.get(week, 0) for week in weeks], float)
            for used in errors:
                past = cut(whole, last)
                past = past if used else replace(past, booked=past.booked.clear())
                trained = fitting.fit(past, settings, wanted, Silent())
                made = publication.snapshot_of(trained, settings, "0" * 32)
                row = next(k for k, node in enumerate(trained.nodes) if node.level == node.store == "all")
                errors[used] += float(np.abs(truth - made.means[0, row, :4]).sum())
                if used:
                    assert (made.quantiles[0].min(axis=2) >= made.booked - 1e-3).all()
                    assert (made.means[0] >= made.booked - 1e-3).all()
                    bottom = made.means[0, : len(trained.bottom.ids)]
                    assert np.allclose(trained.tree.summing @ bottom, made.means[0], rtol=1e-4, atol=1e-2)
                    assert made.spec.notes["bookings"] == "joined by lead time"
                else:
                    assert np.isnan(made.booked).all()
        assert errors[True] < 0.8 * errors[False]

    def test_the_week_in_progress_holds_what_is_booked(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """Units that left and units still on contracts are a floor, and causes with them still add up to the forecast."""
        whole = company(tmp_path_factory.getbasetemp())  # ends on a Tuesday
        settings, wanted = DemandSettings(demand_horizon_weeks=4), RetrainRequest(model_types=["average"])

        trained = fitting.fit(whole, settings, wanted, Silent())
        made = publication.snapshot_of(trained, settings, "0" * 32)

        assert trained.forecast.learned is not None
        assert [one["kind"] for one in made.spec.diagnosis] == list(trained.forecast.learned.kinds)
        begun = made.spec.week_in_progress
        assert begun is not None
        assert (made.means[0, :, 0] >= made.booked[:, 0] - 1e-3).all()
        parts = made.contributions[:, :, 0].sum(axis=0) + np.array(begun["units"])
        assert np.allclose(parts, made.means[0, :, 0], atol=1e-2)


async def read_booked(dsn: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A shop with one contract ahead, one cancelled, one quoted: bookings and contracts as read."""
    engine = db.open_engine(dsn)
    await factories.steady_shop(engine, 12)
    columns = ("contract_no", "store_no", "contract_date", "promised_delivery_date", "close_date", "status")
    rows = [
        ("900", "1.0", "2025-03-20 10:00:00", "2025-04-15 10:00:00", None, "Reservation"),
        ("901", "3.0", "2025-02-15 10:00:00", "2025-03-11 10:00:00", "2025-03-01 10:00:00", "Cancelled"),
        ("902", "3.0", "2025-03-15 10:00:00", "2025-04-20 10:00:00", None, "Quote"),
        ("903", "003", "2025-02-15 10:00:00", "2025-02-20 10:00:00", "2025-02-27 10:00:00", "Closed"),
    ]
    await factories.insert(engine, tables.pos_contracts, columns, rows)
    lines = [(no, 1, "61825", 4) for no, *_ in rows] + [("903", 2, "7", 3)]
    await factories.insert(engine, tables.pos_lines, ("contract_no", "line_number", "item_num", "qty"), lines)
    try:
        past = await history.read(engine, FixedClock(datetime(2025, 9, 1, 12, tzinfo=UTC)), 1095)
    finally:
        await engine.dispose()
    return past.booked, past.contracts


def check_booked(booked: pl.DataFrame, contracts: pl.DataFrame) -> None:
    found = booked.sort("leaves", "rental_class").select(
        "rental_class", "store", "leaves", "closed", "cancelled", "reserved", "units"
    )
    assert found.rows() == [
        ("61825", "8101", date(2025, 2, 20), date(2025, 2, 27), False, False, 4),
        ("7", "8101", date(2025, 2, 20), date(2025, 2, 27), False, False, 3),
        ("61825", "8101", date(2025, 3, 11), date(2025, 3, 1), True, False, 4),
        ("61825", "3607", date(2025, 4, 15), None, False, True, 4),
    ]
    assert contracts.filter(pl.col("contract") == "903").rows() == [("903", "8101", date(2025, 2, 20), 7, 2)]
    # a scanned contract: what left on it, in the store where the POS keeps its class
    assert contracts.filter(pl.col("contract") == "C00061839").select("store", "units", "classes").rows() == [("8101", 6, 1)]
    assert contracts.height == 12 * 3 + 1


class TestReading:
    async def test_bookings_and_contracts_on_sqlite(self, store_dsn: str) -> None:
        """Contracts with what they promise; quotes bind nobody."""
        check_booked(*await read_booked(store_dsn))

    @pytest.mark.mariadb
    async def test_bookings_and_contracts_on_mariadb(self, mysql_dsn: str) -> None:
        """The same on MariaDB."""
        check_booked(*await read_booked(mysql_dsn))
