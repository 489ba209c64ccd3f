"""When did a unit come back whose return nobody scanned?

Units of one contract mostly come back together, so the scanned returns of its companions tell most; the rest is how long rentals
last, by the weekday on which they left. A third of returns leave no scan at all, so this decides how full a shelf was. How far
companions agree, and how often a sighting is itself the return, is measured in the same scans.
"""

from dataclasses import dataclass, replace

import numpy as np

from rfid3_demand.censoring.spells import NEVER, Spells

LONGEST_DAYS = 120
WEEKDAY_WEIGHT = 20.0
"""Rentals of all weekdays that count beside those of the own one."""
MANY = 8
USUAL_DAYS = 7
"""Length of a rental where no return was ever scanned."""
BIG = 1 << 20


@dataclass(frozen=True)
class Lengths:
    """How long rentals last, and what unseen returns have in common with seen ones."""

    cdf: np.ndarray
    """(7, LONGEST_DAYS + 1) chance of being back within g days, by weekday of leaving."""
    companion_keys: np.ndarray
    """Sorted contract · BIG + day of every scanned return."""
    pooled_weight: float
    """How many companions the pooled lengths are worth, …"""
    straggling: float
    """… and how many more for each companion: one that comes late comes alone, however many came together."""
    touch_odds: float
    """How much likelier a return is on the day of a first sighting than its length alone says."""

    def returned_by(self, spells: Spells, rows: np.ndarray, days: np.ndarray, weekdays: np.ndarray) -> np.ndarray:
        """Weight of a return on or before each day, per row (a spell and a day); not divided by the total."""
        contract, out = spells.contract[rows], spells.out_day[rows]
        low = np.searchsorted(self.companion_keys, contract * BIG + out, side="left")
        high = np.searchsorted(self.companion_keys, contract * BIG + np.maximum(days, out - 1), side="right")
        every = np.searchsorted(self.companion_keys, (contract + 1) * BIG, side="left") - low
        gap = np.clip(days - out, -1, LONGEST_DAYS)
        own = np.where(gap >= 0, self.cdf[weekdays, np.maximum(gap, 0)], 0.0)
        return np.asarray((high - low) + (self.pooled_weight + self.straggling * every) * own)


def lengths(spells: Spells, first_weekday: int) -> Lengths:
    """Learn from every scanned return. first_weekday: of day 0, Monday = 0."""
    seen = spells.returned & (spells.out_day != NEVER)
    gap = np.clip(spells.known_day - spells.out_day, 0, LONGEST_DAYS)[seen]
    weekday = (spells.out_day[seen] + first_weekday) % 7
    counts = np.zeros((7, LONGEST_DAYS + 1))
    np.add.at(counts, (weekday, gap), 1.0)
    total = counts.sum(axis=0)
    overall = total / total.sum() if total.sum() else np.eye(LONGEST_DAYS + 1)[USUAL_DAYS]
    pmf = (counts + WEEKDAY_WEIGHT * overall) / (counts.sum(axis=1, keepdims=True) + WEEKDAY_WEIGHT)
    keys = np.sort(spells.contract[seen] * BIG + spells.known_day[seen])
    straggling = _straggling(keys)
    plain = Lengths(np.cumsum(pmf, axis=1), keys, max(_pooled_weight(keys, overall) - straggling, 0.02), straggling, 1.0)
    return replace(plain, touch_odds=_touch_odds(plain, spells, first_weekday))


def _pooled_weight(keys: np.ndarray, overall: np.ndarray) -> float:
    """From how often two scanned returns of one contract fall on one day: (1 − agreement) / (agreement − chance agreement)."""
    _, per_day = np.unique(keys, return_counts=True)
    _, per_contract = np.unique(keys // BIG, return_counts=True)
    pairs = float((per_contract * (per_contract - 1)).sum())
    agree = float((per_day * (per_day - 1)).sum()) / pairs if pairs else 0.0
    chance = float((overall**2).sum())
    return float(np.clip((1 - agree) / max(agree - chance, 1e-3), 0.05, 5.0))


def _straggling(keys: np.ndarray) -> float:
    """Share of scanned returns that came on a day of their own, of contracts with MANY or more of them."""
    day_keys, per_day = np.unique(keys, return_counts=True)
    _, at, per_contract = np.unique(day_keys // BIG, return_inverse=True, return_counts=True)
    units = np.bincount(at, weights=per_day, minlength=len(per_contract))[at]
    many = units >= MANY
    return float((per_day[many] == 1).sum() / per_day[many].sum()) if many.any() else 0.0


def _touch_odds(plain: Lengths, spells: Spells, first_weekday: int) -> float:
    """Chance that an unscanned return is sighted on its day, over the chance of being sighted on a later one; by EM."""
    out = spells.out_day != NEVER
    rows = np.flatnonzero(spells.touched & out)
    others = int((out & ~spells.touched & ~spells.returned).sum())
    if not len(rows):
        return 1.0
    weekday = (spells.out_day[rows] + first_weekday) % 7
    day = spells.known_day[rows]
    before = plain.returned_by(spells, rows, day - 1, weekday)
    at = plain.returned_by(spells, rows, day, weekday) - before
    # days from a rental's usual end to its first sign of life, over all units: how long sightings take
    waiting = np.clip(np.minimum(spells.known_day, spells.left_day)[out] - spells.out_day[out], 1, None).sum()
    odds = 10.0
    for _ in range(20):
        itself = odds * at / np.maximum(before + odds * at, 1e-12)
        same_day = itself.sum() / max(itself.sum() + (1 - itself).sum() + others, 1.0)
        later = max((1 - itself).sum(), 1.0) / max(float(waiting), 1.0)
        odds = float(np.clip(same_day / max((1 - same_day) * later, 1e-12), 1.0, 1e4))
    return odds
