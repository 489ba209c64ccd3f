"""What is the value of a feature at a moment? One engine for one moment (serving) and for many (training frames); pure.

A value depends on the facts of its entity up to the moment and on nothing else: not on facts that happened later, not on their order,
not on other entities. Facts of an entity lie together in order of time, so a window is two binary searches.

Times are naive shop time in whole seconds. Weeks run from Monday 00:00:00 to Sunday 23:59:59, and a week is complete once its last
second is reached: at a moment of Sunday 23:59:59 that very week is the last complete one, a second earlier the week before is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rfid3_shared.feature_store.definition import FeatureDefinition, FeatureView, Window
from rfid3_shared.feature_store.precision import DIGITS, LARGEST

DAY_S = 86_400
WEEK_S = 7 * DAY_S
MONDAY_S = 3 * DAY_S
"""1970-01-01 was a Thursday: three days into its week."""
SECOND_BITS = 33
EARLIEST_S = -(1 << (SECOND_BITS - 1))
"""Seconds since 1970 that fit beside the entity's number: from 1833 to 2106."""
MILLIONTHS = 10**DIGITS


@dataclass(frozen=True)
class Facts:
    """Dated facts of one kind, in any order: entity (n,) text, at (n,) datetime64[s] in shop time, amount (n,) below 1e9.

    Amounts count in whole millionths, so that sums do not depend on the order or on other entities.
    """

    entity: np.ndarray
    at: np.ndarray
    amount: np.ndarray


def compute(
    view: FeatureView | Sequence[FeatureDefinition], facts: Mapping[str, Facts], entities: Sequence[str], moments: np.ndarray
) -> np.ndarray:
    """Values (entities, moments, features) as they were at each moment, datetime64[s] in shop time.

    count and sum of nothing are 0; `latest`, `weeks_since` and `days_since` of nothing are NaN. `latest` of facts in the same second is
    the one given last. Facts of entities not asked for are ignored. Raises KeyError when a kind of facts is not given (where there are
    none, give empty ones: that nothing happened must be said), ValueError for amounts that are no numbers and for times out of range.
    """
    rows = np.repeat(np.arange(len(entities)), len(moments))
    return values_at(view, facts, entities, rows, np.tile(moments, len(entities))).reshape(
        len(entities), len(moments), len(_definitions(view))
    )


def values_at(
    view: FeatureView | Sequence[FeatureDefinition], facts: Mapping[str, Facts], entities: Sequence[str], rows: np.ndarray,
    moments: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Values (n, features) of the entities numbered by `rows` (n,) at their `moments` (n,); otherwise like `compute`."""
    definitions = _definitions(view)
    second = _seconds(moments)
    # an entity asked for twice gets its facts twice: both names have the number of the first
    number = {name: at for at, name in reversed(list(enumerate(entities)))}
    code = np.array([number[name] for name in entities], dtype=np.int64)[rows] if len(entities) else np.zeros(0, np.int64)
    lines = {kind: _line(facts[kind], number) for kind in sorted({each.facts for each in definitions})}
    found = np.empty((len(second), len(definitions)))
    for column, each in enumerate(definitions):
        values = _measure(each, lines[each.facts], code, second)
        found[:, column] = values if each.most is None else np.minimum(values, each.most)
    return found


@dataclass(frozen=True)
class _Line:
    """The facts of the entities asked for, by entity and time: key = entity's number and second in one integer."""

    key: np.ndarray
    second: np.ndarray
    amount: np.ndarray
    """Whole millionths."""
    before: np.ndarray
    """(n + 1,) sums of the amounts before each fact. They may run over: differences are right all the same."""


def _line(facts: Facts, number: Mapping[str, int]) -> _Line:
    code = np.fromiter((number.get(name, -1) for name in _texts(facts.entity)), np.int64, len(facts.entity))
    wanted = code >= 0
    code, second, amount = code[wanted], _seconds(facts.at[wanted]), np.asarray(facts.amount, float)[wanted]
    if not (np.abs(amount) < LARGEST).all():
        raise ValueError(f"amounts must be numbers below {LARGEST:g}")
    key = _key(code, second)
    order = np.argsort(key, kind="stable")
    millionths = np.rint(amount[order] * MILLIONTHS).astype(np.int64)
    return _Line(key[order], second[order], millionths, np.concatenate([[0], np.cumsum(millionths)]))


def _measure(definition: FeatureDefinition, line: _Line, code: np.ndarray, second: np.ndarray) -> np.ndarray:
    first, end = _window(definition.window, second)
    # facts from `first` on and before `end`, both whole seconds
    low, high = np.searchsorted(line.key, _key(code, first)), np.searchsorted(line.key, _key(code, end))
    if definition.measure == "count":
        return (high - low).astype(float)
    if definition.measure == "sum":
        return np.asarray((line.before[high] - line.before[low]) / MILLIONTHS)
    found = np.full(len(second), np.nan)
    some = high > low
    last = high[some] - 1
    if definition.measure == "latest":
        found[some] = line.amount[last] / MILLIONTHS
    elif definition.measure == "days_since":
        # from the fact to the moment, also where the window ends before the moment
        found[some] = (second[some] - line.second[last]) / DAY_S
    else:
        # a fact of the week in progress is not later than the last complete week: 0
        found[some] = np.maximum(_weeks(second[some] + 1) - 1 - _weeks(line.second[last]), 0)
    return found


def _window(window: Window, moment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first second that counts, and the first one after the window."""
    span = round(window.span.total_seconds())
    if window.kind == "rolling":
        return np.maximum(moment - span + 1, EARLIEST_S), moment + 1
    if window.kind == "week_to_date":
        return _monday(_weeks(moment)), moment + 1
    if window.kind == "complete_weeks":
        begun = _monday(_weeks(moment + 1))
        return begun - span, begun
    return np.full_like(moment, EARLIEST_S), moment + 1


def _weeks(second: np.ndarray) -> np.ndarray:
    """The number of the week that holds the second."""
    return (second + MONDAY_S) // WEEK_S


def _monday(week: np.ndarray) -> np.ndarray:
    """The first second of the week with that number."""
    return week * WEEK_S - MONDAY_S


def _key(code: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One integer that sorts by entity, then by time; a window reaches no further than its entity's own facts."""
    return np.asarray((code << SECOND_BITS) + (np.clip(second, EARLIEST_S, -EARLIEST_S - 1) - EARLIEST_S))


def _seconds(times: np.ndarray) -> np.ndarray:
    """Seconds since 1970, shop time. Raises ValueError where there is no time, or one out of range."""
    seconds = np.asarray(times, "datetime64[s]").astype(np.int64)
    # a century and more at both ends is left for windows that reach beyond
    if seconds.size and (seconds.min() < EARLIEST_S // 2 or seconds.max() > -EARLIEST_S - 366 * DAY_S):
        raise ValueError("a time is missing, or before 1902 or after 2104")
    return seconds


def _texts(entity: np.ndarray) -> Iterable[str]:
    return entity.tolist()  # type: ignore[no-any-return]


def _definitions(view: FeatureView | Sequence[FeatureDefinition]) -> Sequence[FeatureDefinition]:
    return view.features if isinstance(view, FeatureView) else view
