"""Is the share of repairs that is written down found again from the money of all of them, and never made up?"""

from dataclasses import asdict, replace
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from handmade import made
from itemlife import OUT, REPAIR, TOUCH, scan, sources, tag
from learnedlife import LAST_DAY
from sqlalchemy import Integer, and_, cast, func, select

from rfid3_maintenance import costing, queries
from rfid3_maintenance.decisions.recorded_share import (
    Books,
    Recorded,
    _Likelihood,
    recorded_share,
    repairs_per_recorded,
    wear_of_all,
)
from rfid3_maintenance.item import Item, basis_of
from rfid3_maintenance.kinds import KINDS, WEAR
from rfid3_maintenance.ranking import chances
from rfid3_maintenance.recording import books_of, recording
from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.item_life.assemble import assemble
from rfid3_shared.item_life.rebuild import rebuild
from rfid3_shared.twin import truth, wear_truth

pytestmark = pytest.mark.xdist_group("learned maintenance")


def shop(share: float, seed: int, classes: int = 80) -> tuple[Books, float]:
    """A shop of four categories whose classes wear, cost and are written down at chance; and the share that really was."""
    rng = np.random.default_rng(seed)
    category = np.array(["Tents", "Tables", "Linen", "Machines"])[np.arange(classes) % 4]
    turns = rng.lognormal(4.0, 1.0, classes).round() + 1
    repairs = rng.poisson(turns * 0.02 * rng.gamma(4.0, 0.25, classes))
    noted, price = rng.binomial(repairs, share), rng.lognormal(5.0, 1.0, classes)
    ratio = np.array([0.08, 0.12, 0.1, 0.15])[np.arange(classes) % 4]
    usd = np.array([price[k] * ratio[k] * rng.lognormal(0.0, 0.5, repairs[k]).sum() for k in range(classes)])
    return Books(category, turns, noted.astype(float), usd, price), float(noted.sum() / repairs.sum())


class TestRecordedShare:
    @pytest.mark.parametrize("share", [0.1, 0.5])
    def test_the_share_is_found_again(self, share: float) -> None:
        """Over a few shops the middle is right to a quarter of itself, and most 80 % intervals hold what was truly written down."""
        told = [(recorded_share(books), real) for books, real in (shop(share, seed, classes=40) for seed in range(3))]

        held = [one.overall.lower <= real <= one.overall.upper for one, real in told if one.overall]
        assert len(held) == 3
        assert sum(held) >= 2  # fewer by chance in 10 of 100 honest runs; the seeds are set
        assert np.mean([one.overall.median / real for one, real in told if one.overall]) == pytest.approx(1.0, abs=0.25)

    def test_a_shop_that_writes_all_down_is_nearly_believed(self) -> None:
        """Where every class with money has as many repairs as its money says, decisions hardly move."""
        found = recorded_share(shop(1.0, 3, classes=50)[0])

        assert found.overall is not None
        assert found.overall.median > 0.9
        assert repairs_per_recorded(_words(found), sorted(found.categories))[:, 1].max() < 1.15

    def test_repairs_behind_the_money_are_counted_rightly(self) -> None:
        """The repairs estimated for all classes together are those that there were, nearly; never fewer than were written down."""
        books, real = shop(0.35, 5, classes=50)
        found = recorded_share(books)

        assert np.nansum(found.repairs) == pytest.approx(books.recorded.sum() / real, rel=0.2)
        assert (np.nan_to_num(found.repairs) >= books.recorded - 1e-6).all()

    def test_without_money_nothing_is_said(self) -> None:
        """No money, or repairs that the books do not know, tell no share: the answer says what is missing and nothing is corrected."""
        books, _ = shop(0.35, 1)
        none = recorded_share(Books(books.category, books.turns, books.recorded, np.zeros(80), books.price_usd))
        half = np.where(np.arange(80) % 2, books.usd, 0.0)
        other = recorded_share(Books(books.category, books.turns, books.recorded + 1, half, books.price_usd))

        assert "cost of repairs in the POS" in none.missing
        assert "cost of every repair" in other.missing
        assert repairs_per_recorded({"missing": none.missing}, ["Tents"]).tolist() == [[1.0, 1.0, 1.0]]

    def test_the_gradient_is_the_slope(self) -> None:
        """Fisher's identity against differences of the log-posterior itself."""
        books, _ = shop(0.5, 2, classes=12)
        group = np.arange(12) % 4
        likelihood = _Likelihood(group, 4, books.turns, books.recorded, books.usd / books.price_usd)
        at = np.random.default_rng(0).normal(0, 0.3, 17) + np.array([0.0, -2.0, -4.0, 1.0, -1.0, *[0.0] * 12])
        steps = np.eye(17) * 1e-5

        slope = [(likelihood.loss(at + step)[0] - likelihood.loss(at - step)[0]) / 2e-5 for step in steps]

        assert likelihood.loss(at)[1] == pytest.approx(np.array(slope), rel=1e-4, abs=1e-4)


