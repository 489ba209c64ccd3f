"""What follows from the numbers of an answer, in plain words? Each sentence with the numbers it rests on. Pure.

A class in one store is where units can be short: there the words are about what can leave, and what to move or sub-rent. Sums
over classes or stores are told what to expect, and which classes below them run short. Nothing is said without a number; where
a number is missing, that is said.
"""

import math
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np

from rfid3_demand import findings
from rfid3_demand.bands import interval
from rfid3_demand.nodes import ALL, Node
from rfid3_demand.served import Served
from rfid3_demand.snapshot import Snapshot

SAFE_LEVEL = 0.9
"""Chance of having enough that a recommendation to move or sub-rent aims at."""
MOST_SHORTAGES = 3
EVENT_RATIO, EVENT_UNITS = 0.1, 1.0
"""A public holiday is spoken of when it moves the forecast by this share of it, and by this many units."""
RECENT_WEEKS = 8
RECENT_SHIFT_WEEKS = 26
"""Older levels are no news."""
SHIFT_RATIO = 0.1
TREND_WEEKS = 13
"""A trend is spoken of when it moves demand by one unit, and by SHIFT_RATIO of the usual week, in so many weeks."""
Advice = dict[str, Any]


def advise(
    served: Served, node: Node, row: int, mean: np.ndarray, quantiles: np.ndarray, confidence_level: float
) -> list[Advice]:
    """Advice {kind, text, numbers, weeks, confidence}, most pressing first.

    mean (weeks,) and quantiles (weeks, levels): the node's forecast as it is answered, in units a week.
    """
    snapshot = served.snapshot
    if row < len(snapshot.spec.bottom):
        found = [*_own_shortage(served, row, mean, quantiles)]
    else:
        key = ("shortages", row, len(mean))
        if key not in served.kept:
            served.kept[key] = [*_shortages(served, node, len(mean))]
        found = list(served.kept[key])
    if row >= len(snapshot.spec.bottom) or not found:
        found.append(_expectation(served, row, mean, quantiles, confidence_level))
    found += [*_events(served, row, mean), *_booked(served, row, mean), *_refused(snapshot, row), *_changed(snapshot, row)]
    return [*found, *_short_history(served, row)]


def _advice(kind: str, text: str, weeks: list[date], confidence: float | None = None, **numbers: Any) -> Advice:
    kept = {name: value if isinstance(value, str) else round(float(value), 4) for name, value in numbers.items()}
    return {"kind": kind, "text": text, "numbers": kept, "weeks": weeks, "confidence": confidence}


def _units(value: float) -> str:
    """Units as people count them: whole ones, tenths below ten."""
    return f"{value:.0f}" if value >= 10 or float(value).is_integer() else f"{value:.1f}"


def _name(snapshot: Snapshot, row: int) -> str:
    place, label = snapshot.spec.nodes[row], snapshot.spec.labels[row]
    where = "" if place["store"] == ALL else f", store {place['store']}"
    return f"{label} (class {place['name']}{where})" if place["level"] == "class" else f"{label}{where}"


def _expectation(served: Served, row: int, mean: np.ndarray, quantiles: np.ndarray, level: float) -> Advice:
    """What the busiest week brings, beside what can leave in it."""
    k = int(np.argmax(mean))
    lower, upper = (float(end[0]) for end in interval(quantiles[k : k + 1], served.spec.levels, level))
    expected, week, stock = float(mean[k]), served.weeks[k], float(served.at_hand(np.array([row]), len(mean))[0, k])
    busiest = ", the busiest of those asked for" if len(mean) > 1 else ""
    text = (
        f"Expect {_units(expected)} of {_name(served.snapshot, row)} in the week of {week}{busiest} "
        f"({level:.0%}: {_units(lower)} to {_units(upper)})"
    )
    numbers = {"expected": expected, "lower": lower, "upper": upper}
    if math.isnan(stock):
        text += ". How many can leave is not known: no tag of these classes is in the item master."
        return _advice("missing", text, [week], level, **numbers)
    words, units = _shelf(served, row, k, stock)
    return _advice("expectation", f"{text}; {words}.", [week], level, **numbers, **units)


def _shelf(served: Served, row: int, k: int, stock: float) -> tuple[str, dict[str, float]]:
    """What can leave in the k-th week, in words and numbers; of the week in progress only what has not left yet.

    stock: units of `Served.at_hand`.
    """
    begun = served.in_progress(row) if k == 0 else None
    if begun is None:
        return f"{_units(stock)} can leave", {"can_leave": stock}
    left, more = begun[0], max(stock - begun[0], 0.0)
    return f"{_units(left)} have left, {_units(more)} more can", {"have_left": left, "can_leave": more}


