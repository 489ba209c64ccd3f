"""Which day of the week and which time of the year is it? Columns of a regression, from the calendar codes of one series; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rfid3_demand.model.tree_features import TreeData

DAYS_IN_YEAR = 365.25
MOST_WAVES = 14
"""Sine and cosine pairs of the year: the last turns within less than four weeks."""


@dataclass(frozen=True)
class Terms:
    """Columns of a design with what is believed of each before anything is seen."""

    columns: np.ndarray
    """(T + H, p)."""
    block: tuple[str, ...]
    """Block of each column: columns of a block share one prior standard deviation, learned from the series."""
    relative: np.ndarray
    """(p,) prior standard deviation within the block, in its units: fine detail is believed less than coarse shape."""


def join(parts: list[Terms]) -> Terms:
    """The parts' columns side by side."""
    return Terms(
        np.hstack([part.columns for part in parts]),
        tuple(name for part in parts for name in part.block),
        np.concatenate([part.relative for part in parts]),
    )


def has_year(data: TreeData) -> bool:
    """Whether the steps are days or weeks whose place in the year is known."""
    return "calendar_ordinal_day" in data.calendar


def ordinal_days(data: TreeData, node: int, low: int, high: int) -> np.ndarray:
    """Day of the year of a node's steps low … high-1; a node that ends early has its own last date at the last step."""
    return _codes(data, "calendar_ordinal_day", node, low, high)


def year(data: TreeData, node: int, low: int, high: int, waves: int) -> np.ndarray:
    """(high - low, 2 waves) sine and cosine of the year, slowest first."""
    angle = 2 * np.pi * ordinal_days(data, node, low, high)[:, None] / DAYS_IN_YEAR * np.arange(1, waves + 1)
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(len(angle), -1)


def terms(data: TreeData, node: int, low: int, high: int) -> Terms:
    """Columns for a node's steps low … high-1: weekday, sine and cosine of the year, and how weekends differ over the year.

    Blocks `week`, `year` and `mixed`. Waves get a prior falling with their order, so that a year seen once or twice gives a
    smooth shape and not a copy of itself.
    """
    waves = year(data, node, low, high, MOST_WAVES)
    parts = [Terms(waves, ("year",) * (2 * MOST_WAVES), np.repeat(1.0 / np.arange(1, MOST_WAVES + 1), 2))]
    if "calendar_weekday" in data.calendar:
        weekday = _codes(data, "calendar_weekday", node, low, high)
        dummies = (weekday[:, None] == np.arange(1, 8)) - 1.0 / 7.0
        parts.append(Terms(dummies, ("week",) * 7, np.ones(7)))
        weekend = ((weekday >= 6) - 2.0 / 7.0)[:, None]
        parts.append(Terms(weekend * waves[:, :4], ("mixed",) * 4, np.array([1.0, 1.0, 0.5, 0.5])))
    return join(parts)


def _codes(data: TreeData, name: str, node: int, low: int, high: int) -> np.ndarray:
    return data.calendar[name][np.clip(np.arange(low, high) - int(data.offset[node]), 0, None)]
