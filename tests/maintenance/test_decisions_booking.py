"""Do the parts of a booking's chance multiply to it, and do bookings in a row agree with one long one?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_maintenance.decisions.booking import survives_booking

CUTS = [7.0, 30.0, 90.0, 365.0]
curves = st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4).map(lambda v: np.sort(np.array(v))[::-1][None])
days = st.floats(0.0, 300.0)


class TestSurvivesBooking:
    @given(curves, days, days, st.floats(0.0, 1.0))
    def test_is_the_product_of_its_parts(self, curve: np.ndarray, leaves: float, out: float, ready: float) -> None:
        """Ready, whole until it leaves, whole while out: all three, each a chance."""
        found = survives_booking(curve, CUTS, np.array([leaves]), np.array([out]), np.array([ready]))

        assert found.chance[0] == pytest.approx(found.ready[0] * found.until_leaving[0] * found.while_out[0])
        assert all(0 <= one[0] <= 1 for one in (found.chance, found.ready, found.until_leaving, found.while_out))
        assert found.beyond_curve[0] == (leaves + out > 365)

    @given(curves, days, days, days)
    def test_bookings_in_a_row_agree_with_one_long_one(
        self, curve: np.ndarray, first: float, leaves: float, out: float
    ) -> None:
        """Surviving up to a day does not depend on how the days before are cut."""
        whole = survives_booking(curve, CUTS, np.array([first]), np.array([leaves + out]))
        parted = survives_booking(curve, CUTS, np.array([first + leaves]), np.array([out]))

        assert whole.chance[0] == pytest.approx(parted.chance[0])

    @given(curves, days, days, days)
    def test_longer_or_later_is_never_safer(self, curve: np.ndarray, leaves: float, out: float, more: float) -> None:
        """Chances fall with the days out and with the days until it leaves; no days out are survived."""
        leave, stay = np.array([leaves]), np.array([out])
        now = survives_booking(curve, CUTS, leave, stay).chance[0]

        assert survives_booking(curve, CUTS, leave + more, stay).chance[0] <= now + 1e-12
        assert survives_booking(curve, CUTS, leave, stay + more).chance[0] <= now + 1e-12
        assert survives_booking(curve, CUTS, leave, np.zeros(1)).while_out[0] == 1

    def test_reads_the_curve_on_its_cuts(self) -> None:
        """Leaving on day 7 for 23 days: S(30), which is S(7) times what is left."""
        found = survives_booking(np.array([[0.9, 0.6, 0.5, 0.2]]), CUTS, np.array([7.0]), np.array([23.0]), np.array([0.5]))

        assert found.until_leaving[0] == pytest.approx(0.9)
        assert found.while_out[0] == pytest.approx(0.6 / 0.9)
        assert found.chance[0] == pytest.approx(0.3)

    def test_refuses_a_booking_without_days(self) -> None:
        """No day is made up for a booking that does not say when it leaves."""
        with pytest.raises(ValueError, match="known"):
            survives_booking(np.ones((1, 4)), CUTS, np.array([np.nan]), np.array([1.0]))
