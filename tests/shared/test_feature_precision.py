"""Is a value the same number wherever it is computed, served or kept?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_shared.feature_store.precision import as_kept


class TestAsKept:
    @given(st.floats(-999_999_999, 999_999_999))
    def test_rounds_once_and_for_all(self, value: float) -> None:
        """At most half a millionth away, and the same number when it is rounded again or written in decimals."""
        kept = as_kept(value)

        assert kept is not None
        assert abs(kept - value) <= 0.5000001e-6 + 1e-7 * (abs(value) > 1e8)
        assert as_kept(kept) == kept == float(f"{kept:.6f}")

    @pytest.mark.parametrize("nothing", [None, math.nan, np.nan, np.float64("nan")])
    def test_what_nobody_knows_is_none(self, nothing: float | None) -> None:
        """NaN is the arrays' word for it."""
        assert as_kept(nothing) is None

    @pytest.mark.parametrize("value", [-0.0, -1e-9, np.float64(-0.0)])
    def test_there_is_no_minus_nought(self, value: float) -> None:
        """A table has none, so nothing else has: bytes would differ."""
        assert repr(as_kept(value)) == "0.0"

    @pytest.mark.parametrize("value", [math.inf, -math.inf, 1e9, -1e9])
    def test_refuses_what_the_table_has_no_room_for(self, value: float) -> None:
        """It would come back as another number."""
        with pytest.raises(ValueError, match="number below"):
            as_kept(value)

    def test_numpy_is_left_at_the_door(self) -> None:
        """What is kept is Python's float: JSON and drivers know it."""
        assert type(as_kept(np.float32(0.5))) is float
        assert type(as_kept(np.int64(3))) is float
