"""Which items of half a million come first? Chances of all items at once, filtered and put in order; pure over a snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from rfid3_maintenance.costing import kept_moments, moment_of
from rfid3_maintenance.decisions.curve import at_days
from rfid3_maintenance.decisions.priority import priorities
from rfid3_maintenance.decisions.recorded_share import wear_of_all
from rfid3_maintenance.decisions.service_moment import Moment
from rfid3_maintenance.item import Item, Report, item_of
from rfid3_maintenance.kinds import HORIZONS_DAYS
from rfid3_maintenance.snapshot import Snapshot
from rfid3_shared.errors import AppError, NotFound
from rfid3_shared.item_life.snapshot import CODES

MOST_KEPT = 4
"""Horizons whose chances of all items are kept in memory: 4 MB each for half a million."""
COLUMNS = tuple(one.name for one in fields(Moment) if one.name not in ("advice", "horizon_days"))
Reports = Mapping[int, Report]
"""Row → what was reported of the item since."""


class UnknownEquipment(NotFound):
    """No category and no rental class is called like that."""


@dataclass(frozen=True)
class Ranked:
    """Items in order: rows of the snapshot, chances of failure with their 80 % interval, and the best moment of each."""

    rows: np.ndarray
    chance: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    moment: Moment
    monitored: int
    """Items in service that the filter names, whatever their chance."""


def within(snapshot: Snapshot, equipment_filter: str) -> np.ndarray:
    """(units,) whether an item is of the category or the rental class named; `all` names every one.

    Raises UnknownEquipment with names that look like it.
    """
    wanted = equipment_filter.strip().casefold()
    if wanted == "all":
        return np.ones(len(snapshot.ids), bool)
    classes = [at for at, one in enumerate(snapshot.spec.classes) if one["rental_class"].casefold() == wanted]
    if classes:
        return np.asarray(np.isin(snapshot.codes[:, CODES.index("rental_class")], classes))
    categories = [at for at, name in enumerate(snapshot.spec.categories) if name.casefold() == wanted]
    if categories:
        return np.asarray(np.isin(snapshot.codes[:, CODES.index("category")], categories))
    raise UnknownEquipment(
        f"No category and no rental class is called {equipment_filter[:64]!r}.", parameter="equipment_filter",
        suggestion=suggestions(equipment_filter, snapshot.spec.categories),
    )  # fmt: skip


def suggestions(wanted: str, known: list[str], most: int = 5) -> list[str]:
    """Known names that look like the wanted one; some known names when none does."""
    from difflib import get_close_matches

    by_fold = {name.casefold(): name for name in known}
    folded = wanted.casefold().strip()
    close = [by_fold[fold] for fold in get_close_matches(folded, by_fold, n=most, cutoff=0.5)]
    containing = [name for fold, name in by_fold.items() if len(folded) > 2 and (folded in fold or fold in folded)]
    return list(dict.fromkeys([*close, *containing]))[:most] or known[:most]


def chances(snapshot: Snapshot, days: float, *, of_all: bool = False) -> np.ndarray:
    """(units,) chance of a wear failure within so many days, of all units, as training scored them.

    of_all: of failures written down or not, where the share is known.
    """
    key = ("chances", float(days), of_all)
    if key not in snapshot.kept:
        for old in [name for name in snapshot.kept if name[0] == "chances"][: max(0, len(snapshot.kept) - MOST_KEPT)]:
            snapshot.kept.pop(old, None)
        every = np.arange(len(snapshot.ids))
        per = snapshot.per_recorded(every) if of_all else None
        snapshot.kept[key] = -np.expm1(-_expected(snapshot, every, days, per)).astype(np.float32)
    return np.asarray(snapshot.kept[key])


def ranked(snapshot: Snapshot, days: int, equipment_filter: str, least_chance: float, sort_by: str, reports: Reports) -> Ranked:
    """Items in service whose chance of a wear failure within `days` is at least `least_chance`, first things first.

    priority: by how urgent, then by dollars avoided, dollars at stake, days left. Raises UnknownEquipment.
    """
    named = within(snapshot, equipment_filter) & snapshot.answerable
    chance = chances(snapshot, days)
    rows = np.flatnonzero(named & (chance >= least_chance))
    moved = {row: item for row in reports if named[row] and (item := _moved(snapshot, row, reports[row])) is not None}
    rows = rows[~np.isin(rows, list(reports))]
    found, moment = np.asarray(chance[rows], float), kept_moments(snapshot, rows)
    lower, upper = intervals(snapshot, rows, days)
    for row, item in moved.items():
        if item.chance(days) >= least_chance:
            rows, found = np.append(rows, row), np.append(found, item.chance(days))
            low, high = item.interval(days)
            lower, upper, moment = np.append(lower, low), np.append(upper, high), joined(moment, moment_of(item))
    order = _order(sort_by, rows, found, moment, np.asarray(snapshot.costs[rows, 0], float))
    return Ranked(rows[order], found[order], lower[order], upper[order], taken(moment, order), int(named.sum()))


def intervals(snapshot: Snapshot, rows: np.ndarray, days: float) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) 80 % interval of the chance within `days`: as `Item.interval`, for many."""
    expected = _expected(snapshot, rows, days)
    at_horizons = np.stack([_expected(snapshot, rows, horizon) for horizon in HORIZONS_DAYS], axis=1)
    bounds = -np.log1p(-np.clip(np.asarray(snapshot.band[rows], float), 0.0, 1.0 - 1e-9))
    ratios = bounds / np.maximum(at_horizons, 1e-12)[:, :, None]
    place = float(np.clip(np.interp(np.log(days), np.log(HORIZONS_DAYS), np.arange(len(HORIZONS_DAYS))), 0, 3))
    left, share = min(int(place), 2), place - min(int(place), 2)
    low = np.minimum(ratios[:, :, 0], 1.0)
    high = np.maximum(ratios[:, :, 1], 1.0)
    low, high = ((1 - share) * part[:, left] + share * part[:, left + 1] for part in (low, high))
    return -np.expm1(-expected * low), -np.expm1(-expected * high)


