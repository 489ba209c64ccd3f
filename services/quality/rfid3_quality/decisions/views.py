"""What follows for items under many beliefs, each a little off the middle one? Pure."""

from dataclasses import dataclass, fields

import numpy as np

from rfid3_quality.decisions.once import Once
from rfid3_quality.decisions.outcome import follow
from rfid3_quality.decisions.worth import Point

FEW_ITEMS = 64
"""Up to so many items the calls cost most, and all views are followed as one; of more the numbers do, and what views share is computed
once. Either way they are the same numbers."""


@dataclass(frozen=True)
class View:
    """One belief about n items."""

    point: Point
    old: np.ndarray
    """Scores of the item, and of a new one, at the moments of `outcome`."""
    new: np.ndarray


def told(views: list[View], discount: float) -> tuple[list[np.ndarray], np.ndarray]:
    """Dates (n,) of the first three views, and everything that has an interval (views, n, 8), at the first one's date."""
    n = len(views[0].old)
    if n <= FEW_ITEMS:
        point = Point(*(np.concatenate([getattr(view.point, f.name) for view in views]) for f in fields(Point)))
        old, new = (np.concatenate([getattr(view, name) for view in views]) for name in ("old", "new"))
        found = follow(point, old, new, discount)
        dates = list(found.date_days.reshape(len(views), n)[:3])
        return dates, found.row(np.tile(_then(dates[0]), len(views))).reshape(len(views), n, -1)
    once = Once()
    seen = [follow(view.point, view.old, view.new, discount, once) for view in views]
    dates = [each.date_days for each in seen[:3]]
    then = _then(dates[0])
    return dates, np.stack([each.row(then) for each in seen])


def _then(date_days: np.ndarray) -> np.ndarray:
    """The day on which replacing is weighed: the best one, or today where there is none."""
    return np.where(np.isinf(date_days), 0.0, date_days)
