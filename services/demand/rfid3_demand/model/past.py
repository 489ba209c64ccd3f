"""What does every method look at? The known part of each node's series at one origin, with and without its season."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rfid3_demand.model import count_types, intermittent, seasonal, window_regression, yearly_shape
from rfid3_demand.model.panel import observations
from rfid3_demand.model.tree_features import TreeData

INTERMITTENT_FROM = 1.32
LONGEST_FILTER = 1500
"""Filters look at this many recent steps: older ones no longer move the level."""


@dataclass(frozen=True)
class Past:
    """Columns < `cut` of the nodes' series, and what follows from them once for all methods."""

    data: TreeData
    cut: int
    horizon: int

    @cached_property
    def y(self) -> np.ndarray:
        """(nodes, T') the LONGEST_FILTER last known steps; NaN before a series began."""
        return self.data.y[:, max(0, self.cut - LONGEST_FILTER) : self.cut]

    def rows(self, at: slice) -> Past:
        """The same of some nodes only; what was pooled over all of them goes along."""
        part = Past(self.data.rows(at), self.cut, self.horizon)
        part.__dict__["profile"] = self.profile[at]
        if self.data.seasons[:1] != self.data.seasons:
            part.__dict__["short_profile"] = self.short_profile[at]
        return part

    @property
    def season(self) -> int:
        """Steps of the longest season, 1 without any."""
        return max(self.data.seasons, default=1)

    @cached_property
    def profile(self) -> np.ndarray:
        """Seasonal factors or terms, as `seasonal.profile` gives them."""
        return self._profile(self.data.seasons)

    @cached_property
    def short_profile(self) -> np.ndarray:
        """The profile of the shortest season alone."""
        if len(self.data.seasons) <= 1:
            return self.profile
        return self._profile(self.data.seasons[:1])

    def _profile(self, seasons: tuple[int, ...]) -> np.ndarray:
        data = self.data
        return seasonal.profile(self.y, seasons, data.multiplicative, data.relatives, counts=data.counts)

    @cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray]:
        steps = self.y.shape[1]
        believed = yearly_shape.laid(self.data, self.cut, steps, self.horizon)
        return seasonal.factors(self.profile, steps, self.horizon) if believed is None else believed

    @cached_property
    def adjusted(self) -> np.ndarray:
        """(nodes, T') the series without their season."""
        return np.asarray(self.y / self._factors[0] if self.data.multiplicative else self.y - self._factors[0])

    def restored(self, flat: np.ndarray) -> np.ndarray:
        """A forecast (nodes, H) of the adjusted series with its season put back."""
        return np.asarray(flat * self._factors[1] if self.data.multiplicative else flat + self._factors[1])

    @cached_property
    def in_buckets(self) -> tuple[np.ndarray, np.ndarray]:
        """ADIDA's and IMAPA's forecasts of the adjusted series."""
        return intermittent.adida_and_imapa(self.adjusted, self.horizon)

    @cached_property
    def from_windows(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Forecasts of the pooled window regression and of each series' own; None where there is nothing to learn from."""
        return window_regression.forecasts(self.y, self.horizon, self.data.seasons, self.data.multiplicative)

    @cached_property
    def chances(self) -> np.ndarray:
        """(nodes, types) chance of each type of counting series; NaN where counts do not describe the node."""
        return count_types.chances(self.y, np.broadcast_to(self._factors[0], self.y.shape))

    @cached_property
    def count(self) -> np.ndarray:
        """(nodes,) observed steps."""
        return observations(self.y)

    @cached_property
    def sparse(self) -> np.ndarray:
        """(nodes,) whether demand comes at intervals and is never negative."""
        never_negative = np.nanmin(np.where(np.isfinite(self.y), self.y, 0.0), axis=1) >= 0
        return np.asarray((intermittent.mean_interval(self.y) >= INTERMITTENT_FROM) & never_negative)
