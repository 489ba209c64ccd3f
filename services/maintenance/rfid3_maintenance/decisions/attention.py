"""Which items deserve a person's eye today? At most so many new alerts a day, by dollars at stake; no item twice; none that flaps.

An item is raised when its dollars and its chance are both above a bound, and closed only when either has fallen well below it; in
between it stays as it was. An item already open is not raised again, and costs nothing of the day's budget; a snoozed one is left
alone until its time. What the budget leaves out is named, not lost: it is tomorrow's first candidate if it still matters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Level = Literal["warning", "high", "critical"]
Left = Literal["below the bounds", "snoozed", "open already", "no attention left today"]


@dataclass(frozen=True)
class Rules:
    """The bounds, all documented here.

    per_day: new alerts a day, as many as one person looks at properly in an hour. Levels: (name, dollars at least, chance at least), lowest
    first; $250 and $1,000 are the bounds of `priority`, chances those of mission.md S4-02. hold_ratio: an open alert keeps its
    level until dollars or chance fall below this share of the level's bound.
    """

    per_day: int = 20
    levels: tuple[tuple[Level, float, float], ...] = (("warning", 50.0, 0.2), ("high", 250.0, 0.4), ("critical", 1000.0, 0.7))
    hold_ratio: float = 0.8


@dataclass(frozen=True)
class Candidate:
    """An item as it stands: dollars at stake and the chance of failure."""

    item: str
    at_stake_usd: float
    probability: float


@dataclass(frozen=True)
class State:
    """What is known before: open alerts by item, snoozes (item → until), and how many were raised today."""

    open: Mapping[str, Level]
    snoozed_until: Mapping[str, datetime]
    raised_today: int = 0


@dataclass(frozen=True)
class Alert:
    """An alert to raise or to change."""

    item: str
    level: Level
    at_stake_usd: float
    probability: float


@dataclass(frozen=True)
class Attention:
    """raised: new today; changed: open ones at another level; closed: items no longer worth it; open: what stands after it.

    left: every other candidate, and why.
    """

    raised: tuple[Alert, ...]
    changed: tuple[Alert, ...]
    closed: tuple[str, ...]
    open: Mapping[str, Level]
    left: Mapping[str, Left]


def attend(candidates: Iterable[Candidate], state: State, now: datetime, rules: Rules | None = None) -> Attention:
    """What to raise, change and close. Of an item named twice the higher stake counts; open items that are not named stay open.

    A number that is not one counts as 0. now and the snoozes must both be aware, or both naive.
    """
    rules = rules or Rules()
    open_now, left = dict(state.open), dict[str, Left]()
    changed: list[Alert] = []
    closed: list[str] = []
    fresh: list[Alert] = []
    for one in sorted(_once(candidates).values(), key=_order):
        level = _level(one, state.open.get(one.item), rules)
        if (until := state.snoozed_until.get(one.item)) is not None and now < until:
            left[one.item] = "snoozed"
        elif one.item in state.open:
            if level is None:
                closed.append(one.item)
                del open_now[one.item]
            elif level != state.open[one.item]:
                changed.append(_alert(one, level))
                open_now[one.item] = level
            else:
                left[one.item] = "open already"
        elif level is None:
            left[one.item] = "below the bounds"
        else:
            fresh.append(_alert(one, level))
    room = max(rules.per_day - state.raised_today, 0)
    raised = fresh[:room]
    left.update((one.item, "no attention left today") for one in fresh[room:])
    open_now |= {one.item: one.level for one in raised}
    return Attention(tuple(raised), tuple(changed), tuple(closed), open_now, left)


def _once(candidates: Iterable[Candidate]) -> dict[str, Candidate]:
    found: dict[str, Candidate] = {}
    for one in candidates:
        if one.item not in found or _order(one) < _order(found[one.item]):
            found[one.item] = one
    return found


def _order(one: Candidate) -> tuple[float, float, str]:
    """Most dollars first, then the likelier, then by name; what is not a number last."""
    return -_number(one.at_stake_usd), -_number(one.probability), one.item


def _number(value: float) -> float:
    return value if value == value else 0.0


def _level(one: Candidate, held: Level | None, rules: Rules) -> Level | None:
    """The highest level whose bounds it meets; those up to the level held are met a little longer."""
    names = [name for name, _, _ in rules.levels]
    upto = names.index(held) if held in names else -1
    met = [
        name for at, (name, usd, chance) in enumerate(rules.levels)
        for share in [rules.hold_ratio if at <= upto else 1.0]
        if _number(one.at_stake_usd) >= usd * share and _number(one.probability) >= chance * share
    ]  # fmt: skip
    return met[-1] if met else None


def _alert(one: Candidate, level: Level) -> Alert:
    return Alert(one.item, level, one.at_stake_usd, one.probability)
