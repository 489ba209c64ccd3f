"""What can be said of an outside factor and demand: a correlation with its doubts, or that too little is known? Pure."""

from dataclasses import dataclass

SIGNIFICANT_Q = 0.05
"""False discoveries that are taken into account among what is called significant."""
NEEDED_WEEKS = 26
"""Weeks that a factor and demand must have together before anything is said of them."""
METRIC_WORDS = {"units": "units rented", "contracts": "contracts", "revenue": "revenue"}


@dataclass(frozen=True)
class Correlation:
    """What one factor has to do with one metric so many weeks later."""

    factor_type: str
    factor_name: str
    metric: str
    """units | contracts | revenue."""
    lag_weeks: int
    """Weeks by which demand follows the factor."""
    effect: float
    """Correlation of the two series without season, pre-whitened; from -1 to 1."""
    lower: float
    upper: float
    """Bounds of its 95 % interval (one pair by itself, not corrected for the many tried)."""
    p_value: float
    q_value: float
    """Benjamini and Yekutieli's, over everything that was tried."""
    overlap_weeks: int

    @property
    def significant(self) -> bool:
        """Whether it stands out from the many that were tried."""
        return self.q_value <= SIGNIFICANT_Q

    @property
    def sentence(self) -> str:
        """The same in plain words."""
        when = "in the same week" if not self.lag_weeks else f"{self.lag_weeks} week{'s' * (self.lag_weeks > 1)} later"
        way = "higher" if self.effect > 0 else "lower"
        metric = METRIC_WORDS.get(self.metric, self.metric)
        interval = f"95 % interval {self.lower:+.2f} to {self.upper:+.2f}"
        share = f"q {self.q_value:.3f}" if self.q_value >= 0.001 else "q below 0.001"
        facts = f"r {self.effect:+.2f}, {interval}, {self.overlap_weeks} weeks, {share}"
        if not self.significant:
            return f"No link shown between {self.factor_name} and {metric} {when} ({facts})."
        return f"Weeks with more {self.factor_name} than usual had {way} {metric} than usual {when} ({facts})."


@dataclass(frozen=True)
class NotEnough:
    """A factor of which too few weeks lie beside known demand."""

    factor: str
    overlap_weeks: int
    needed_weeks: int = NEEDED_WEEKS

    @property
    def sentence(self) -> str:
        """The same in plain words."""
        return f"{self.factor}: not enough overlap: {self.overlap_weeks} weeks, needed {self.needed_weeks}."
