"""How much of the stock was out in the last weeks, what stood idle, and what are units worth? Measured in RFID3's tables, read-only.

Utilization of some units = days that units were out ÷ (units in service × days). It is worked out in the background, at most every
ten minutes, and kept in memory.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_gateway.dashboard import stays
from rfid3_gateway.kept import Kept
from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.source.business_day import business_day
from rfid3_shared.source.store_codes import UNASSIGNED, class_stores, store_codes, store_id
from rfid3_shared.source.tables import default_mappings, items, pos_equipment, scans, stores, user_mappings
from rfid3_shared.source.vocabulary import category_name, is_test_category

KEPT_S = 600.0
RECENT_WEEKS, IDLE_WEEKS = 8, 52
NOT_NOW = "How much of the stock is used is still being measured, or RFID3's database cannot be read: ask again in a moment."
LEAST_DAYS = 7
"""Days of scans without which no utilization is worked out."""


@dataclass(frozen=True)
class ClassUse:
    """The units of one rental class in one store."""

    rental_class: str
    category: str | None
    store: str | None
    units: int
    """In service: neither sold, missing nor for resale."""
    out_days: float
    """Days that all of them together were out in the last weeks."""
    seen: int
    """Units that were scanned within the last year, or since records began."""
    idle: int
    """Those of them that never went out in it."""


@dataclass(frozen=True)
class Measured:
    """The use of the whole stock, and what a unit of each class is sold for and costs."""

    as_of: date | None
    """Day of the last scan; None when there is none."""
    recent_days: int
    idle_weeks: int
    usual_stay_days: float | None
    use: tuple[ClassUse, ...]
    sell_usd: Mapping[str, float]
    buy_usd: Mapping[str, float]
    """The retail price, else the sell price."""
    codes: Mapping[str, str]
    """POS code to RFID3's store id."""
    categories: Mapping[str, str]
    """Rental class to category, test entries left out."""

    @property
    def told(self) -> bool:
        """Whether utilization can be told from the scans there are."""
        return self.recent_days >= LEAST_DAYS and self.usual_stay_days is not None

    def of(self, store: str | None) -> list[ClassUse]:
        """The classes of one store, or of all."""
        return [one for one in self.use if store is None or one.store == store]

    def ratio(self, some: Iterable[ClassUse]) -> float | None:
        """Share of the units that was out; None where it cannot be told."""
        chosen = list(some)
        units = sum(one.units for one in chosen)
        if not units or not self.told:
            return None
        return min(1.0, sum(one.out_days for one in chosen) / (units * self.recent_days))


class Utilization:
    """The last measurement; one serves all for ten minutes."""

    def __init__(self, source: AsyncEngine, clock: Clock) -> None:
        async def read() -> Measured:
            async with transaction(source) as connection:
                return await measure(connection, clock)

        self._measured = Kept("utilization", read, KEPT_S, clock, NOT_NOW)

    async def measured(self, timeout_s: float) -> Measured:
        """The measurement. Raises StoreUnavailable when there is none within the time."""
        return await self._measured.value(timeout_s)


