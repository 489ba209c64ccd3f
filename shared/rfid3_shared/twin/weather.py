"""What was the weather each day, near Minneapolis?

A yearly cosine plus first-order autoregression, from the company's first day on; so a later day never changes an earlier one.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from rfid3_shared.twin.randomness import Array, Purpose, stream

MEAN_F, SWING_F, WARMEST_DAY = 47.0, 30.0, 202
PERSISTENCE, NOISE_F = 0.72, 7.5
WET_THRESHOLD = 0.62
"""Days whose latent wetness exceeds this have rain or snow: about 27 %."""


@dataclass(frozen=True)
class Weather:
    """Daily weather; arrays by day since the company's first day."""

    mean_f: Array
    max_f: Array
    min_f: Array
    precipitation_in: Array
    anomaly_f: Array
    """Difference from the usual temperature of the date."""


def simulate_weather(seed: int, start: date, days: int) -> Weather:
    """The weather of `days` days from `start`; asking for more days later leaves the earlier ones as they were."""
    shocks = np.array([stream(seed, Purpose.WEATHER, day).standard_normal(4) for day in range(days)]).reshape(days, 4)
    anomaly, wetness = _persist(shocks[:, 0]) * NOISE_F, _persist(shocks[:, 1])
    day_of_year = np.array([(start + timedelta(days=k)).timetuple().tm_yday for k in range(days)])
    usual = MEAN_F + SWING_F * np.cos(2 * np.pi * (day_of_year - WARMEST_DAY) / 365.25)
    spread = 9.0 + np.abs(shocks[:, 2]) * 3
    amount = np.where(wetness > WET_THRESHOLD, 0.22 * np.exp(0.9 * (wetness - WET_THRESHOLD) + 0.5 * shocks[:, 3]), 0.0)
    mean = usual + anomaly
    return Weather(mean.round(1), (mean + spread).round(1), (mean - spread).round(1), amount.round(2), anomaly)


def _persist(shocks: Array) -> Array:
    """First-order autoregression with unit variance."""
    out, level, scale = np.empty(len(shocks)), 0.0, float(np.sqrt(1 - PERSISTENCE**2))
    for k, shock in enumerate(shocks):
        level = PERSISTENCE * level + scale * shock
        out[k] = level
    return out
