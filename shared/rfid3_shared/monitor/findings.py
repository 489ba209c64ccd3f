"""What does each monitor make of the weeks, the inputs and the age of the data? Pure: figures in, findings out.

Weeks come oldest first, each once. Error: a week's absolute error over its volume, as a multiple of the back-test's WAPE, counted up
to `WORST_RATIO`. Coverage: the share of a week's outcomes outside their interval, against what the intervals' own levels promise.
Each may be worse by its tolerance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np

from rfid3_shared.ledger.live import WeekScore
from rfid3_shared.monitor import drift, freshness, martingale
from rfid3_shared.monitor.feature_spec import PART

ERROR_TOLERANCE = 0.25
"""How much worse than in the back-test, relative to it, live errors may be: what is shown is asked for when things are odd."""
COVERAGE_TOLERANCE = 0.05
"""How much more often than promised outcomes may lie outside."""
WORST_RATIO = 3.0
"""A week may be so many times as bad as the back-test; what is worse counts as this, lest one week decide alone."""
OVER_PART = 0.5
"""Drift is over below this part of the practical threshold: 0.2 opens an alert, 0.1 closes it, so it does not flutter between."""

MOST_MISSES = 0.99

Monitor = Literal["error", "coverage", "drift", "freshness"]
Status = Literal["quiet", "alarm", "too little data"]


@dataclass(frozen=True)
class Finding:
    """What one monitor says of one subject. `over` tells that an alert opened earlier has lost its reason."""

    monitor: Monitor
    subject: str
    status: Status
    message: str
    figures: dict[str, Any] = field(default_factory=dict)
    level: Literal["warning", "critical"] = "warning"
    over: bool = False
    alert_id: int | None = None
    is_new: bool = False
    should_retrain: bool = False

    def as_dict(self) -> dict[str, Any]:
        """It as JSON values."""
        return asdict(self)


def error(
    weeks: Sequence[WeekScore], *, backtest_wape: float | None, false_alarm_ratio: float, opened: date | None = None
) -> Finding:
    """Whether live errors are larger than the back-test promised.

    Figures: ratio and interval are live errors in units of the back-test's. `opened`: day from which an open alert speaks.
    A week in which nothing happened counts as worst when something was predicted, and as perfect otherwise.
    """
    if not backtest_wape or backtest_wape <= 0:
        return Finding("error", "all", "too little data", "The model has no back-test to hold live errors against.")
    days = [week.day for week in weeks]
    ratios = [_ratio(week.absolute_error, backtest_wape * abs(week.actual)) for week in weeks]
    observed, limit = np.array(ratios) / WORST_RATIO, np.full(len(days), (1 + ERROR_TOLERANCE) / WORST_RATIO)
    low, high = martingale.mean_interval(observed, miss_ratio=false_alarm_ratio)
    figures = {
        "ratio": _rounded(WORST_RATIO * observed.mean()) if days else None, "tolerated": 1 + ERROR_TOLERANCE,
        "interval": [_rounded(WORST_RATIO * low), _rounded(WORST_RATIO * high)], "backtest_wape": backtest_wape,
    }  # fmt: skip
    words = "Live errors are {ratio} times those of the back-test; up to {tolerated} times is tolerated."
    return _sequential("error", words, figures, days, observed, limit, false_alarm_ratio, opened)


def coverage(weeks: Sequence[WeekScore], *, false_alarm_ratio: float, opened: date | None = None) -> Finding:
    """Whether outcomes lie outside their intervals more often than the intervals' levels promise.

    Figures: coverage, its interval, and what was promised: the mean level of the intervals shown. `opened` as for `error`.
    """
    judged = [week for week in weeks if week.with_interval > 0]
    days = [week.day for week in judged]
    observed = np.array([1 - week.inside / week.with_interval for week in judged])
    promised = np.array([1 - week.level for week in judged])
    low, high = martingale.mean_interval(observed, miss_ratio=false_alarm_ratio)
    figures = {
        "coverage": _rounded(1 - observed.mean()) if days else None, "promised": _rounded(1 - promised.mean()) if days else None,
        "interval": [_rounded(1 - high), _rounded(1 - low)], "tolerated_less": COVERAGE_TOLERANCE,
    }  # fmt: skip
    limit = np.minimum(promised + COVERAGE_TOLERANCE, MOST_MISSES)
    words = "Of the outcomes {coverage} lie inside their intervals; promised are {promised}."
    return _sequential("coverage", words, figures, days, observed, limit, false_alarm_ratio, opened)


def inputs(
    learned: Mapping[str, Mapping[str, Any]], live: Mapping[str, Sequence[float] | np.ndarray], *, look: int,
    false_alarm_ratio: float, practical_threshold: float,
) -> list[Finding]:  # fmt: skip
    """Drift of each feature that has a reference, one finding a feature: of one with parts ("feature/part") that of its worst part."""
    found = drift.compare_all(
        learned, live, look=look, false_alarm_ratio=false_alarm_ratio, practical_threshold=practical_threshold
    )
    parts: dict[str, dict[str, drift.Drift]] = {}
    for name, result in found.items():
        feature, _, part = name.partition(PART)
        parts.setdefault(feature, {})[part] = result
    return [_drifted(feature, of_feature, practical_threshold) for feature, of_feature in parts.items()]


def age(data_as_of: date | None, today: date, *, limit_days: float, usual_gap_days: int = 0) -> Finding:
    """Whether the newest data are younger than they usually are."""
    state = freshness.of_data(data_as_of, today, limit_days=limit_days, usual_gap_days=usual_gap_days)
    figures = {"state": state.state, "age_days": state.age_days, "limit_days": state.limit_days}
    if state.state == "MISSING":
        return Finding("freshness", "all", "alarm", "There are no data at all.", figures, level="critical")
    words = f"The newest data are {state.age_days} days old; {state.limit_days:g} days are usual."
    fresh = state.state == "FRESH"
    return Finding("freshness", "all", "quiet" if fresh else "alarm", words, figures, over=fresh)


def _sequential(
    monitor: Literal["error", "coverage"], words: str, figures: dict[str, Any], days: list[date], observed: np.ndarray,
    limit: np.ndarray, false_alarm_ratio: float, opened: date | None,
) -> Finding:  # fmt: skip
    """The test's verdict over the weeks, and whether the weeks since an alert was opened show that its reason has gone."""
    evidence = martingale.weigh(observed, at_most=limit, false_alarm_ratio=false_alarm_ratio)
    since = np.array([opened is not None and day >= opened for day in days], dtype=bool)
    # the same test the other way round: are outcomes now better than the limit?
    well = martingale.weigh(1 - observed[since], at_most=1 - limit[since], false_alarm_ratio=false_alarm_ratio)
    least = martingale.weeks_needed(at_most=float(limit.mean()) if days else 0.5, false_alarm_ratio=false_alarm_ratio)
    figures |= {
        "e_value": _rounded(evidence.e_value), "highest": _rounded(evidence.highest), "threshold": _rounded(evidence.threshold),
        "weeks": evidence.weeks, "weeks_needed": least, "alarm_week": str(days[evidence.alarm_at - 1]) if evidence.alarm_at else None,
    }  # fmt: skip
    status: Status = "alarm" if evidence.alarm else "quiet" if evidence.weeks >= least else "too little data"
    message = words.format(**figures) if days else "No outcome of a prediction that was shown is known yet."
    return Finding(monitor, "all", status, message, figures, over=well.alarm)


def _ratio(missed: float, promised: float) -> float:
    if promised > 0:
        return min(missed / promised, WORST_RATIO)
    return WORST_RATIO if missed > 0 else 0.0


def _drifted(feature: str, parts: Mapping[str, drift.Drift], practical_threshold: float) -> Finding:
    part, found = max(parts.items(), key=lambda one: (one[1].values > 0, one[1].psi / one[1].threshold, one[0]))
    figures: dict[str, Any] = {"psi": _rounded(found.psi), "threshold": _rounded(found.threshold), "values": found.values}
    figures |= {"part": part, "parts": len(parts)} if part or len(parts) > 1 else {}
    if not found.values:
        return Finding("drift", feature, "too little data", f"There are no live values of {feature}.", figures)
    name = f"{feature} of {part}" if part else feature
    words = f"{name}: PSI {found.psi:.2f} over {found.values} live values; from {found.threshold:.2f} it is drift."
    over = all(one.psi < OVER_PART * practical_threshold for one in parts.values())
    return Finding("drift", feature, "alarm" if found.drifted else "quiet", words, figures, over=over)


def _rounded(value: float) -> float:
    return round(float(value), 4)
