"""Is the demand behind empty shelves what it truly was? Against the twin's truth, and the arithmetic against slow ways."""

import asyncio
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_demand import features, history, outcomes
from rfid3_demand.censoring.compound import GRID, tails, totals
from rfid3_demand.censoring.lumps import Contracts, cut_short, lump_sizes
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.ledger import Target
from rfid3_shared.twin import build, truth

MONDAYS = [date(2025, 1, 6) + timedelta(days=7 * k) for k in range(6)]
FRAME = {"rental_class": pl.String, "store": pl.String, "week": pl.Date, "units": pl.Float64}


def convolved(sizes: np.ndarray, rate: float, most: int) -> tuple[np.ndarray, np.ndarray]:
    """P(D = k) and E[contracts; D = k] by adding up the convolutions of every number of contracts."""
    chance, contracts = np.zeros(most + 1), np.zeros(most + 1)
    power, weight = np.eye(most + 1)[0], np.exp(-rate)
    for count in range(120):
        chance += weight * power
        contracts += count * weight * power
        power, weight = np.convolve(power, sizes)[: most + 1], weight * rate / (count + 1)
    return chance, contracts


class TestTotals:
    @pytest.mark.parametrize("grid_at", [5, 20, 28])
    def test_equal_the_sum_of_convolutions(self, grid_at: int) -> None:
        """Panjer's recursion gives the compound Poisson law."""
        sizes = np.array([0.0, 0.5, 0.2, 0.0, 0.3])

        assert np.allclose(totals(sizes, 40)[:, grid_at], convolved(sizes, GRID[grid_at], 40)[0], atol=1e-12)


class TestTails:
    @pytest.mark.parametrize("at_least", [0, 1, 3, 7])
    def test_equal_sums_over_the_whole_law(self, at_least: int) -> None:
        """Mean, variance and contracts given at least so many units, by adding up every total."""
        sizes, grid_at, most = np.array([0.0, 0.4, 0.3, 0.2, 0.1]), 24, 160
        chance, contracts = convolved(sizes, GRID[grid_at], most)
        units, beyond = np.arange(most + 1), chance[at_least:].sum()
        mean = (units * chance)[at_least:].sum() / beyond

        found = tails(sizes[None], np.array([0]), np.array([at_least]))
        log_ratio, excess, variance, arrivals = found.read(np.array([0]), np.array([GRID[grid_at]]))

        assert log_ratio[0] == pytest.approx(np.log(beyond / chance[at_least]), abs=1e-8)
        assert excess[0] == pytest.approx(mean - at_least, abs=1e-8)
        assert variance[0] == pytest.approx(((units - mean) ** 2 * chance)[at_least:].sum() / beyond, abs=1e-6)
        assert arrivals[0] == pytest.approx(contracts[at_least:].sum() / beyond, abs=1e-8)


class TestLumpSizes:
    def test_rows_are_distributions_without_zero_and_none_beyond_the_shelf(self) -> None:
        """Chances sum to 1; nobody takes nothing; nobody asks for far more than there ever was."""
        contracts = Contracts(np.array([0, 0, 1, 1, 1]), np.array([1, 2, 5, 9, 30]), np.arange(5))

        sizes = lump_sizes(contracts, np.zeros(5), np.array([0, 0]), np.array([3.0, 30.0]))

        assert np.allclose(sizes.sum(axis=1), 1)
        assert (sizes[:, 0] == 0).all()
        assert sizes[0, 5:].sum() == 0
        assert sizes[1, 41:].sum() == 0

    def test_recovers_what_shelves_cut_short(self) -> None:
        """Sizes drawn from a lognormal and cut at a full shelf of 12: their mean is found again, the cut one is far too low."""
        normal = np.sort(np.array([np.sin(k * 12.9898) * 43758.5453 % 1 for k in range(4000)]))
        drawn = np.ceil(np.exp(1.5 + 0.8 * np.sqrt(2) * _erf_inverse(2 * normal.clip(1e-4, 1 - 1e-4) - 1))).astype(int)
        shelf = 8
        got, emptied = np.minimum(drawn, shelf), (drawn >= shelf).astype(float)
        contracts = Contracts(np.zeros(4000, int), got, np.arange(4000))
        sizes = None
        for _ in range(8):
            sizes = lump_sizes(contracts, cut_short(contracts, emptied, sizes), np.array([0]), np.array([100.0]))

        assert sizes is not None
        mean = float(sizes[0] @ np.arange(sizes.shape[1]))
        assert mean == pytest.approx(drawn.mean(), rel=0.06)
        assert got.mean() < 0.88 * drawn.mean()


def _erf_inverse(y: np.ndarray) -> np.ndarray:
    from scipy.special import erfinv

    return np.asarray(erfinv(y))


refused_rows = st.lists(
    st.tuples(st.sampled_from("12"), st.sampled_from(MONDAYS), st.floats(0, 9, allow_nan=False)), max_size=12,
    unique_by=lambda row: row[:2],
)  # fmt: skip