def _shortages(served: Served, node: Node, weeks: int) -> Iterator[Advice]:
    """The classes in stores below a node that run short most, each in its worst week."""
    bottom, ensemble = np.array(served.snapshot.bottom_of(node), int), served.snapshot.ensemble
    if not len(bottom):
        return
    known = np.isfinite(served.at_hand(bottom, weeks))
    risks = np.where(known, np.nan_to_num(served.stockout(bottom, weeks)), 0.0)
    mean = served.mean(ensemble, bottom, weeks)
    worst = risks.argmax(axis=1)
    risk = risks[np.arange(len(bottom)), worst]
    short_units = risk * mean[np.arange(len(bottom)), worst]
    alarming = [at for at in np.argsort(-short_units, kind="stable") if risk[at] >= served.spec.stockout_alert_ratio]
    for at in alarming[:MOST_SHORTAGES]:
        series, k = int(bottom[at]), int(worst[at])
        ladder = served.quantiles(ensemble, bottom[at : at + 1], weeks)[0, k]
        yield _shortage(served, series, k, float(mean[at, k]), ladder, weeks)


def _own_shortage(served: Served, row: int, mean: np.ndarray, quantiles: np.ndarray) -> Iterator[Advice]:
    """The worst week of a class in a store, when that is alarming."""
    rows = np.array([row])
    risk = np.nan_to_num(served.stockout(rows, len(mean))[0])
    k = int(risk.argmax())
    if risk[k] >= served.spec.stockout_alert_ratio and np.isfinite(served.at_hand(rows, len(mean))[0, k]):
        yield _shortage(served, row, k, float(mean[k]), quantiles[k], len(mean))


def _shortage(served: Served, row: int, k: int, expected: float, ladder: np.ndarray, weeks: int, level: float = 0.8) -> Advice:
    """ladder: quantiles of the k-th of the weeks at the stored levels."""
    spec, week, rows = served.spec, served.weeks[k], np.array([row])
    stock, risk = float(served.at_hand(rows, weeks)[0, k]), float(served.stockout(rows, weeks)[0, k])
    low, high = (float(end[0]) for end in interval(ladder[None, :], spec.levels, level))
    safe = float(np.interp(SAFE_LEVEL, spec.levels, ladder))
    more = max(0, math.ceil(safe - stock - 1e-6))
    place = spec.nodes[row]
    words, units = _shelf(served, row, k, stock)
    numbers: dict[str, Any] = {
        "class": place["name"], "store": place["store"], "expected": expected, "lower": low, "upper": high,
        "stockout_risk": risk, "safe_level": SAFE_LEVEL, "needed_for_safe_level": safe, "move_or_sub_rent": more, **units,
    }  # fmt: skip
    text = (
        f"Expect {_units(expected)} of {_name(served.snapshot, row)} in the week of {week} ({level:.0%}: {_units(low)} to {_units(high)}); "
        f"{words}: {risk:.0%} chance of running short."
    )
    if more:
        text += f" Move or sub-rent {more} to be safe at {SAFE_LEVEL:.0%}."
        other, spare = _elsewhere(served, row, k, weeks)
        if spare > 0:
            text += f" Store {other} can spare {min(spare, more)}."
            numbers |= {"spare_store": other, "spare_units": spare}
    return _advice("shortage", text, [week], level, **numbers)


def _elsewhere(served: Served, row: int, k: int, weeks: int) -> tuple[str, int]:
    """The store that can spare most units of the same class in the week and still be safe itself, and how many."""
    snapshot, place, best = served.snapshot, served.spec.nodes[row], ("", 0)
    for other in snapshot.bottom_of(Node("class", place["name"], ALL)):
        rows = np.array([other])
        if other == row or not served.covers(other) or not math.isfinite(stock := float(served.at_hand(rows, weeks)[0, k])):
            continue
        ladder = served.quantiles(snapshot.ensemble, rows, weeks)[0, k]
        safe = float(np.interp(SAFE_LEVEL, served.spec.levels, ladder))
        if (spare := math.floor(stock - safe + 1e-6)) > best[1]:
            best = (served.spec.nodes[other]["store"], spare)
    return best