def _words(found: Recorded) -> dict[str, object]:
    return {"categories": {name: asdict(one) for name, one in found.categories.items()}}


class TestTwin:
    async def test_a_company_whose_truth_is_known(self, settings: MaintenanceSettings) -> None:
        """From scans and the POS alone the interval holds the share of the year's true repairs that staff wrote down."""
        engine = db.open_engine(settings.source_dsn)
        async with db.transaction(engine) as connection:
            life, usd = await rebuild(connection, Clock()), await queries.class_repair_usd(connection)
        await engine.dispose()
        faults = wear_truth.true_faults.c
        opened = truth.open_truth(settings.home / "truth.db")
        async with db.transaction(opened) as connection:
            this_year = and_(faults.kind == "repair", faults.day >= LAST_DAY.replace(month=1, day=1))
            query = select(func.count(), func.sum(cast(faults.recorded, Integer))).where(this_year)
            repairs, noted = (await connection.execute(query)).one()
        await opened.dispose()

        found = recording(life, usd)
        books = books_of(life, usd, datetime(LAST_DAY.year, 1, 1))

        assert books["recorded"].sum() == noted
        assert found.told["all"]["lower"] <= noted / repairs <= found.told["all"]["upper"]
        assert found.told["repairs_recorded"] <= found.told["repairs_estimated"]

    def test_scans_that_begin_later_tell_nothing(self) -> None:
        """Money of the whole year cannot be held against scans of a part of it."""
        assert "scans from" in recording(assemble(sources([scan("T1", OUT, 0)])), {"61825": 10.0}).told["missing"]


class TestDecisions:
    def test_all_failures_count_where_the_share_is_known(self) -> None:
        """Half written down: twice the repairs, the same retirements; more is avoided, chances stay; and the basis says so."""
        plain = made(4, 4)
        told = {"all": {"median": 0.5, "lower": 0.4, "upper": 0.6}, "categories": {}, "rests_on": "money"}
        known = replace(plain, spec=replace(plain.spec, recorded=told))
        row = plain.row_of("TAG-T003")

        before, after = Item(plain, row), Item(known, row)

        expected = {kind: -np.log(plain.survival[row, KINDS.index(kind)].astype(float)) for kind in WEAR}
        wear = wear_of_all(after.survival[None], known.per_recorded(np.array([row])))
        assert -np.log(wear[0]) == pytest.approx(2 * expected["repair"] + expected["retirement"], rel=1e-5)
        assert after.chance(30) == before.chance(30)
        assert costing.moment_of(after).without_usd[0] > costing.moment_of(before).without_usd[0]
        widths = [one.avoided_upper_usd[0] - one.avoided_lower_usd[0] for one in map(costing.moment_of, (after, before))]
        assert widths[0] > widths[1]
        assert chances(known, 30.0, of_all=True)[row] > chances(known, 30.0)[row] == chances(plain, 30.0, of_all=True)[row]
        assert (basis_of(after)["recorded_share"]["median"], basis_of(before)["recorded_share"]["known"]) == (0.5, False)

    def test_one_a_recorded_changes_nothing(self) -> None:
        """With every repair written down, wear is the product of its kinds."""
        survival = np.random.default_rng(1).uniform(0.2, 1.0, (5, len(KINDS), 8))

        found = wear_of_all(survival, np.ones(5))

        assert found == pytest.approx(np.prod([survival[:, KINDS.index(kind)] for kind in WEAR], axis=0))


def test_frames_have_the_columns_they_name() -> None:
    """Every class of units for rent is in the books once, with what is unknown as NaN or 0."""
    life = assemble(sources([scan("T1", OUT, 0), scan("T1", TOUCH, 3, REPAIR)], [tag("T1"), tag("T2", rental_class="9")]))

    books = books_of(life, {"9": 4.0}, life.data_from)

    assert isinstance(books, pl.DataFrame)
    assert books.select("rental_class", "turns", "recorded", "usd").rows() == [("61825", 1.0, 1.0, 0.0), ("9", 0.0, 0.0, 4.0)]
