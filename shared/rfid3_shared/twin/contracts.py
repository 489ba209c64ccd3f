"""What does a contract look like: how many classes, booked how early, out for how long, back how late?

Counted in a real shop: 13 items on average (median 6, 90 % up to 26) of 2.5 classes (median 2); out to back 4.6 days at the
median, 5.9 on average, 11 at 90 %.
"""

from dataclasses import dataclass

import numpy as np

from rfid3_shared.twin.catalogue import EVENTS
from rfid3_shared.twin.randomness import Array

CLASS_COUNT_SHARES = (0.36, 0.25, 0.15, 0.09, 0.055, 0.035, 0.02, 0.015, 0.012, 0.013)
"""Contracts by number of classes asked for, from 1."""
LEAD_MEDIAN_DAYS = dict(zip(EVENTS, (45.0, 30.0, 12.0, 14.0, 16.0, 4.0), strict=True))
LEAD_SPREAD, MOST_LEAD_DAYS = 1.0, 120
LENGTH_MEDIAN_DAYS, LENGTH_SPREAD, MOST_LENGTH_DAYS = 3.8, 0.68, 60
LATE_SHARE, MOST_LATE_DAYS = 0.10, 5
DELIVERY_SHARE = 0.07
DISCOUNTS_PERCENT, DISCOUNT_SHARES = (0, 5, 10, 15), (0.84, 0.06, 0.07, 0.03)
OPENING_S, CLOSING_S = 7 * 3600 + 1800, 17 * 3600


@dataclass(frozen=True)
class Contracts:
    """Contracts that leave on one day; arrays by contract."""

    store: Array
    event: Array
    lead_days: Array
    """Days between booking and leaving."""
    length_days: Array
    """Promised days out."""
    late_days: Array
    out_second: Array
    """Second of the day on which the goods leave."""
    scale: Array
    """How large the occasion is: a standard normal number shared by all lines."""
    delivered: Array
    discount_percent: Array

    def __len__(self) -> int:
        return len(self.store)


def mean_class_count() -> float:
    """Classes on a contract, on average, before two lines of one class are joined."""
    shares = np.array(CLASS_COUNT_SHARES)
    return float((shares * np.arange(1, len(shares) + 1)).sum() / shares.sum())


def draw_contracts(store: Array, event: Array, rng: np.random.Generator) -> Contracts:
    """The particulars of contracts at the given stores for the given occasions."""
    count = len(store)
    median = np.array([LEAD_MEDIAN_DAYS[name] for name in EVENTS])[event]
    lead = np.floor(median * np.exp(LEAD_SPREAD * rng.standard_normal(count)))
    lead = np.where(rng.random(count) < 0.12, rng.integers(0, 2, count), lead)
    length = np.round(LENGTH_MEDIAN_DAYS * np.exp(LENGTH_SPREAD * rng.standard_normal(count)))
    late = np.where(rng.random(count) < LATE_SHARE, rng.integers(1, MOST_LATE_DAYS + 1, count), 0)
    return Contracts(
        store=store, event=event,
        lead_days=np.clip(lead, 0, MOST_LEAD_DAYS).astype(np.int32),
        length_days=np.clip(length, 1, MOST_LENGTH_DAYS).astype(np.int32), late_days=late.astype(np.int32),
        out_second=draw_seconds(count, rng), scale=rng.standard_normal(count), delivered=rng.random(count) < DELIVERY_SHARE,
        discount_percent=rng.choice(DISCOUNTS_PERCENT, count, p=DISCOUNT_SHARES),
    )  # fmt: skip


def draw_seconds(count: int, rng: np.random.Generator) -> Array:
    """Seconds of the day at which staff scan: opening hours, mostly in the morning."""
    return (OPENING_S + (CLOSING_S - OPENING_S) * rng.beta(1.3, 2.2, count)).astype(np.int64)
