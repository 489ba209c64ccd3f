"""The season is not taken for wear: services are timed in busy days and told in calendar days."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rfid3_maintenance.decisions.busy_time import busy_days, calendar_days, even_days, in_busy_days
from rfid3_maintenance.decisions.costs import EMERGENCY_RATIO, Costs
from rfid3_maintenance.decisions.doubts import Known
from rfid3_maintenance.decisions.service_moment import avoided_by_day_usd, best_moment
from rfid3_maintenance.kinds import KINDS
from rfid3_maintenance.timing import avoided_on_days, best_in_season

CUTS = (7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 270.0, 365.0, 540.0, 730.0)
PACES = st.lists(st.floats(0.05, 4.0), min_size=len(CUTS), max_size=len(CUTS))


def costs(rows: int) -> Costs:
    return Costs(*(np.full(rows, value) for value in (10.0, 200.0, 3.0, 5.0, 0.4)), origin={})


def sure(wear: np.ndarray, renewed: np.ndarray) -> Known:
    """Items whose repairs alone wear them, of which everything is known for sure."""
    every = [
        np.repeat(curve[:, None], len(KINDS), axis=1) ** (np.array(KINDS) == "repair")[:, None] for curve in (wear, renewed)
    ]
    return Known(*every, np.ones((len(wear), 2)), np.ones((len(wear), 3)), {})


def passed(paces: list[float]) -> np.ndarray:
    """Busy days passed at each cut, one row."""
    return np.cumsum(np.array(paces) * np.diff([0.0, *CUTS]))[None, :]


def weibull(days: np.ndarray, shape: float = 2.0, scale: float = 300.0) -> np.ndarray:
    return np.exp(-((days / scale) ** shape))


@given(PACES)
def test_there_and_back(paces: list[float]) -> None:
    """A calendar day whose busy days are counted, and the day by which as many have passed, are the same day."""
    even = even_days(passed(paces), CUTS)
    days = np.minimum(np.array([3.0, 25.0, 100.0]), even[0, -1])

    counted = busy_days(days, even, CUTS)[0]

    assert np.allclose(calendar_days(counted, np.repeat(even, 3, axis=0), CUTS), days, atol=1e-6)


@given(PACES)
def test_a_season_alone_pays_for_no_service(paces: list[float]) -> None:
    """An item whose hazard per busy day is constant gains nothing by a service, however the year is shaped."""
    curve = np.exp(-0.004 * passed(paces))
    even = even_days(passed(paces), CUTS)

    found = best_in_season(sure(curve, curve), CUTS, costs(1), even)

    assert found.advice[0] != "service"
    assert found.avoided_usd[0] == 0


def test_taken_in_calendar_days_it_would_pay() -> None:
    """The mistake this guards against: a winter before a summer looks like wear to the calendar."""
    paces = [0.05] * 5 + [2.0, 2.0, 0.5, 1.0, 1.0]
    curve = np.exp(-0.01 * passed(paces))

    assert best_moment(curve, curve, CUTS, costs(1)).advice[0] == "service"


@given(st.floats(0.2, 3.0))
def test_an_even_year_changes_nothing(pace: float) -> None:
    """Where every day counts one, moments and the crew's input are those of the calendar."""
    wear, renewed = (
        weibull(np.array(CUTS) + 100 * pace)[None, :] / weibull(np.array([100 * pace])),
        weibull(np.array(CUTS))[None, :],
    )
    even = even_days(np.array(CUTS)[None, :], CUTS)

    found, plain = best_in_season(sure(wear, renewed), CUTS, costs(1), even), best_moment(wear, renewed, CUTS, costs(1))

    assert np.allclose(found.day_days, plain.day_days, equal_nan=True)
    assert np.allclose([found.avoided_lower_usd, found.avoided_upper_usd], plain.avoided_usd)
    assert np.allclose(found.avoided_usd, plain.avoided_usd)
    by_day = avoided_on_days(wear, renewed, CUTS, costs(1), 14, even)
    assert np.allclose(by_day, avoided_by_day_usd(wear, renewed, CUTS, costs(1), 14))


@given(PACES)
def test_curves_in_busy_days_stay_curves(paces: list[float]) -> None:
    """Chances to get beyond a cut never rise with it, and stay between 0 and 1."""
    even = even_days(passed(paces), CUTS)

    curve = in_busy_days(weibull(np.array(CUTS))[None, :], even, CUTS)[0]

    assert (np.diff(curve) <= 1e-12).all()
    assert ((curve >= 0) & (curve <= 1)).all()


YEAR = 365.0
RATES = st.floats(0.5, 2.0)


