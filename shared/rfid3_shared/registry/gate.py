"""May this candidate follow the champion? A rule over numbers, in one place; pure.

It must beat, on the same rolling origins, every naive forecast (an equal loss is allowed) and the champion, where a candidate that
knows newer data may be worse by a tolerated ratio: standing still has a cost that a back-test does not show. And its intervals must
hold what they promise. What could not be measured never passes unsaid.

How far coverage may lie below its promise: FLOOR + Z · √(p (1 − p) / n), n = pairs / (1 + (pairs / origins − 1) · ALIKE). Pairs of one
origin share its weeks' luck, so that n, the number of independent ones, is nearly origins / ALIKE however many pairs there are (Kish's
design effect; Z is the one-sided 95 % point of the normal distribution). Above its promise it may lie OVER times as far: counts cannot
hit a level exactly and small ones always lie above, and intervals that are too wide cost money, not trust.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

FLOOR, Z, ALIKE, OVER = 0.02, 1.645, 0.1, 3.0
FORCED = "forced"
Measured = float | None
"""None and NaN alike mean: not measured."""
SLIVER = 0.001
"""A loss this little above a naive forecast's is as good."""


@dataclass(frozen=True)
class Comparison:
    """A candidate beside the champion and the naive forecasts, all on the same `origins`, which gave `pairs` of forecast and outcome.

    Losses are all `loss_name`, smaller is better. `coverage` and `champion_coverage`: nominal level → share of outcomes inside; empty
    for a model that promises no interval.
    """

    loss_name: str
    candidate_loss: Measured
    champion_loss: Measured
    naive_losses: Mapping[str, Measured]
    origins: int
    pairs: int
    coverage: Mapping[float, Measured]
    champion_coverage: Mapping[float, Measured] | None
    newer_data: bool
    """Whether it learned from later days than the champion."""
    same_content: bool
    """Whether its files are the champion's, byte for byte."""


@dataclass(frozen=True)
class Verdict:
    """Which state a candidate enters, why, and the numbers behind it as JSON values."""

    state: Literal["champion", "shadow", "rejected"]
    reason: str
    evidence: dict[str, Any]


def judge(
    comparison: Comparison, *, tolerance_ratio: float, forced: bool = False, first: bool = False, shadow: bool = True
) -> Verdict:
    """The verdict: champion, shadow (champion at once with `shadow` false) or rejected.

    `first`: nothing serves yet, and a model that says how good it is beats no answer. `forced`: somebody wants it whatever it is
    worth. `tolerance_ratio`: how much worse than the champion newer data may make up for.
    """
    objection = _objection(comparison, tolerance_ratio, first)
    evidence = _evidence(comparison, tolerance_ratio, forced=forced, first=first, objection=objection)
    if forced:
        return Verdict("champion", FORCED, evidence)
    if first:
        reason = "the first model of its service"
        return Verdict("champion", f"{reason}, although {objection}" if objection else reason, evidence)
    if objection:
        return Verdict("rejected", objection, evidence)
    return Verdict("shadow" if shadow else "champion", _praise(comparison), evidence)


def allowance(nominal: float, origins: int, pairs: int) -> float:
    """How far below `nominal` the coverage of a calibrated model may be found; see the top."""
    independent = pairs / (1 + max(0.0, pairs / origins - 1) * ALIKE)
    return FLOOR + Z * math.sqrt(nominal * (1 - nominal) / independent)


def _objection(given: Comparison, tolerance_ratio: float, first: bool) -> str:
    """What speaks against it, the weightiest first; empty when nothing does."""
    if given.same_content:
        return "it is what serves already"
    ours = _known(given.candidate_loss)
    if ours is None or given.origins < 1 or given.pairs < 1:
        return f"its {given.loss_name} could not be measured"
    beside_champion = "" if first else _worse_than_champion(given, ours, tolerance_ratio)
    return _worse_than_naive(given, ours) or beside_champion or _badly_calibrated(given)


def _worse_than_naive(given: Comparison, ours: float) -> str:
    measured = {name: loss for name, given_loss in given.naive_losses.items() if (loss := _known(given_loss)) is not None}
    if not measured:
        return "no naive forecast could be measured beside it"
    name, theirs = min(measured.items(), key=lambda item: item[1])
    # on a past without surprises the last value is exactly right, and a sliver beside it is no reason to serve nothing
    return f"{name} is better: {given.loss_name} {_shown(theirs)} beside {_shown(ours)}" if ours > theirs + SLIVER else ""


def _worse_than_champion(given: Comparison, ours: float, tolerance_ratio: float) -> str:
    theirs = _known(given.champion_loss)
    if theirs is None:
        return "" if given.newer_data else "the champion could not be measured beside it, and its data are no newer"
    if ours < theirs or (given.newer_data and ours <= theirs + tolerance_ratio * abs(theirs)):
        return ""
    beside = f"{given.loss_name} {_shown(theirs)} beside {_shown(ours)}"
    if given.newer_data:
        return f"the champion is better by more than {tolerance_ratio:.1%}: {beside}"
    return f"it is no better than the champion and its data are no newer: {beside}"


def _badly_calibrated(given: Comparison) -> str:
    for nominal, given_share in sorted(given.coverage.items()):
        share = _known(given_share)
        if share is None:
            return f"how often its {nominal:.0%} interval holds could not be measured"
        allowed = allowance(nominal, given.origins, given.pairs)
        if -allowed <= share - nominal <= OVER * allowed:
            continue
        champions = _known((given.champion_coverage or {}).get(nominal))
        if champions is None or abs(share - nominal) >= abs(champions - nominal):
            return (
                f"its {nominal:.0%} interval held {share:.1%} of the outcomes, further off than {given.origins} origins explain"
            )
    return ""


def _praise(given: Comparison) -> str:
    """What speaks for it, and what nobody could measure."""
    ours, theirs = _known(given.candidate_loss), _known(given.champion_loss)
    if theirs is None:
        words = f"{given.loss_name} {_shown(ours)} with newer data; the champion could not be measured"
    else:
        how = "better than the champion" if ours is not None and ours < theirs else "as good as the champion, with newer data"
        words = f"{how}: {given.loss_name} {_shown(ours)} beside {_shown(theirs)}"
    missing = sorted(name for name, loss in given.naive_losses.items() if _known(loss) is None)
    return f"{words}; not measured: {', '.join(missing)}" if missing else words


def _evidence(given: Comparison, tolerance_ratio: float, *, forced: bool, first: bool, objection: str) -> dict[str, Any]:
    measurable = given.coverage if given.origins >= 1 and given.pairs >= 1 else ()
    return {
        "loss_name": given.loss_name, "candidate_loss": _known(given.candidate_loss), "champion_loss": _known(given.champion_loss),
        "naive_losses": {name: _known(loss) for name, loss in given.naive_losses.items()},
        "tolerance_ratio": tolerance_ratio, "origins": given.origins, "pairs": given.pairs,
        "coverage": {f"{level:g}": _known(share) for level, share in given.coverage.items()},
        "champion_coverage": {f"{level:g}": _known(share) for level, share in (given.champion_coverage or {}).items()},
        "coverage_allowance": {f"{level:g}": allowance(level, given.origins, given.pairs) for level in measurable},
        "newer_data": given.newer_data, "same_content": given.same_content, "forced": forced, "first": first,
        "objection": objection or None,
    }  # fmt: skip


def _known(value: Measured) -> float | None:
    """The number as a plain float; None when it was not measured or is none."""
    return float(value) if value is not None and math.isfinite(value) else None


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
