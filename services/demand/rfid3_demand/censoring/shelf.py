"""What stood on each shelf on each day? Units at hand at opening, and the chance that the shelf was empty by closing time.

A shelf was empty at closing when every unit at hand in the morning left: no unit is known to have stayed, and none of those whose
whereabouts are uncertain did. Sums over spells are differences summed up along the days, so the work grows with spells, not with
spells times days.

A unit in the books that stands on no shelf hides that its shelf was empty: then nothing is added, which is the safe side.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from rfid3_demand.censoring.returns import LONGEST_DAYS, Lengths, lengths
from rfid3_demand.censoring.spells import NEVER, Spells

IMPOSSIBLE, LOG_IMPOSSIBLE = 1e-6, -30.0
CHUNK_SPELLS = 100_000


@dataclass(frozen=True)
class Shelves:
    """Arrays (series, days)."""

    served: np.ndarray
    """Units that left."""
    at_hand: np.ndarray
    """Expected units at hand at opening; those that left are among them."""
    empty: np.ndarray
    """Chance that nothing was left at closing, given the scans alone."""


def shelves(spells: Spells, count: int, first: date, days: int) -> Shelves:
    """The days of `count` shelves from `first` on."""
    served = np.zeros((count, days))
    left = spells.left_day < days
    np.add.at(served, (spells.series[left], spells.left_day[left]), 1.0)
    known = lengths(spells, first.weekday())
    stayed, nobody = _stayed(spells, known, count, first, days)
    return Shelves(served, served + stayed, np.exp(nobody))


def _stayed(spells: Spells, known: Lengths, count: int, first: date, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Expected units that were at hand all day and stayed, and the log chance that there was none; (series, days) each."""
    expected, log_none = np.zeros((count, days + 1)), np.zeros((count, days + 1))
    certain = known_from(spells, known, first)
    begin, end = np.minimum(certain, days), np.minimum(spells.left_day, days)
    home = (begin < end) & ~spells.gone
    for table, value in ((expected, 1.0), (log_none, LOG_IMPOSSIBLE)):
        np.add.at(table, (spells.series[home], begin[home]), value)
        np.add.at(table, (spells.series[home], end[home]), -value)
    expected, log_none = np.cumsum(expected, axis=1)[:, :days], np.cumsum(log_none, axis=1)[:, :days]
    unsure = np.flatnonzero((spells.out_day != NEVER) & ~spells.returned & ~spells.gone)
    for at in range(0, len(unsure), CHUNK_SPELLS):
        _add_unsure(expected, log_none, spells, known, unsure[at : at + CHUNK_SPELLS], certain, first, days)
    return np.maximum(expected, 0.0), np.minimum(log_none, 0.0)


def known_from(spells: Spells, known: Lengths, first: date) -> np.ndarray:
    """First day on whose morning each unit is certainly home: the day after it was seen, at most LONGEST_DAYS after it left."""
    seen = spells.returned | spells.touched
    # a first spell begins with the unit on the shelf; otherwise a scan of a day says nothing about its morning
    after = spells.known_day + np.where(seen & (spells.out_day != NEVER), 1, 0)
    return np.asarray(np.where(spells.out_day == NEVER, after, np.minimum(after, spells.out_day + LONGEST_DAYS)))


def _add_unsure(
    expected: np.ndarray, log_none: np.ndarray, spells: Spells, known: Lengths, rows: np.ndarray,
    certain: np.ndarray, first: date, days: int,
) -> None:  # fmt: skip
    """Add the days between leaving and certainty of one chunk of spells, day by day."""
    begin = spells.out_day[rows] + 1
    span = np.maximum(np.minimum(np.minimum(certain[rows], spells.left_day[rows]), days) - begin, 0)
    spell = np.repeat(rows, span)
    day = np.repeat(begin, span) + np.arange(len(spell)) - np.repeat(np.cumsum(span) - span, span)
    weekday = (spells.out_day[spell] + first.weekday()) % 7
    total = _total(spells, known, rows, first, days)
    share = np.clip(known.returned_by(spells, spell, day - 1, weekday) / np.repeat(total, span), 0.0, 1.0)
    series = spells.series[spell]
    np.add.at(expected, (series, day), share)
    np.add.at(log_none, (series, day), np.log(np.maximum(1 - share, IMPOSSIBLE)))


def _total(spells: Spells, known: Lengths, rows: np.ndarray, first: date, days: int) -> np.ndarray:
    """Weight of every return that each spell's end allows."""
    weekday = (spells.out_day[rows] + first.weekday()) % 7
    end = spells.known_day[rows]
    touched, open_end = spells.touched[rows], end >= days
    # left again: home the evening before; never seen again: any day, also beyond the data
    last = np.where(open_end, BEYOND, np.where(touched, end, np.maximum(end - 1, spells.out_day[rows])))
    total = known.returned_by(spells, rows, last, weekday)
    before = known.returned_by(spells, rows, end - 1, weekday)
    return np.maximum(np.where(touched & ~open_end, before + known.touch_odds * (total - before), total), 1e-9)


BEYOND = 10**6