def steady(repairs: float, retirements: float, left: dict[str, float], **doubt: object) -> Known:
    """Items that fail so often a year whatever their age, of whose hazards a service leaves so much."""
    shares = {"repair": repairs, "cleaning": 0.5, "retirement": retirements, "loss": 0.02}
    now = np.stack([np.exp(-shares[kind] * np.array(CUTS)[None] / YEAR) for kind in KINDS], axis=1)
    after = np.stack([now[:, at] ** left.get(kind, 1.0) for at, kind in enumerate(KINDS)], axis=1)
    known = {"proportion": np.ones((1, 2)), "per_recorded": np.ones((1, 3)), "services": {}}
    return Known(now, after, **(known | doubt))  # type: ignore[arg-type]


class TestInDoubt:
    """Hazards that do not rise: no service is ever due again, and dollars are a product that can be written down."""

    EVEN = even_days(np.array(CUTS)[None, :], CUTS)
    BREAKDOWN_USD = 200.0 * (1 + EMERGENCY_RATIO) + 3 * 5 * 0.4

    @given(RATES, st.floats(0.3, 1.0), st.floats(1.0, 2.0))
    def test_of_the_chances(self, repairs: float, least: float, most: float) -> None:
        """Dollars before the service's price go with the expected failures."""
        known = steady(repairs, 0.2, {"repair": 0.3, "retirement": 0.3}, proportion=np.array([[least, most]]))

        found = best_in_season(known, CUTS, costs(1), self.EVEN)

        gross = self.BREAKDOWN_USD * (repairs + 0.2) * 0.7
        ends = [found.avoided_lower_usd[0], found.avoided_usd[0], found.avoided_upper_usd[0]]
        assert np.allclose(ends, gross * np.array([least, 1.0, most]) - 10.0)

    @given(RATES)
    def test_of_the_recorded_share(self, repairs: float) -> None:
        """Only repairs are written down in part."""
        known = steady(repairs, 0.2, {"repair": 0.3, "retirement": 0.3}, per_recorded=np.array([[1.5, 2.0, 4.0]]))

        found = best_in_season(known, CUTS, costs(1), self.EVEN)

        ends = [found.avoided_lower_usd[0], found.avoided_usd[0], found.avoided_upper_usd[0]]
        assert np.allclose(ends, self.BREAKDOWN_USD * 0.7 * (np.array([1.5, 2.0, 4.0]) * repairs + 0.2) - 10.0)

    @given(RATES, st.floats(0.05, 0.9))
    def test_of_what_a_service_takes_off(self, repairs: float, left: float) -> None:
        """A service leaves exp(−rise × turns) of the hazard: half and twice the rise leave its root and its square. One end below nothing
        counts as nothing; several doubts add as squares do."""
        rise = {"rise": 0.4, "rise_lower": 0.2, "rise_upper": 0.8}
        never = {"rise": 0.4, "rise_lower": -0.1, "rise_upper": 0.8}
        both = {"repair": left, "retirement": left}

        half = best_in_season(steady(repairs, 2.0, both, services={"repair": rise}), CUTS, costs(1), self.EVEN)
        none = best_in_season(steady(repairs, 2.0, both, services={"repair": never}), CUTS, costs(1), self.EVEN)
        two = best_in_season(
            steady(repairs, 2.0, both, services={"repair": rise}, proportion=np.array([[0.5, 2.0]])), CUTS, costs(1), self.EVEN
        )

        gross = self.BREAKDOWN_USD * (repairs + 2.0) * (1 - left)
        less, more = (self.BREAKDOWN_USD * repairs * (left**power - left) for power in (0.5, 2.0))
        ends = [half.avoided_lower_usd[0], half.avoided_usd[0], half.avoided_upper_usd[0]]
        assert np.allclose(ends, np.array([gross - less, gross, gross - more]) - 10.0)
        assert np.isclose(none.avoided_lower_usd[0], gross - 10.0 - self.BREAKDOWN_USD * repairs * (1 - left))
        assert np.isclose(two.avoided_lower_usd[0], gross - 10.0 - np.hypot(less, gross / 2))
        assert np.isclose(two.avoided_upper_usd[0], gross - 10.0 + np.hypot(more, gross))

    @given(PACES, st.floats(0.1, 3.0), st.floats(0.2, 1.0), st.floats(1.0, 3.0))
    def test_holds_the_middle_and_says_nothing_where_nothing_pays(
        self, paces: list[float], repairs: float, least: float, most: float
    ) -> None:
        """In any season the interval is around what is avoided; of an item that no service pays for it is nothing as well."""
        doubt = {
            "proportion": np.array([[least, most]]),
            "services": {"repair": {"rise": 0.4, "rise_lower": 0.1, "rise_upper": 0.7}},
        }
        known = steady(repairs, 0.2, {"repair": 0.6}, **doubt)

        found = best_in_season(known, CUTS, costs(1), even_days(passed(paces), CUTS))

        assert found.avoided_lower_usd[0] <= found.avoided_usd[0] <= found.avoided_upper_usd[0]
        if found.advice[0] != "service":
            assert found.avoided_lower_usd[0] == found.avoided_upper_usd[0] == 0