async def measure(connection: AsyncConnection, clock: Clock) -> Measured:
    """Measure everything; a handful of statements."""
    codes = store_codes(
        [(row[0], row[1]) for row in await _rows(connection, select(stores.c.pos_store_code, stores.c.store_id))]
    )
    categories = await _categories(connection)
    fleet = await _rows(connection, stays.select_in_service())
    sell_usd, buy_usd, placed = await _prices(connection, {row[0] for row in fleet}, codes)
    today = await business_day(connection, clock)
    tomorrow = datetime.combine(today + timedelta(days=1), time.min)
    span = select(func.min(scans.c.scan_date), func.max(scans.c.scan_date)).where(scans.c.scan_date < tomorrow)
    first, last = (await connection.execute(span)).one()
    if first is None:
        return Measured(None, 0, 0, None, (), sell_usd, buy_usd, codes, categories)
    end = datetime.combine(last.date() + timedelta(days=1), time.min)
    since = max(end - timedelta(weeks=IDLE_WEEKS), datetime.combine(first.date(), time.min))
    recent = max(end - timedelta(weeks=RECENT_WEEKS), since)
    usual_s = (await connection.execute(stays.select_usual_stay(since, end))).scalar()
    used = await _rows(connection, stays.select_use(since, recent, end, round(usual_s or 0)))
    # in a thread: a large company has many rows of it
    use = await asyncio.to_thread(_join, fleet, used, codes, placed, categories)
    return Measured(
        last.date(), (end - recent).days, (end - since).days // 7, None if usual_s is None else float(usual_s) / stays.DAY_S,
        use, sell_usd, buy_usd, codes, categories,
    )  # fmt: skip


async def _rows(connection: AsyncConnection, query: Any) -> list[Any]:
    return list(await connection.execute(query))


async def _categories(connection: AsyncConnection) -> dict[str, str]:
    """Rental class to category; the user's mapping goes before the default one."""
    found: dict[str, str] = {}
    for table in (default_mappings, user_mappings):
        for number, written in await _rows(connection, select(table.c.rental_class_id, table.c.category)):
            name = category_name(written)
            if name and not is_test_category(name):
                found[number.strip()] = name
            else:
                found.pop(number.strip(), None)
    return found


async def _prices(
    connection: AsyncConnection, classes: set[str], codes: Mapping[str, str]
) -> tuple[dict[str, float], dict[str, float], dict[str, str]]:  # fmt: skip
    """Sell price, price of a new one and store of the POS item of each class, where they are known."""
    i, e = items.c, pos_equipment.c
    numbers = [int(name) for name in classes if name.isascii() and name.isdigit() and len(name) < 10]
    priced = select(i.item_num, i.current_store, i.home_store, i.sell_price, i.retail_price)
    mastered = await _rows(connection, priced.where(i.item_num.in_(numbers)))
    listed = await _rows(connection, select(e.item_num, e.current_store, e.sell_price).where(e.item_num.in_(classes)))
    sell = {str(row[0]).strip(): float(row[2]) for row in listed if row[2] and row[2] > 0}
    sell |= {str(row[0]): float(row[3]) for row in mastered if row[3] and row[3] > 0}
    buy = {**sell, **{str(row[0]): float(row[4]) for row in mastered if row[4] and row[4] > 0}}
    return sell, buy, class_stores(((row[0], row[1], row[2]) for row in mastered), ((row[0], row[1]) for row in listed), codes)


def _join(
    fleet: list[Any], used: list[Any], codes: Mapping[str, str], placed: Mapping[str, str], categories: Mapping[str, str]
) -> tuple[ClassUse, ...]:  # fmt: skip
    """Units in service beside what became of them, by class and store; a unit without a store stands where its class does."""

    def store_of(number: str, current: str | None, home: str | None) -> str | None:
        known = (store_id(code, codes) for code in (current, home))
        return next((one for one in known if one not in (None, UNASSIGNED)), placed.get(number))

    found: dict[tuple[str, str | None], list[float]] = {}
    for number, current, home, units in fleet:
        found.setdefault((number, store_of(number, current, home)), [0.0, 0.0, 0.0, 0.0])[0] += units
    for number, current, home, seen, left, out_s in used:
        sums = found.setdefault((number, store_of(number, current, home)), [0.0, 0.0, 0.0, 0.0])
        sums[1] += float(out_s) / stays.DAY_S
        sums[2] += int(seen)
        sums[3] += int(seen) - int(left)
    return tuple(
        ClassUse(number, categories.get(number), store, int(units), out_days, int(seen), int(idle))
        for (number, store), (units, out_days, seen, idle) in sorted(
            found.items(), key=lambda pair: (pair[0][0], pair[0][1] or "")
        )
    )
