"""What does the shop own, and where does it stand? True counts from RFID3's own tables, read-only, a few seconds old at most.

A unit is a tagged item; rows of the POS without a tag are counted apart. Words that nobody knows are counted as unknown, never
guessed. A unit without a store of its own counts at the store of its class's POS item, and how many did is told.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_gateway.kept import Kept
from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import NotFound
from rfid3_shared.source.store_codes import UNASSIGNED, class_stores, store_codes, store_id
from rfid3_shared.source.tables import default_mappings, items, pos_equipment, stores, user_mappings
from rfid3_shared.source.vocabulary import Condition, category_name, condition, known_status, trimmed

KEPT_S = 10.0
ALL = ("all", "000", "0", "")


@dataclass(frozen=True)
class Units:
    """Some units that are alike."""

    category: str | None
    status: str | None
    store: str | None
    store_inferred: bool
    count: int


@dataclass(frozen=True)
class Stock:
    """Everything counted at one moment."""

    units: tuple[Units, ...]
    untagged: int
    """Rows of the POS without a tag."""
    categories: tuple[str, ...]
    store_codes: Mapping[str, str]
    """POS code to RFID3's store id."""
    last_scan: date | None
    counted_at: datetime

    def category_called(self, wanted: str | None) -> str | None:
        """The category as the mapping spells it; None for all of them.

        Raises NotFound with suggestions.
        """
        if wanted is None or wanted.strip().casefold() in ALL:
            return None
        by_fold = {name.casefold(): name for name in self.categories}
        folded = (category_name(wanted) or "").casefold()
        if folded not in by_fold:
            near = [by_fold[fold] for fold in get_close_matches(folded, by_fold, n=5, cutoff=0.5)]
            raise NotFound(
                f"No category is called {wanted!r}.", parameter="category", suggestion=near or [*self.categories[:5]]
            )
        return by_fold[folded]

    def store_called(self, wanted: str | None) -> str | None:
        """The store as RFID3 numbers it; None for all of them.

        Raises NotFound with those there are.
        """
        return store_called(wanted, self.store_codes)

    def summary(self, category: str | None = None, store: str | None = None) -> dict[str, Any]:
        """The counts as JSON values, of everything or of one category, one store, or both (as `…_called` give them)."""
        chosen = [
            one
            for one in self.units
            if (category is None or one.category == category) and (store is None or one.store == store)
        ]
        total, inferred = _total(chosen), _total(one for one in chosen if one.store_inferred)
        by_category: dict[str | None, list[Units]] = {}
        for one in chosen:
            by_category.setdefault(one.category, []).append(one)
        ordered = sorted(by_category.items(), key=lambda pair: (pair[0] is None, -_total(pair[1]), pair[0] or ""))
        return {
            "total_units": total,
            "by_condition": _conditions(chosen),
            "by_status": _statuses(chosen),
            "by_category": [{"category": name, "total_units": _total(own), **_conditions(own)} for name, own in ordered],
            "untagged_pos_items": self.untagged if category is None and store is None else None,
            "store_inferred_ratio": round(inferred / total, 4) if total else None,
            "data_as_of": self.last_scan,
            "counted_at": self.counted_at,
        }


def store_called(wanted: str | None, codes: Mapping[str, str]) -> str | None:
    """The store as RFID3 numbers it; None for all of them. codes: POS code to RFID3's store id.

    Raises NotFound with those there are.
    """
    if wanted is None or wanted.strip().casefold() in ALL:
        return None
    found = store_id(wanted, codes)
    if found is None:
        known = sorted(set(codes.values()))
        raise NotFound(f"No store is numbered {wanted!r}.", parameter="store", suggestion=known)
    return found


class Inventory:
    """The stock as last counted; one count serves all who ask within ten seconds."""

    def __init__(self, source: AsyncEngine, clock: Clock) -> None:
        async def read() -> Stock:
            async with transaction(source) as connection:
                return await count(connection, clock)

        self._stock = Kept("inventory", read, KEPT_S, clock, "RFID3's database cannot be read now.")

    async def stock(self, timeout_s: float) -> Stock:
        """The stock, at most ten seconds old, or as last counted (see `counted_at`) when that takes longer than the time.

        Raises StoreUnavailable when it was never counted and cannot be now.
        """
        return await self._stock.value(timeout_s)


async def count(connection: AsyncConnection, clock: Clock) -> Stock:
    """Count everything; a handful of statements, each over one table."""
    i, e = items.c, pos_equipment.c
    cls = func.trim(i.rental_class_num)
    keys = (cls, i.status, i.current_store, i.home_store)

    async def rows(query: Select[Any]) -> list[Any]:
        return list(await connection.execute(query))

    tagged = await rows(select(*keys, func.count()).where(i.item_num.is_(None)).group_by(*keys))
    classes = {row[0] for row in tagged if row[0]}
    numbers = [int(name) for name in classes if name.isascii() and name.isdigit() and len(name) < 10]
    mappings = [await rows(select(table.c.rental_class_id, table.c.category)) for table in (default_mappings, user_mappings)]
    codes = await rows(select(stores.c.pos_store_code, stores.c.store_id))
    mastered = await rows(select(i.item_num, i.current_store, i.home_store).where(i.item_num.in_(numbers)))
    listed = await rows(select(e.item_num, e.current_store).where(e.item_num.in_(classes)))
    untagged = (await connection.execute(select(func.count()).where(i.item_num.is_not(None)))).scalar_one()
    end = datetime.combine(clock.today(), time.max)
    last_scan = (await connection.execute(select(func.max(i.date_last_scanned)).where(i.date_last_scanned <= end))).scalar()
    categories = {number.strip(): category_name(category) for mapping in mappings for number, category in mapping}
    # in a thread: it takes a while
    units, known_codes = await asyncio.to_thread(_join, tagged, categories, codes, mastered, listed)
    known = tuple(sorted({name for name in categories.values() if name}))
    return Stock(units, untagged, known, known_codes, last_scan.date() if last_scan else None, clock.now())


def _join(
    tagged: list[Any], categories: Mapping[str, str | None], codes: list[Any], mastered: list[Any],
    listed: list[Any],
) -> tuple[tuple[Units, ...], Mapping[str, str]]:  # fmt: skip
    """The units with category and store, and the stores' codes."""
    known = store_codes((row[0], row[1]) for row in codes)
    of_class = class_stores(mastered, listed, known)

    def placed(written: str | None) -> str | None:
        found = store_id(written, known)
        return None if found == UNASSIGNED else found

    counted: Counter[tuple[str | None, str | None, str | None, bool]] = Counter()
    for number, status, current, home, units in tagged:
        own = placed(current) or placed(home)
        inferred = None if own else of_class.get(number)
        counted[categories.get(number), trimmed(status), own or inferred, inferred is not None] += units
    return tuple(Units(*alike, units) for alike, units in counted.items()), known


def _total(units: Iterable[Units]) -> int:
    return sum(one.count for one in units)


def _conditions(units: Iterable[Units]) -> dict[str, int]:
    """Units by what their status means; those without one count as unknown."""
    counted = dict.fromkeys((kind.value for kind in Condition), 0)
    for one in units:
        counted[condition(one.status) or Condition.UNKNOWN] += one.count
    return counted


def _statuses(units: Iterable[Units]) -> dict[str, int]:
    """Units by RFID3's own word, most first; `(none)` and `(unknown word)` for those without a usable one."""
    counted: Counter[str] = Counter()
    for one in units:
        word = one.status if one.status and known_status(one.status) else "(unknown word)" if one.status else "(none)"
        counted[word] += one.count
    return dict(counted.most_common())