def _events(served: Served, row: int, mean: np.ndarray) -> Iterator[Advice]:
    """The week that public holidays move most."""
    if "holidays" not in served.spec.causes:
        return
    causes = served.contributions(np.array([row]), len(mean))
    effect = np.nan_to_num(causes[served.spec.causes.index("holidays"), 0])
    named = np.array([bool(names) for names in served.holiday_names[: len(mean)]])
    effect = np.where(named, effect, 0.0)
    k = int(np.argmax(np.abs(effect)))
    if abs(effect[k]) >= max(EVENT_UNITS, EVENT_RATIO * mean[k]):
        names, week = ", ".join(served.holiday_names[k]), served.weeks[k]
        yield _advice(
            "event", f"{names} in the week of {week}: {effect[k]:+.0f} units of the {_units(mean[k])} expected.", [week],
            effect=effect[k], expected=mean[k],
        )  # fmt: skip


def _booked(served: Served, row: int, mean: np.ndarray) -> Iterator[Advice]:
    """How much of the busiest week is on contracts already."""
    booked = served.booked(np.array([row]), len(mean))[0]
    k = int(np.argmax(mean))
    if np.isfinite(booked[k]) and mean[k] > 0:
        week = served.weeks[k]
        yield _advice(
            "booked", f"{_units(booked[k])} of the {_units(mean[k])} expected in the week of {week} are on contracts already.",
            [week], booked=booked[k], expected=mean[k],
        )  # fmt: skip


def _refused(snapshot: Snapshot, row: int) -> Iterator[Advice]:
    """Units asked for lately that were not there."""
    lately = np.asarray(snapshot.refused[row, -RECENT_WEEKS:], float)
    refused, left = float(np.nansum(lately)), float(np.nansum(snapshot.history[row, -RECENT_WEEKS:]))
    if refused >= 1 and refused >= 0.05 * left:
        since = snapshot.past_weeks[-RECENT_WEEKS:]
        yield _advice(
            "refused", f"About {_units(refused)} units more were asked for in the last {len(since)} weeks than the {_units(left)} "
            "that left: none were there.", [since[0], since[-1]], refused_estimate=refused, left=left,
        )  # fmt: skip


def _changed(snapshot: Snapshot, row: int) -> Iterator[Advice]:
    """The present level where it is new, else a steady rise or fall; nothing where either may be the time of year."""
    kept = snapshot.spec.diagnosis[row] if snapshot.spec.diagnosis else {}
    if kept.get("may_be_season"):
        return
    name, last = _name(snapshot, row), next(iter(kept.get("shifts", ())[-1:]), None)
    if last is not None and last["at"] >= str(snapshot.spec.first_week - timedelta(weeks=RECENT_SHIFT_WEEKS)):
        before, after = last["before"], last["after"]
        times = findings.ratio(before, after)
        if times is not None and abs(times - 1.0) >= SHIFT_RATIO:
            yield _advice(
                "level_shift", f"Since the week of {last['at']} about {_units(after)} of {name} have been asked for a week, instead of "
                f"{_units(before)} (×{times:.2f}).", [date.fromisoformat(last["at"])], before=before, after=after, ratio=times,
            )  # fmt: skip
            return
    if (slope := kept.get("trend")) is not None:
        moved, usual = TREND_WEEKS * slope, float(np.nanmean(snapshot.history[row, -TREND_WEEKS:]))
        if abs(moved) >= max(1.0, SHIFT_RATIO * usual):
            yield _advice(
                "trend", f"Demand for {name} is {'rising' if slope > 0 else 'falling'} by {abs(slope):.2g} units a week, "
                f"{_units(abs(moved))} in {TREND_WEEKS} weeks.", [], trend_per_week=slope, over_weeks=TREND_WEEKS, moved=moved,
            )  # fmt: skip


def _short_history(served: Served, row: int) -> Iterator[Advice]:
    """What a forecast of little history lacks."""
    snapshot = served.snapshot
    if snapshot.spec.sufficiency[row] == "full":
        return
    weeks = int(np.isfinite(snapshot.history[row]).sum())
    honest = int(served.supported(np.array([row]))[0])
    leaning = ", so it leans on its relatives" if snapshot.spec.sufficiency[row] == "pooled" else ""
    yield _advice(
        "history", f"Only {weeks} weeks of history{leaning}: a forecast of up to {honest} weeks is honest.", [],
        history_weeks=weeks, supported_weeks=honest,
    )  # fmt: skip
