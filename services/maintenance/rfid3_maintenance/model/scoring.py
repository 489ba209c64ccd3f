"""How well did a curve foretell what happened? Log loss, calibration slope and Brier score under censoring, beside Kaplan-Meier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rfid3_maintenance.model.cuts import interval_of

LEAST = 1e-12


@dataclass(frozen=True)
class Told:
    """What a cumulative hazard said of each row's last interval under sight, and what happened there."""

    before: np.ndarray
    """(rows,) cumulative hazard at the interval's beginning."""
    after: np.ndarray
    """(rows,) cumulative hazard at its end."""
    share: np.ndarray
    """(rows,) of the interval that was under sight."""
    event: np.ndarray
    weight: np.ndarray

    @staticmethod
    def of(cumulative: np.ndarray, cuts_days: np.ndarray, days: np.ndarray, event: np.ndarray, weight: np.ndarray) -> Told:
        """From (rows, cuts) cumulative hazards and the days under sight (at most the last cut)."""
        at, rows = interval_of(days, cuts_days), np.arange(len(days))
        edges = np.r_[0.0, cuts_days]
        before = np.where(at > 0, cumulative[rows, np.maximum(at - 1, 0)], 0.0)
        return Told(before, cumulative[rows, at], (days - edges[at]) / (edges[at + 1] - edges[at]), event, weight)

    def losses(self, intercept: float = 0.0, slope: float = 1.0) -> np.ndarray:
        """(rows,) minus log-likelihood when the cumulative hazard H is read as exp(intercept) * H**slope.

        An event counts as "inside its interval"; partial exposure counts by its share.
        """
        before, after = (
            np.exp(intercept) * np.where(h > 0, np.maximum(h, LEAST) ** slope, 0.0) for h in (self.before, self.after)
        )
        inside = np.maximum(after - before, LEAST)
        happened = before - np.log(np.maximum(-np.expm1(-inside), LEAST))
        return np.asarray(np.where(self.event, happened, before + self.share * inside))

    def expected(self) -> np.ndarray:
        """(rows,) cumulative hazard up to the end of sight: how many events were expected of the row by then."""
        return np.asarray(self.before + self.share * (self.after - self.before))

    def loss(self, intercept: float = 0.0, slope: float = 1.0) -> float:
        """Weighted mean of the losses."""
        total = float(self.weight.sum())
        return float((self.weight * self.losses(intercept, slope)).sum()) / total if total > 0 else 0.0


def calibration(told: Told) -> tuple[float, float]:
    """(intercept, slope) on the scale of log cumulative hazards that make what was told most likely; (0, 1) is perfect."""
    from scipy.optimize import minimize

    start = np.zeros(2)
    found = minimize(
        lambda p: told.loss(p[0], float(np.exp(p[1]))),
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-10, "maxiter": 400},
    )
    intercept, log_slope = np.clip(found.x, (-5.0, np.log(0.1)), (5.0, np.log(10.0)))
    return float(intercept), float(np.exp(log_slope))


def kaplan_meier(days: np.ndarray, event: np.ndarray, weight: np.ndarray, at_days: np.ndarray) -> np.ndarray:
    """Survival at each of `at_days` (from weighted rows): product over event times of 1 - events / at risk."""
    times, of_row = np.unique(days, return_inverse=True)
    left = np.bincount(of_row, weight, len(times))
    happened = np.bincount(of_row, weight * event, len(times))
    at_risk = np.cumsum(left[::-1])[::-1]
    steps = np.cumprod(1.0 - happened / np.maximum(at_risk, LEAST))
    return np.asarray(np.r_[1.0, steps][np.searchsorted(times, at_days, side="right")])


def brier(chance: np.ndarray, horizon: float, days: np.ndarray, event: np.ndarray, weight: np.ndarray) -> float:
    """Brier score of (rows,) chances of the event within the horizon, weighed by the inverse chance of being still seen (Graf 1999)."""
    happened = event & (days <= horizon)
    known = happened | (days >= horizon)
    # just before the event, since who fails at the same moment as another is lost was still seen
    moments = np.where(happened, np.nextafter(days, -np.inf), np.nextafter(horizon, -np.inf))
    seen = kaplan_meier(days, ~event, weight, moments)
    w = np.where(known, weight / np.maximum(seen, LEAST), 0.0)
    return float((w * (happened - chance) ** 2).sum() / max(float(w.sum()), LEAST))


def briers(
    survival: np.ndarray, cuts: np.ndarray, days: np.ndarray, event: np.ndarray, weight: np.ndarray
) -> list[dict[str, Any]]:
    """Brier scores at up to five cuts, of the curves and of one Kaplan-Meier curve for all."""
    result = []
    for j in np.unique(np.linspace(0, len(cuts) - 1, 5).round().astype(int)):
        horizon = float(cuts[j])
        same = 1.0 - kaplan_meier(days, event, weight, np.array([horizon]))[0]
        result.append({
            "days": horizon, "model": brier(1.0 - survival[:, j], horizon, days, event, weight),
            "kaplan_meier": brier(np.full(len(days), same), horizon, days, event, weight),
        })  # fmt: skip
    return result
