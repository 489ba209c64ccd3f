"""The season is not taken for wear: services are timed in busy days and told in calendar days."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rfid3_maintenance.decisions.busy_time import busy_days, calendar_days, even_days, in_busy_days
from rfid3_maintenance.decisions.costs import Costs
from rfid3_maintenance.decisions.service_moment import avoided_by_day_usd, best_moment
from rfid3_maintenance.timing import avoided_on_days, best_in_season

CUTS = (7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 270.0, 365.0, 540.0, 730.0)
PACES = st.lists(st.floats(0.05, 4.0), min_size=len(CUTS), max_size=len(CUTS))


def costs(rows: int) -> Costs:
    return Costs(*(np.full(rows, value) for value in (10.0, 200.0, 3.0, 5.0, 0.4)), origin={})


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

    found = best_in_season(curve, curve, CUTS, costs(1), even)

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

    found, plain = best_in_season(wear, renewed, CUTS, costs(1), even), best_moment(wear, renewed, CUTS, costs(1))

    assert np.allclose(found.day_days, plain.day_days, equal_nan=True)
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