def joined(one: Moment, other: Moment) -> Moment:
    """Two lists of moments as one."""
    columns = {name: np.append(getattr(one, name), getattr(other, name)) for name in COLUMNS}
    return Moment(**columns, advice=[*one.advice, *other.advice], horizon_days=one.horizon_days)


def taken(moment: Moment, order: np.ndarray) -> Moment:
    """The moments at these positions."""
    columns = {name: getattr(moment, name)[order] for name in COLUMNS}
    return Moment(**columns, advice=[moment.advice[at] for at in order.tolist()], horizon_days=moment.horizon_days)


def _moved(snapshot: Snapshot, row: int, report: Report) -> Item | None:
    """The item as it is after what was reported; None where nothing can be said of it any more."""
    try:
        return item_of(snapshot, snapshot.id_of(row), report)
    except AppError:
        return None


def _expected(snapshot: Snapshot, rows: np.ndarray, days: float, per_recorded: np.ndarray | None = None) -> np.ndarray:
    """(rows,) expected wear failures within `days`."""
    wear = wear_of_all(snapshot.survival[rows], np.ones(len(rows)) if per_recorded is None else per_recorded)
    return at_days(wear, snapshot.spec.cuts_days, np.full(len(rows), float(days))) if len(rows) else np.zeros(0)


def _order(sort_by: str, rows: np.ndarray, chance: np.ndarray, moment: Moment, planned_usd: np.ndarray) -> np.ndarray:
    days = np.where(np.isnan(moment.day_days), np.inf, moment.day_days)
    keys = {
        "priority": (rows, days, -moment.at_stake_usd, -moment.avoided_usd, -priorities(moment)),
        "date": (rows, -moment.avoided_usd, days), "cost": (rows, -moment.avoided_usd, -planned_usd),
        "probability": (rows, -moment.avoided_usd, -chance),
    }  # fmt: skip
    return np.lexsort(keys[sort_by])