class TestDemandUnits:
    @given(refused_rows)
    def test_whole_units_that_keep_each_series_total(self, rows: list[tuple[str, date, float]]) -> None:
        """Demand is never below what left, and a series' total is within half a unit of what was estimated."""
        left = pl.DataFrame([("1", "s", MONDAYS[0], 3)], schema={**FRAME, "units": pl.Int64}, orient="row")
        missed = pl.DataFrame([(name, "s", week, units) for name, week, units in rows], schema=FRAME, orient="row")

        asked = features.demand_units(left, missed, MONDAYS)

        assert asked["units"].dtype == pl.Int64
        for name, before in (("1", 3), ("2", 0)):
            total = sum(units for one, _, units in rows if one == name)
            assert abs(asked.filter(pl.col("rental_class") == name)["units"].sum() - before - total) <= 0.5 + 1e-9

    def test_the_week_in_progress_stays_as_observed(self) -> None:
        """Only complete weeks are completed."""
        missed = pl.DataFrame([("1", "s", MONDAYS[-1], 4.0)], schema=FRAME, orient="row")

        assert features.demand_units(missed.clear(), missed, MONDAYS[:-1]).is_empty()


class TestOutcomes:
    def test_a_censored_week_is_judged_by_what_was_asked_for(self) -> None:
        """10 left, 4 met an empty shelf: a forecast of 14 was right; the outcome says so and is counted as estimated."""
        left = pl.DataFrame([("1", "s", week, 10) for week in MONDAYS], schema={**FRAME, "units": pl.Int64}, orient="row")
        missed = pl.DataFrame([("1", "s", MONDAYS[2], 4.2)], schema=FRAME, orient="row")
        mapping = pl.DataFrame(schema=dict.fromkeys(("rental_class", "category", "subcategory"), pl.String))
        targets = [Target("1", "", "all", week) for week in MONDAYS]

        asked = outcomes.of_targets(features.demand_units(left, missed, MONDAYS), mapping, MONDAYS, targets)

        assert [one.actual_value for one in asked] == [10, 10, 14, 10, 10, 10]
        assert outcomes.estimated(asked, outcomes.of_targets(left, mapping, MONDAYS, targets)) == 1


@pytest.fixture(scope="module")
def scarce(tmp_path_factory: pytest.TempPathFactory) -> tuple[history.History, pl.DataFrame]:
    """A small company of whose requests a fifth is blocked, and its truth by class, store and day."""
    return asyncio.run(_founded(tmp_path_factory.mktemp("scarce")))


async def _founded(folder: Path) -> tuple[history.History, pl.DataFrame]:
    engine = db.open_engine(f"sqlite:///{folder / 'source.db'}")
    await build.create(engine, folder / "truth.db", items=1000, months=17, seed=5, end=date(2026, 9, 30), blocked_ratio=0.2)
    past = await history.read(engine, Clock(), 1095)
    await engine.dispose()
    known = truth.open_truth(folder / "truth.db")
    async with db.transaction(known) as connection:
        d, c = truth.true_demand.c, truth.true_classes.c
        rows = await connection.execute(
            truth.true_demand.join(truth.true_classes, c.rental_class_num == d.rental_class_num)
            .select().with_only_columns(d.rental_class_num, d.store_id, d.date, d.demand_units, d.served_units)
            .where(c.scanned)
        )  # fmt: skip
        frame = pl.DataFrame(
            [tuple(row) for row in rows], schema=["rental_class", "store", "date", "demand", "served"], orient="row"
        )
    await known.dispose()
    return past, frame


@pytest.mark.xdist_group("scarce")
class TestTwin:
    def test_estimated_demand_is_within_five_percent(self, scarce: tuple[history.History, pl.DataFrame]) -> None:
        """A fifth of what was asked for met an empty shelf; served and estimated together are what was asked for."""
        past, true = scarce
        asked, served = int(true["demand"].sum()), int(true["served"].sum())

        assert 0.15 < 1 - served / asked < 0.25
        assert abs((served + past.refused["units"].sum()) / asked - 1) <= 0.05

    def test_months_are_right_too(self, scarce: tuple[history.History, pl.DataFrame]) -> None:
        """Not only the total: the half years' biases are small, where the observed ones are about a fifth too low.

        What was lost, or stays in the shop, without RFID3 knowing yet hides an empty shelf: the last months come out lowest.
        """
        past, true = scarce
        cuts = [date(2025, 4, 1), date(2025, 8, 1), date(2026, 5, 1), date(2026, 10, 1)]
        for begin, end in pairwise(cuts):
            part = true.filter(pl.col("date").is_between(begin, end - timedelta(days=1)))
            found = past.refused.filter(pl.col("week").is_between(begin, end - timedelta(days=1)))["units"].sum()
            assert abs((part["served"].sum() + found) / part["demand"].sum() - 1) <= 0.10

    def test_nothing_is_negative_and_errors_are_told(self, scarce: tuple[history.History, pl.DataFrame]) -> None:
        """Refused units, their errors and the shares of emptiness are sane numbers."""
        past, _ = scarce

        assert (past.refused["units"] >= 0).all()
        assert (past.refused["error"] >= 0).all()
        assert past.refused["empty"].is_between(0, 1 + 1e-6).all()
        assert past.refused.select("rental_class", "store", "week").is_unique().all()
