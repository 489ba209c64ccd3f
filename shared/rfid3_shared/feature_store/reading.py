"""What does a view's content look like in Redis, and which of it is too old to be used? Bytes and ages; pure.

Values that were not found right for longer than their declaration allows are withheld: nobody computes with them by accident.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from types import MappingProxyType

import orjson

from rfid3_shared.feature_store.definition import FeatureView
from rfid3_shared.feature_store.precision import as_kept
from rfid3_shared.monitor.freshness import State, of_feature

AHEAD = timedelta(minutes=1)
"""How far the clocks of two machines may differ before what one has checked is no longer believed by the other."""
WORST: tuple[State, ...] = ("MISSING", "STALE", "FRESH")
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError)
"""What unpacking damaged bytes raises."""
NUMBERS = {float, type(None)}
Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What the published values rest on.

    seq: the last event that is in them. moment: naive shop time up to which the shop is known. as_of: aware UTC, the time stamp of the
    newest values in the history. checked_at: aware UTC; up to then everything that could be known was taken in.
    """

    seq: int
    moment: datetime
    as_of: datetime
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """Values of the packs asked for, by entity and in the view's order; those of a STALE feature are None.

    state: the worst over the features. absent: packs that are not there, of which nothing is known. age_s: seconds since everything
    was last checked. why: in plain words, empty when FRESH.
    """

    state: State
    states: Mapping[str, State]
    taken_in: TakenIn | None = None
    values: Mapping[str, Values] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    age_s: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """What Redis said, before ages are looked at."""

    taken_in: TakenIn
    values: Mapping[str, Values]
    absent: tuple[str, ...]


def missing(view: FeatureView, packs: tuple[str, ...], why: str) -> Reading:
    """Nothing is known."""
    return Reading("MISSING", dict.fromkeys(view.names, "MISSING"), absent=packs, why=why)


def aged(view: FeatureView, held: Held, now: datetime) -> Reading:
    """What of it may be used now (aware): each feature for as long as its declaration says."""
    checked_at = held.taken_in.checked_at
    ahead = checked_at - now > AHEAD
    states: dict[str, State] = {
        each.name: "STALE" if ahead else of_feature(checked_at, now, each.fresh_for) for each in view.features
    }
    stale = {at for at, state in enumerate(states.values()) if state != "FRESH"}
    age_s = (now - checked_at).total_seconds()
    return Reading(
        min(states.values(), key=WORST.index), states, held.taken_in, _without(held.values, stale) if stale else held.values,
        held.absent, age_s, _why(age_s) if stale else "",
    )  # fmt: skip


def pack(view: FeatureView, values: Mapping[str, Sequence[float | None]]) -> bytes:
    """A pack's values as Redis holds them. Raises ValueError where they do not fit the view."""
    count = len(view.features)
    if any(len(row) != count for row in values.values()):
        raise ValueError(f"the view {view.name} has {count} features, and every entity needs a value or None of each")
    return orjson.dumps({entity: [as_kept(value) for value in row] for entity, row in values.items()})


def unpacked(view: FeatureView, content: bytes) -> dict[str, Values]:
    """The values of a pack by entity. Raises one of UNREADABLE for anything that `pack` does not write."""
    rows: dict[str, list[float | None]] = orjson.loads(content)
    lists = rows.values()
    if not lists:
        return {}
    if {*map(type, lists)} != {list} or {*map(len, lists)} != {len(view.features)}:
        raise ValueError("no rows of values")
    if not {*map(type, chain.from_iterable(lists))} <= NUMBERS:
        raise ValueError("no values")
    return dict(zip(rows, map(tuple, lists), strict=True))


def told(taken_in: TakenIn) -> bytes:
    """What has been taken in, as Redis holds it. Raises ValueError for times with the wrong kind of zone."""
    moment, as_of, checked_at = taken_in.moment, taken_in.as_of, taken_in.checked_at
    if moment.tzinfo is not None or as_of.tzinfo is None or checked_at.tzinfo is None:
        raise ValueError("moment is naive shop time, as_of and checked_at are aware")
    said = {"seq": taken_in.seq, "moment": moment, "as_of": as_of.astimezone(UTC), "checked_at": checked_at.astimezone(UTC)}
    return orjson.dumps(said)


def heard(content: bytes) -> TakenIn:
    """The reverse of `told`. Raises one of UNREADABLE for anything else."""
    said = orjson.loads(content)
    moment, as_of, checked_at = (datetime.fromisoformat(said[name]) for name in ("moment", "as_of", "checked_at"))
    if moment.tzinfo is not None or as_of.tzinfo is None or checked_at.tzinfo is None or type(said["seq"]) is not int:
        raise ValueError("no times as they are written")
    return TakenIn(said["seq"], moment, as_of.astimezone(UTC), checked_at.astimezone(UTC))


def _without(values: Mapping[str, Values], stale: set[int]) -> Mapping[str, Values]:
    return MappingProxyType(
        {entity: tuple(None if at in stale else value for at, value in enumerate(row)) for entity, row in values.items()}
    )


def _why(age_s: float) -> str:
    if age_s < 0:
        return "The present was checked by a clock that runs ahead of this one."
    age = f"{age_s / 60:.0f} minutes" if age_s >= 120 else f"{age_s:.0f} seconds"
    return f"The present was last checked {age} ago; that is too long ago to use it."
