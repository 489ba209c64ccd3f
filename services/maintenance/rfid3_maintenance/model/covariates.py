"""How are features made comparable for a log-linear hazard? Clipped, centred, in units of their spread; unknown counts as average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TAILS = (0.005, 0.995)
"""Values beyond these quantiles of the training rows are taken as if at them: a line must not be drawn on to where nothing was seen."""
ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class Scale:
    """What is taken off each feature and what it is divided by; a feature that does not vary has spread 0 and no effect."""

    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    spread: np.ndarray

    @staticmethod
    def of(x: np.ndarray, weight: np.ndarray) -> Scale:
        """Learned from rows; infinite values count as unknown."""
        count = x.shape[1]
        low, high, mean, spread = (np.zeros(count) for _ in range(4))
        for k in range(count):
            known = np.isfinite(x[:, k]) & (weight > 0)
            if not known.any():
                continue
            values, w = x[known, k].astype(float), weight[known]
            low[k], high[k] = np.quantile(values, TAILS)
            if low[k] == high[k]:  # a rare flag must not be clipped away
                low[k], high[k] = values.min(), values.max()
            values = np.clip(values, low[k], high[k])
            mean[k] = np.average(values, weights=w)
            deviation = np.sqrt(np.average((values - mean[k]) ** 2, weights=w))
            spread[k] = deviation if deviation > 1e-9 * max(abs(mean[k]), 1e-9) else 0.0
        return Scale(low, high, mean, spread)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(rows, features) float64: 0 = average or unknown, 1 = one spread above."""
        by = np.where(self.spread > 0, self.spread, 1.0)
        scaled = (np.clip(x.astype(float), self.low, self.high) - self.mean) / by
        return np.where(np.isfinite(x) & (self.spread > 0), scaled, 0.0)
