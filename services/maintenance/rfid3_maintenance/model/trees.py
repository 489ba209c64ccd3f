"""What do trees say of each interval after a landmark? LightGBM on person-periods, calibrated out of fold by unit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rfid3_maintenance.model.boxes import Boxes
from rfid3_maintenance.model.pooling import Factors


@dataclass(frozen=True)
class Trees:
    """A calibrated LightGBM hazard; its booster is restored from its text when first asked."""

    cuts_days: np.ndarray
    text: str
    """LightGBM's own model text."""
    boxes: Boxes
    """Whose columns it is told beside the features."""
    base: np.ndarray
    """(cuts,) log-hazard of each interval from which the trees begin."""
    intercept: float
    slope: float
    """Calibration: the trees' cumulative hazard H is read as exp(intercept) * H**slope; one map for all cuts, so time order stays."""
    bins: np.ndarray
    """(bins,) ascending log cumulative hazards, calibrated, for which the spread is known."""
    variance: np.ndarray
    """(bins,) variance of the log cumulative hazard there: of the calibration bin's rate, and between models that missed a fold."""
    factors: Factors
    """Of groups, pooled: from events beside what calibrated trees expected of units they had not seen."""
    typical: int
    """The interval contributions are told for: the one by whose end half of the events had happened."""

    def cumulative(self, x: np.ndarray, group: np.ndarray, at_days: np.ndarray | None = None) -> np.ndarray:
        """(rows, cuts) calibrated cumulative hazard."""
        hazard = calibrated(raw_cumulative(self.booster, self.boxes, self.base, x), self.intercept, self.slope)
        return np.asarray(hazard * self.factors.of(group)[0][:, None])

    def spread_of(self, cumulative: np.ndarray, group: np.ndarray) -> np.ndarray:
        """(rows, cuts) standard deviation of the log of these cumulative hazards: from the bins they fall into, and the group's."""
        factor, variance = self.factors.of(group)
        own = np.log(np.maximum(cumulative, 1e-300)) - np.log(factor)[:, None]
        return np.asarray(np.sqrt(np.interp(own, self.bins, self.variance) + variance[:, None]))

    def contributions(self, x: np.ndarray, group: np.ndarray) -> np.ndarray:
        """(rows, features) SHAP values at the typical interval, times the calibration's slope.

        What a box is given is shared by the features it limits. What the interval itself is given depends on the row by its interplay
        with features: it is shared out among them by size.
        """
        whole, count = self.boxes.beside(x, np.full(len(x), self.typical)), x.shape[1]
        values = np.asarray(self.booster.predict(whole, pred_contrib=True, num_threads=2))
        own, interval = values[:, :count], values[:, -2]
        if len(self.boxes):
            own = own + self.boxes.shared_out(values[:, count:-2], count)
        size = np.abs(own)
        total = size.sum(axis=1, keepdims=True)
        share = np.divide(size, total, out=np.zeros_like(size), where=total > 0)
        return np.asarray(self.slope * (own + share * interval[:, None]))

    def words(self) -> dict[str, Any]:
        """What the basis says of it."""
        return {
            "trees": self.booster.num_trees(),
            "boxes": len(self.boxes),
            "group_strength": None if np.isinf(self.factors.strength) else self.factors.strength,
            "contributions_at_days": float(self.cuts_days[self.typical]),
        }

    @cached_property
    def booster(self) -> Any:
        """The booster that the text describes."""
        from rfid3_shared.lean_lightgbm import lightgbm_here

        return lightgbm_here().Booster(model_str=self.text)


def raw_cumulative(booster: Any, boxes: Boxes, base: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(rows, cuts) cumulative hazard of features, before calibration and groups."""
    cuts = len(base)
    if not len(x):
        return np.zeros((0, cuts))
    once = boxes.beside(x, np.zeros(len(x)))
    whole = np.repeat(once, cuts, axis=0)
    whole[:, -1] = np.tile(np.arange(cuts, dtype=whole.dtype), len(x))
    raw = np.asarray(booster.predict(whole, raw_score=True, num_threads=2)).reshape(-1, cuts)
    return np.asarray(np.cumsum(np.exp(np.clip(raw + base, -30.0, 4.0)), axis=1))


def calibrated(cumulative: np.ndarray, intercept: float, slope: float) -> np.ndarray:
    """exp(intercept) * H**slope: rises with H, so curves stay ordered in time."""
    return np.asarray(np.exp(intercept) * np.maximum(cumulative, 1e-300) ** slope)
