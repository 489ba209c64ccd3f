"""From which chance on is it worth a call? A threshold from cross-fitted chances of the history alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Alert:
    """A threshold, how it was chosen, and how it did on units the fit had not seen."""

    threshold: float | None
    """None: no event to choose by."""
    horizon: float
    rule: str
    precision: float = float("nan")
    recall: float = float("nan")
    f1: float = float("nan")
    rows: int = 0
    events: int = 0

    def words(self) -> str:
        """One sentence."""
        if self.threshold is None:
            return f"No alert is told: {self.rule}."
        return (
            f"Alert from a chance of {self.threshold:.3g} within {self.horizon:g} ({self.rule}, on {self.rows:,} moments of units "
            f"that the fit had not seen, {self.events:,} of them before an event): {self.precision:.0%} of alerts right, "
            f"{self.recall:.0%} of events announced, F1 {self.f1:.3f}."
        )


def known_by(after: np.ndarray, event: np.ndarray, horizon: float) -> tuple[np.ndarray, np.ndarray]:
    """(known, failed): whose state at the horizon is known, and who had failed by then (after ≤ horizon)."""
    failed = event & (after <= horizon)
    return failed | (after >= horizon), failed


def choose(chance: np.ndarray, failed: np.ndarray, horizon: float, costs: tuple[float, float] | None = None) -> Alert:
    """The threshold with the best F1, or with the least cost of misses and false alarms (dollars or any unit) where given.

    chance (rows,): cross-fitted, never of the fit's own rows; failed (rows,) bool. Between two chances the middle is taken.
    """
    if not failed.any():
        if costs is not None:
            level = costs[1] / (costs[0] + costs[1])
            return Alert(
                level, horizon, "false alarm over miss and false alarm in cost; no event to check it by", rows=len(chance)
            )
        return Alert(None, horizon, "the history has no event within the horizon to choose a threshold by", rows=len(chance))
    order = np.argsort(-chance, kind="stable")
    sorted_chance, hit = chance[order], np.cumsum(failed[order])
    alarms = np.arange(1, len(order) + 1)
    total = int(failed.sum())
    if costs is None:
        value, rule = 2.0 * hit / (alarms + total), "best F1"
    else:
        value = -(costs[0] * (total - hit) + costs[1] * (alarms - hit))
        rule = f"least cost with a miss at {costs[0]:g} and a false alarm at {costs[1]:g}"
    last = np.append(sorted_chance[1:] < sorted_chance[:-1], True)
    at = int(np.flatnonzero(last)[np.argmax(value[last])])
    below = sorted_chance[at + 1] if at + 1 < len(order) else 0.0
    threshold = float((sorted_chance[at] + below) / 2)
    right = int(hit[at])
    precision, recall = right / (at + 1), right / total
    f1 = 2.0 * right / (at + 1 + total)
    if costs is not None and value[at] < -costs[0] * total:
        threshold, precision, recall, f1 = 1.0, float("nan"), 0.0, 0.0  # every alert costs more than it saves
    return Alert(threshold, horizon, rule, precision, recall, f1, len(chance), total)
