"""What is said without events is the stated prior, moved by time and events as Bayes says."""

import numpy as np
import pytest
from scipy import stats

from rfid3_maintenance.model import Landmarks, NothingToLearn, Prior, default_prior, fit_hazard
from rfid3_maintenance.model.prior import STATED_PER_YEAR, gamma_quantile


def fleet(count: int, days: float, events: int = 0) -> Landmarks:
    """Units seen for `days` each, the first `events` of which failed at the end."""
    return Landmarks(
        np.zeros((count, 1), np.float32), ("x",), np.full(count, -1, np.int32), np.arange(count, dtype=np.int32),
        np.full(count, np.nan), np.full(count, days), np.arange(count) < events,
    )  # fmt: skip


class TestPrior:
    @pytest.mark.parametrize("shape", [0.5, 1.0, 3.7, 250.0])
    @pytest.mark.parametrize("level", [0.001, 0.1, 0.5, 0.9, 0.999])
    def test_quantiles_are_the_gamma_distributions(self, shape: float, level: float) -> None:
        """Our own inversion equals scipy's, so that serving needs no scipy."""
        assert gamma_quantile(level, shape) == pytest.approx(stats.gamma.ppf(level, shape), rel=1e-9)

    @pytest.mark.parametrize("kind", sorted(STATED_PER_YEAR))
    def test_is_named_with_its_width(self, kind: str) -> None:
        """Every kind's belief says that it is stated, how large and how wide."""
        words = default_prior(kind).words()

        assert words["stated"] is True
        assert words["lower_per_unit_year"] < words["per_unit_year"] < words["upper_per_unit_year"]

    def test_of_an_unknown_kind_is_refused(self) -> None:
        """Nothing is assumed of a kind nobody spoke of."""
        with pytest.raises(KeyError):
            default_prior("theft")


class TestFit:
    def test_without_events_rests_on_the_prior(self) -> None:
        """No event in 200 unit-years: chance and band are the Gamma posterior's, by scipy."""
        found = fit_hazard(fleet(200, 365.25), [30.0, 365.25], prior=Prior("repair", 1.0, 5.0))
        x, none = np.zeros((2, 1), np.float32), np.full(2, -1)

        belief = stats.gamma(1.0, scale=1.0 / 205.0)
        assert found.basis["form"] == "prior"
        assert found.basis["prior"]["per_unit_year"] == pytest.approx(0.2)
        assert 1.0 - found.survival(x, none)[0, 1] == pytest.approx(belief.expect(lambda rate: 1.0 - np.exp(-rate)), rel=1e-6)
        lower, upper = found.band(x, none)
        assert (lower[0, 1], upper[0, 1]) == pytest.approx(tuple(1.0 - np.exp(-belief.ppf([0.1, 0.9]))))
        assert not found.contributions(x, none).any()

    def test_moves_with_the_evidence(self) -> None:
        """One event moves the belief, a hundred bury it."""
        believed = Prior("repair", 1.0, 5.0)

        few, many = (fit_hazard(fleet(n, 365.25, n // 2), [365.25], prior=believed, form="prior") for n in (2, 200))

        assert few.basis["posterior"]["per_unit_year"] == pytest.approx(2.0 / 7.0)
        assert many.basis["posterior"]["per_unit_year"] == pytest.approx(101.0 / 205.0)

    def test_of_nothing_says_so(self) -> None:
        """No row, no event and no prior: nothing can be said."""
        with pytest.raises(NothingToLearn):
            fit_hazard(fleet(0, 1.0), [30.0])

    def test_of_no_rows_is_the_prior_itself(self) -> None:
        """With a prior alone its own rate is told, in its own width."""
        found = fit_hazard(fleet(0, 1.0), [30.0], prior=default_prior("loss"))

        assert found.basis["posterior"]["per_unit_year"] == pytest.approx(STATED_PER_YEAR["loss"])
