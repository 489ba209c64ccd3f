"""How sure is a number? Intervals, scores and chances from stored quantiles. Pure."""

import numpy as np

WITHIN_RATIO, WITHIN_UNITS = 0.2, 0.5
"""A forecast counts as right when the outcome is within this ratio of it, or within this many units."""


def interval(quantiles: np.ndarray, levels: list[float], confidence_level: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the central interval per week, (weeks,) each; between two stored levels by linear interpolation.

    quantiles: (weeks, levels), ordered.
    """
    # rounded, so that 0.8 asks for exactly the stored levels 0.1 and 0.9
    ends = [round((1 - confidence_level) / 2, 9), round((1 + confidence_level) / 2, 9)]
    both = np.array([np.interp(ends, levels, week) for week in quantiles])
    return both[:, 0], both[:, 1]


def confidence_scores(mean: np.ndarray, quantiles: np.ndarray, levels: list[float]) -> np.ndarray:
    """Chance per week that the outcome lies within 20 %, or half a unit, of the mean."""
    reach = np.maximum(WITHIN_RATIO * mean, WITHIN_UNITS)
    # whole-number quantiles repeat: a hair's breadth between equal ones lets the distribution function be read both ways
    steps = 1e-9 * np.arange(len(levels))
    ladder = [0.0, *levels, 1.0]
    scores = []
    for centre, half, week in zip(mean, reach, quantiles, strict=True):
        points = np.concatenate([[week[0] - 1e-6], week + steps, [week[-1] + max(week[-1] - week[-2], 1e-6)]])
        below, upto = np.interp([centre - half - 1e-8, centre + half + 1e-6], points, ladder)
        scores.append(min(1.0, max(0.0, upto - below)))
    return np.array(scores)
