"""What does a year of event rental look like before any year has been seen? A prior shape from public knowledge; pure.

Three things move an event rental shop in Minnesota, none of them measured on this shop or on the demo company: US weddings by
month (published shares, patsawtelle.com/2017/07/03/june-here-comes-the-bride), weather in which people are outdoors (NOAA
normals 1991–2020 of Minneapolis–St Paul), and graduation open houses (mid-May to mid-June).
A part of the trade knows no season. How far the shape is believed is learned from the weeks seen: `model.yearly_shape`.
"""

from datetime import date, timedelta

import numpy as np

WEDDINGS_PERCENT = (4.7, 7.0, 6.1, 7.4, 9.8, 10.9, 9.7, 10.2, 9.6, 9.4, 7.4, 7.8)
MEAN_TEMPERATURE_F = (16.2, 20.6, 33.3, 47.1, 59.5, 69.7, 74.3, 71.8, 63.5, 49.5, 34.8, 22.0)
"""Monthly normals, °F: nobody puts up a tent below freezing."""
FREEZING_F = 32.0
GRADUATION_PEAK, GRADUATION_SPREAD_DAYS = (6, 3), 12.0
PARTS = {"all_year": 0.2, "weddings": 0.3, "outdoors": 0.35, "graduations": 0.15}
"""Share of the year's units by occasion; a statement of belief, not a measurement."""


def log_shape(weeks: list[date]) -> np.ndarray:
    """Logarithm of the expected strength of each week (Mondays given), (weeks,); the mean strength of a year is 1."""
    year = _of_year()
    days = np.array([[(week + timedelta(days=k)).timetuple().tm_yday for k in range(7)] for week in weeks])
    strength: np.ndarray = year[np.minimum(days, 365) - 1].mean(axis=1)
    return np.asarray(np.log(strength))


def _of_year() -> np.ndarray:
    """Strength of each day of a common year, mean 1."""
    days = np.arange(365.0)
    middles = np.array([date(2025, month, 15).timetuple().tm_yday - 1.0 for month in range(1, 13)])

    def through(months: tuple[float, ...]) -> np.ndarray:
        return np.asarray(np.interp(days, middles, np.array(months, float), period=365))

    peak = date(2025, *GRADUATION_PEAK).timetuple().tm_yday - 1
    shapes = {
        "all_year": np.ones(365), "weddings": through(WEDDINGS_PERCENT),
        "outdoors": np.maximum(through(MEAN_TEMPERATURE_F) - FREEZING_F, 0.0),
        "graduations": np.exp(-0.5 * ((days - peak) / GRADUATION_SPREAD_DAYS) ** 2),
    }  # fmt: skip
    return np.asarray(sum(PARTS[name] * shape / shape.mean() for name, shape in shapes.items()))
