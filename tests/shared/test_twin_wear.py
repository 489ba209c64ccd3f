"""Do the twin's units wear, fail, stay in the shop and get lost as their stated law says?"""

import zlib
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_shared.twin.catalogue import KINDS
from rfid3_shared.twin.demand import Demand
from rfid3_shared.twin.hazards import mean_drop, turn_probability
from rfid3_shared.twin.materials import (
    FAULTS,
    MATERIAL_OF_CATEGORY,
    MATERIALS,
    USUAL_AGE_YEARS,
    USUAL_CONDITION,
    USUAL_OUT_DAYS,
    VISITS,
)
from rfid3_shared.twin.simulate import DayRecord, step
from rfid3_shared.twin.state import State, fresh_state
from rfid3_shared.twin.wear import LOSS, RETIREMENT
from rfid3_shared.twin.world import TwinSpec, World, build_world

START, DAYS = date(2025, 1, 1), 365
USUAL: dict[str, float] = {
    "condition": USUAL_CONDITION, "frailty": 1.0, "age_days": USUAL_AGE_YEARS * 365.25, "turns_since_service": 0.0,
    "days_out": USUAL_OUT_DAYS, "rain_in": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    """A company of 4,000 tags."""
    return build_world(TwinSpec(seed=5, items=4000, start=START))


@pytest.fixture(scope="module")
def lived(world: World) -> tuple[list[DayRecord], State]:
    """One year of its life, and how it stands then."""
    demand, state = Demand(world, DAYS), fresh_state(world)
    return [step(demand, state) for _ in range(DAYS)], state


def chances(material: int, **changed: float) -> np.ndarray:
    """Probability of each fault of one unit in the usual state, but for what is named."""
    state = {name: np.array([changed.get(name, value)]) for name, value in USUAL.items()}
    return turn_probability(np.array([material]), **state)[0]  # type: ignore[no-any-return]


class TestTurnProbability:
    @pytest.mark.parametrize("material", range(len(MATERIALS)))
    def test_in_the_usual_state_it_is_what_the_table_says(self, material: int) -> None:
        """Competing rates: any fault has 1 − exp(−sum), shared as the rates are."""
        rates = np.array([getattr(MATERIALS[material], fault).per_turn for fault in FAULTS])

        assert chances(material) == pytest.approx((1 - np.exp(-rates.sum())) * rates / rates.sum())

    @given(
        material=st.integers(0, len(MATERIALS) - 1), condition=st.floats(0, 10), frailty=st.floats(0.3, 4),
        age_days=st.floats(0, 6000), turns_since_service=st.floats(0, 60), days_out=st.floats(1, 60), rain_in=st.floats(0, 6),
    )  # fmt: skip
    def test_is_a_probability_and_grows_with_wear(self, material: int, **state: float) -> None:
        """At most one fault can come of a turn; a worse or frailer unit has no smaller chance of any."""
        chance = chances(material, **state)

        assert (chance >= 0).all()
        assert chance.sum() < 1 + 1e-12
        for worse in ({"condition": state["condition"] * 0.8}, {"frailty": state["frailty"] * 1.2}):
            assert chances(material, **{**state, **worse}).sum() >= chance.sum() - 1e-12

    def test_every_category_has_a_material(self) -> None:
        """A kind added to the catalogue needs a material."""
        assert {kind.category for kind in KINDS} == set(MATERIAL_OF_CATEGORY)


class TestFaults:
    def test_come_as_often_as_their_true_probability(self, lived: tuple[list[DayRecord], State]) -> None:
        """By kind, and for units at small, middling and great risk, counts lie within three standard errors of the sum."""
        turns = [record.wear.turns for record in lived[0]]
        probability, outcome = np.concatenate([t.probability for t in turns]), np.concatenate([t.outcome for t in turns])

        for kind in range(len(FAULTS)):
            chance, happened = probability[:, kind], outcome == kind
            edges = np.quantile(chance[chance > 0], [0, 1 / 3, 2 / 3])
            for risk in range(3):
                among = (chance > 0) & (np.searchsorted(edges, chance, side="right") - 1 == risk)
                expected, spread = chance[among].sum(), np.sqrt((chance * (1 - chance))[among].sum())
                assert abs(happened[among].sum() - expected) < 3 * spread, (FAULTS[kind], risk)

    def test_a_turn_takes_off_what_the_law_says(self, world: World, lived: tuple[list[DayRecord], State]) -> None:
        """Replayed turn by turn, units that were never repaired lost their mean drops and their shelf days, give or take."""
        records, state = lived
        count, rain = len(world.tags.pool), Demand(world, DAYS).rain_before
        left, home = np.zeros(count, np.int64), np.zeros(count, np.int64)
        expected, variance, repaired = np.zeros(count), np.zeros(count), np.zeros(count, bool)
        for record in records:
            tag, material = record.wear.turns.tag, world.tags.material[record.wear.turns.tag]
            drop = mean_drop(
                material, frailty=world.tags.frailty[tag], age_days=world.tags.age_days[tag] + record.day,
                days_out=record.day - left[tag], rain_in=rain[record.day] - rain[left[tag]],
            )  # fmt: skip
            expected[tag] += drop + np.array([m.drop_per_day for m in MATERIALS])[material] * (left[tag] - home[tag])
            variance[tag] += drop**2 * np.expm1(np.array([m.drop_spread for m in MATERIALS])[material] ** 2)
            home[tag], left[record.allocation.tag] = record.day, record.day
            repaired[record.wear.visits["tag"][record.wear.visits["kind"] == VISITS.index("repair")]] = True
        among = world.tags.wears & ~repaired & (state.wear.turns > 0) & (world.tags.first_condition > 3)
        fell = (world.tags.first_condition - state.wear.condition)[among]

        assert among.sum() > 1000
        assert abs((fell - expected[among]).sum()) < 3 * np.sqrt(variance[among].sum())


class TestConservation:
    def test_what_is_gone_never_leaves_again(self, world: World, lived: tuple[list[DayRecord], State]) -> None:
        """A lost or retired unit is in no later allocation, return or scan (but the one that writes a retired unit off)."""
        gone = np.zeros(len(world.tags.pool), np.int64)
        for record in lived[0]:
            turns, seen = record.wear.turns, record.scans["tag"][record.scans["tag"] >= 0]
            assert not gone[record.allocation.tag].any()
            assert not gone[record.returned].any()
            assert not (gone[seen] == LOSS).any()
            gone[turns.tag[turns.outcome == LOSS]] = LOSS
            gone[turns.tag[turns.outcome == RETIREMENT]] = RETIREMENT

        assert (gone == LOSS).any()
        assert (gone == RETIREMENT).any()
        assert ((gone > 0) == (lived[1].wear.gone > 0)).all()


class TestVisits:
    def test_a_unit_in_the_shop_does_not_leave(self, world: World, lived: tuple[list[DayRecord], State]) -> None:
        """Stays in the shop begin at home and are over before the next rental, and never overlap one another."""
        ready, out = np.zeros(len(world.tags.pool), np.int64), np.zeros(len(world.tags.pool), bool)
        for record in lived[0]:
            assert (ready[record.allocation.tag] <= record.day).all()
            out[record.allocation.tag] = True
            out[record.returned] = False
            visits = record.wear.visits
            assert not out[visits["tag"]].any()
            assert (ready[visits["tag"]] <= record.day).all()
            assert len(np.unique(visits["tag"])) == len(visits["tag"])
            assert (visits["ready_day"] > record.day).all()
            ready[visits["tag"]] = visits["ready_day"]


class TestDemand:
    def test_is_what_it_was_before_units_wore(self) -> None:
        """What customers ask for depends on the seed alone: the figures are those of the version before."""
        demand = Demand(build_world(TwinSpec(3, 500, date(2025, 4, 1))), 120)

        asked = [demand.requests_on(day) for day in range(90)]

        lines = np.concatenate([np.concatenate([each.contract, each.pool, each.units]) for each in asked]).astype("<i8")
        assert (sum(int(each.units.sum()) for each in asked), zlib.crc32(lines.tobytes())) == (1233, 781429564)
