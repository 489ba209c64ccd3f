"""How does the POS record a day's contracts: which lines, for how long, at what price?

Both POS lines and scans tell of the same departure where a class is scanned; a reader must count it once. `price` of a line
is the extended price: all units, whole rental, after discount. Rates rise by 3 % each January.
"""

from datetime import timedelta

import numpy as np

from rfid3_shared.twin.columns import Columns, join
from rfid3_shared.twin.contracts import MOST_LEAD_DAYS
from rfid3_shared.twin.demand import Demand, Requests
from rfid3_shared.twin.randomness import Array
from rfid3_shared.twin.world import World

WEEK_FACTOR, MONTH_FACTOR = 2.4, 6.0
"""Weekly and monthly rate as multiples of the daily one."""
RISE_PER_YEAR = 0.03
CONTRACT_COLUMNS = (
    "seq", "store", "book_day", "out_day", "out_second", "due_day", "close_day", "close_second", "delivered", "rent_cents",
)  # fmt: skip
LINE_COLUMNS = ("seq", "line_number", "cls", "units", "day_rate_cents", "discount_percent", "price_cents")


def no_contracts() -> Columns:
    """An empty set of contracts."""
    return {name: np.zeros(0, np.int64) for name in CONTRACT_COLUMNS}


def no_lines() -> Columns:
    """An empty set of contract lines."""
    return {name: np.zeros(0, np.int64) for name in LINE_COLUMNS}


def day_rates(world: World, day: int) -> Array:
    """Daily rate of each class on a day, in cents."""
    years = (world.spec.start + timedelta(days=day)).year - world.spec.start.year
    rates: Array = np.round(world.classes.day_rate_cents * (1 + RISE_PER_YEAR) ** years).astype(np.int64)
    return rates


def period_factor(days: Array) -> Array:
    """Price of a rental of so many days, as a multiple of the daily rate: the cheapest of day, week and month rates."""
    by_week, by_month = np.ceil(days / 7) * WEEK_FACTOR, np.ceil(days / 28) * MONTH_FACTOR
    factor: Array = np.minimum(np.minimum(days, by_week), by_month)
    return factor


def record(
    world: World, requests: Requests, first_seq: int, units: Array, close_day: Array, back_second: Array
) -> tuple[Columns, Columns]:
    """Contracts and lines with at least one unit.

    `units` by request line, `close_day` and `back_second` by contract. Returns CONTRACT_COLUMNS and LINE_COLUMNS.
    """
    contracts, day = requests.contracts, requests.day
    kept = np.flatnonzero(units > 0)
    owner, cls = requests.contract[kept], world.pools.cls[requests.pool[kept]]
    rate = day_rates(world, day)[cls]
    discount = contracts.discount_percent[owner].astype(np.int64)
    gross = rate * period_factor(contracts.length_days[owner]) * units[kept]
    price = np.round(gross * (100 - discount) / 100).astype(np.int64)
    lines: Columns = {
        "seq": first_seq + owner, "line_number": _numbers(owner), "cls": cls, "units": units[kept], "day_rate_cents": rate,
        "discount_percent": discount, "price_cents": price,
    }  # fmt: skip
    rent = np.bincount(owner, weights=price, minlength=len(contracts)).astype(np.int64)
    some = np.unique(owner)
    table: Columns = {
        "seq": first_seq + some, "store": contracts.store[some], "book_day": day - contracts.lead_days[some].astype(np.int64),
        "out_day": np.full(len(some), day), "out_second": contracts.out_second[some],
        "due_day": day + contracts.length_days[some].astype(np.int64), "close_day": close_day[some].astype(np.int64),
        "close_second": back_second[some].astype(np.int64), "delivered": contracts.delivered[some].astype(np.int64),
        "rent_cents": rent[some],
    }  # fmt: skip
    return table, lines


def reservations(demand: Demand, day: int, first_seq: int) -> tuple[Columns, Columns]:
    """Contracts booked before `day` that leave on `day` or later, as requested, at most what the store owns."""
    world, tables, lines = demand.world, [no_contracts()], [no_lines()]
    for ahead in range(MOST_LEAD_DAYS):
        requests = demand.requests_on(day + ahead)
        booked = requests.contracts.lead_days > ahead
        units = np.where(booked[requests.contract], np.minimum(requests.units, world.pools.stock[requests.pool]), 0)
        table, part = record(world, requests, first_seq, units, np.full(len(booked), -1), requests.contracts.out_second)
        tables.append(table)
        lines.append(part)
        first_seq += len(requests.contracts)
    return join(tables), join(lines)


def _numbers(owner: Array) -> Array:
    """1, 2, 3 … within each run of equal owners."""
    numbers: Array = np.arange(len(owner)) - np.searchsorted(owner, owner, side="left") + 1
    return numbers
