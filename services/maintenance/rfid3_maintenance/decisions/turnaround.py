"""How many days from its return until an item is Ready to Rent? By kind of visit and group, with the width of what is known.

Days are lognormal; each group (a class, a store) has a centre of its own, drawn towards its kind's (`turnaround_fit`). An answer for a
group never seen has the spread between groups in it; one for a kind never seen is the stated prior, and `basis` says so. Days are
calendar days: closed days are inside them, as they were in the visits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import NormalDist
from typing import Any, Literal

Basis = Literal["its group's visits", "its kind's visits", "stated prior"]
KINDS = ("wet", "wash", "inspect", "repair")


@dataclass(frozen=True)
class Prior:
    """What is believed of a kind before any visit: median days, and spreads of log days as standard deviations.

    visits: between visits of one group; groups: between groups; centre: how unsure the median is.
    """

    median_days: float
    visits: float = 0.7
    groups: float = 0.4
    centre: float = 0.6


PRIORS: Mapping[str, Prior] = {"wet": Prior(1.0), "wash": Prior(2.0), "inspect": Prior(1.0), "repair": Prior(5.0)}
"""Stated, not measured: a real export records no washing or repair times (a return sets Ready to Rent in the same second). Drying
and a look take a day, a laundry round two, a repair a working week; with these spreads 80 % of first answers lie between the median
divided by 3.6 and times 3.6."""


@dataclass(frozen=True)
class Group:
    """A group's centre (of log days), the variance of what is known about it, and its visits that say anything."""

    centre: float
    variance: float
    visits: int


@dataclass(frozen=True)
class Kind:
    """One kind's fit, log days. centre_variance: of the kind's centre; visits_sd: between visits; groups_sd: between groups.

    unrecorded: visits whose end was written at their beginning; unusable: those without usable times.
    """

    centre: float
    centre_variance: float
    visits_sd: float
    groups_sd: float
    visits: int = 0
    unrecorded: int = 0
    unusable: int = 0
    groups: Mapping[str, Group] = field(default_factory=dict)


@dataclass(frozen=True)
class Days:
    """Days still to go: quantiles at the levels asked for, and what they rest on."""

    quantiles_days: tuple[float, ...]
    basis: Basis
    visits: int


@dataclass(frozen=True)
class Turnaround:
    """What is known of each kind of visit; `Turnaround({})` is the stated prior alone."""

    kinds: Mapping[str, Kind]

    def days(
        self, kind: str, group: str | None = None, waited_days: float = 0.0, levels: Sequence[float] = (0.1, 0.5, 0.9)
    ) -> Days:
        """Days from now to Ready to Rent, of a visit that has lasted `waited_days`. Raises KeyError for a kind nobody knows."""
        centre, sd, basis, visits = self._law(kind, group)
        still = _beyond(waited_days, centre, sd)
        found = [
            math.exp(centre - sd * NormalDist().inv_cdf(max(still * (1 - level), 1e-300))) - max(waited_days, 0.0)
            for level in levels
        ]
        return Days(tuple(max(one, 0.0) for one in found), basis, visits)

    def chance_ready(self, kind: str, by_days: float, group: str | None = None, waited_days: float = 0.0) -> float:
        """Chance to be Ready to Rent within `by_days` from now. Raises KeyError for a kind nobody knows."""
        centre, sd, _, _ = self._law(kind, group)
        waited = max(waited_days, 0.0)
        return 1 - _beyond(waited + max(by_days, 0.0), centre, sd) / _beyond(waited, centre, sd)

    def _law(self, kind: str, group: str | None) -> tuple[float, float, Basis, int]:
        """Centre and standard deviation of log days for the next visit, what they rest on, and how many visits that are."""
        fit = self.kinds.get(kind) or of_prior(PRIORS[kind])
        own = fit.groups.get(group) if group is not None else None
        if own is not None:
            return own.centre, math.sqrt(fit.visits_sd**2 + own.variance), "its group's visits", own.visits
        wide = math.sqrt(fit.visits_sd**2 + fit.groups_sd**2 + fit.centre_variance)
        return fit.centre, wide, "its kind's visits" if fit.visits else "stated prior", fit.visits

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and words."""
        return {name: asdict(kind) for name, kind in self.kinds.items()}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> "Turnaround":
        """What `to_json` wrote."""
        return cls({
            name: Kind(**{**kind, "groups": {label: Group(**group) for label, group in kind["groups"].items()}})
            for name, kind in written.items()
        })  # fmt: skip


def of_prior(prior: Prior) -> Kind:
    """A kind without a visit."""
    return Kind(math.log(prior.median_days), prior.centre**2, prior.visits, prior.groups)


def _beyond(days: float, centre: float, sd: float) -> float:
    """Chance that a visit lasts longer."""
    if days <= 0:
        return 1.0
    return max(0.5 * math.erfc((math.log(days) - centre) / sd / math.sqrt(2)), 1e-300)
