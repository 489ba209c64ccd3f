"""How likely is the event within so many days of a landmark, how sure is that, and what drives it? One face for three forms.

Stated prior when there are no events, pooled parametric hazard when there are few, LightGBM on person-periods when it has been seen
to be better (`choice`). `basis` says which, from how much, how well calibrated, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from rfid3_maintenance.model.covariates import ROWS_AT_ONCE
from rfid3_maintenance.model.pooled import Pooled
from rfid3_maintenance.model.rate import Rate
from rfid3_maintenance.model.trees import Trees


@dataclass(frozen=True)
class Hazard:
    """A fitted hazard of one failure kind. Safe to share between threads; asks LightGBM only in the tree form."""

    cuts_days: tuple[float, ...]
    names: tuple[str, ...]
    """The features that x must hold, in this order."""
    group_names: tuple[str, ...]
    basis: dict[str, Any]
    """form, why, events, units, unit_days, calibration out of fold, Brier scores beside Kaplan-Meier; the prior where one was used."""
    form: Rate | Pooled | Trees

    def survival(self, x: np.ndarray, group: np.ndarray, at_days: np.ndarray | None = None) -> np.ndarray:
        """(rows, cuts) chance to get beyond each cut without the event; in [0, 1], never increasing.

        x: (rows, features), NaN = unknown. group: (rows,) index into group_names, -1 or one never seen = none.
        at_days: (rows,) age, used by the pooled form where it ages; NaN or absent: from the feature that was the age in training, or
        else the median age of the training rows.
        """
        return self._chunked(lambda *part: np.exp(-self.form.cumulative(*part)), x, group, at_days)

    def band(
        self, x: np.ndarray, group: np.ndarray, level: float = 0.8, at_days: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(lower, upper) of the probability 1 - S, (rows, cuts) each: where the true chance lies with probability `level`.

        Never crossing, holding 1 - S, never decreasing along the cuts. It is about the chance, not about the moment of the event:
        for that see `remaining`.
        """
        z = NormalDist().inv_cdf(0.5 + level / 2.0)

        def of_part(x: np.ndarray, group: np.ndarray, at_days: np.ndarray | None) -> np.ndarray:
            if isinstance(self.form, Rate):
                return np.stack(self.form.bounds(len(x), level), axis=1)
            hazard = self.form.cumulative(x, group, at_days)
            spread = (
                self.form.spread_of(hazard, group) if isinstance(self.form, Trees) else self.form.log_spread(x, group, at_days)
            )
            factor = np.exp(np.minimum(z * spread, 50.0))
            return np.stack([-np.expm1(-hazard / factor), -np.expm1(-hazard * factor)], axis=1)

        both = self._chunked(of_part, x, group, at_days)
        # a wider spread at an earlier cut must not make the bound fall later on; running maxima keep both order and content
        both = np.maximum.accumulate(np.clip(both, 0.0, 1.0), axis=2)
        return both[:, 0], both[:, 1]

    def contributions(self, x: np.ndarray, group: np.ndarray) -> np.ndarray:
        """(rows, features) what each feature adds to the log-hazard, against the average unit of its group."""
        return self._chunked(lambda x, group, _: self.form.contributions(x, group), x, group, None)

    def _chunked(
        self, of_part: Callable[..., np.ndarray], x: np.ndarray, group: np.ndarray, at_days: np.ndarray | None
    ) -> np.ndarray:
        if x.ndim != 2 or x.shape[1] != len(self.names):
            raise ValueError(f"x has shape {x.shape}, expected {len(self.names)} features: {', '.join(self.names)}")
        parts = [of_part(x[at], group[at], None if at_days is None else at_days[at]) for at in _slices(len(x), ROWS_AT_ONCE)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _slices(rows: int, size: int) -> Iterator[slice]:
    """Slices that cover the rows; one empty slice for none, so that shapes hold."""
    for start in range(0, max(rows, 1), size):
        yield slice(start, start + size)


def group_count(group: np.ndarray, group_names: Sequence[str]) -> int:
    """How many groups there are: as many as have names, or as occur. ValueError when a group has no name."""
    occurring = int(group.max(initial=-1)) + 1
    if group_names and occurring > len(group_names):
        raise ValueError(f"group {occurring - 1} has no name")
    return max(len(group_names), occurring)
