"""In which boxes do events gather? Found one after another, each where it tells most of the rows that none holds yet.

A box is worth the log-likelihood it gains (two rates, inside and outside, instead of one) less what its limits cost to name: the
logarithm of how many limits there were to choose from (minimum description length). What gains no more than it costs is chance.
Limits lie in the middle between the last row inside and the next one outside. A beam of the best conjunctions grows by a limit at a
time; then each limit of the winner is looked for anew with the others in place, and may differ by category where that pays.
Source: Friedman & Fisher 1999 (bump hunting), Cohen 1995 (rules one after another).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rfid3_maintenance.model.boxes import Box, Boxes, Limit, inside

BEAM = 6
MOST_LIMITS, MOST_BOXES = 4, 12
LEAST_EVENTS = 3
MOST_CATEGORIES = 12
"""A feature with 3 to so many values may be one of categories: limits may differ by it."""
MOST_TURNS = 6
GAIN = 1e-9

Worth = tuple[float, Box]


def find(x: np.ndarray, event: np.ndarray, weight: np.ndarray) -> Boxes:
    """Boxes of x (rows, features; NaN = unknown) with more events (0/1) than elsewhere; weight: how many rows each stands for."""
    rows = Rows(x, weight * event, weight)
    left = np.ones(len(x), dtype=bool)
    found: list[Box] = []
    while len(found) < MOST_BOXES:
        best = Search(rows, left).best()
        if best is None:
            break
        found.append(best)
        left &= ~inside(best, x)
    return Boxes.of(found)


@dataclass(frozen=True)
class Rows:
    """Rows with their orders by each feature."""

    x: np.ndarray
    events: np.ndarray
    weight: np.ndarray

    @cached_property
    def orders(self) -> list[np.ndarray]:
        """By feature: the rows whose value is known, ascending."""
        orders = [np.argsort(column, kind="stable") for column in self.x.T]
        return [order[: int(np.isfinite(self.x[:, k]).sum())] for k, order in enumerate(orders)]

    @cached_property
    def values(self) -> list[np.ndarray]:
        """By feature: the different values, ascending."""
        return [np.unique(self.x[order, k]) for k, order in enumerate(self.orders)]

    @cached_property
    def categories(self) -> list[int]:
        """Features with few values."""
        return [k for k, values in enumerate(self.values) if 3 <= len(values) <= MOST_CATEGORIES]

    def price(self, limit: Limit) -> float:
        """What it costs to name a limit: the feature, the side, the place; and a place for each category with its own."""
        place = np.log(max(len(self.values[limit.feature]) - 1, 1))
        own = np.log(max(len(self.categories), 1)) + np.log(max(len(self.values[limit.by]), 1)) + place
        return float(np.log(2 * self.x.shape[1]) + place + own * len(limit.others))


def log_likelihood(events: np.ndarray | float, rows: np.ndarray | float) -> np.ndarray:
    """Most likely log-likelihood of so many events among so many rows."""
    least, other = 1e-12, np.asarray(rows) - events
    return np.asarray(
        events * np.log(np.maximum(events, least) / np.maximum(rows, least))
        + other * np.log(np.maximum(other, least) / np.maximum(rows, least))
    )


@dataclass(frozen=True)
class Search:
    """The search for one box among the rows left."""

    rows: Rows
    left: np.ndarray

    @cached_property
    def total(self) -> tuple[float, float]:
        """(events, rows) left."""
        return float(self.rows.events[self.left].sum()), float(self.rows.weight[self.left].sum())

    def best(self) -> Box | None:
        """The box worth most; None where none is worth anything."""
        if self.total[0] < LEAST_EVENTS:
            return None
        worth, box = self._grown()
        if not box:
            return None
        worth, box = self._settled(worth, box)
        return self._settled(*self._by_category(worth, box))[1]

    def gain(self, events: np.ndarray | float, rows: np.ndarray | float) -> np.ndarray:
        """Log-likelihood gained by a rate of its own for so many of the rows left; -inf where it would not be the higher one."""
        p, n = self.total
        gained = log_likelihood(events, rows) + log_likelihood(p - events, n - rows) - log_likelihood(p, n)
        return np.where(np.asarray(events) * n > np.asarray(rows) * p, gained, -np.inf)

    def worth(self, box: Box) -> float:
        """What a box gains less what it costs."""
        held = self.left & inside(box, self.rows.x)
        gained = self.gain(float(self.rows.events[held].sum()), float(self.rows.weight[held].sum()))
        return float(gained) - sum(self.rows.price(limit) for limit in box)

    def further(self, box: Box) -> list[tuple[float, Limit]]:
        """The best limit on each feature and side to put beside those of a box, with the worth of the whole, best first."""
        held = self.left & inside(box, self.rows.x)
        paid = sum(self.rows.price(limit) for limit in box)
        found = []
        for feature, order in enumerate(self.rows.orders):
            members = order[held[order]]
            for above in (True, False):
                gained, at = self.cut(members, feature, above, 0.0, 0.0)
                if np.isfinite(gained):
                    limit = Limit(feature, above, at)
                    found.append((gained - paid - self.rows.price(limit), limit))
        return sorted(found, key=lambda each: -each[0])[:BEAM]

    def cut(self, members: np.ndarray, feature: int, above: bool, events: float, rows: float) -> tuple[float, float]:
        """(gain, limit) of the best cut through members, ascending by the feature; `events` and `rows` are inside beside them.

        Only cuts at whose inner side an event lies can be best (Fayyad & Irani 1992).
        """
        values = self.rows.x[members, feature]
        places = np.flatnonzero(values[:-1] < values[1:])
        if not len(places):
            return -np.inf, np.nan
        p, n = np.cumsum(self.rows.events[members]), np.cumsum(self.rows.weight[members])
        happened = np.diff(np.append(p[places], p[-1]), prepend=0.0) > 0
        places = places[happened[1:] if above else happened[:-1]]
        if not len(places):
            return -np.inf, np.nan
        inner = (p[-1] - p[places], n[-1] - n[places]) if above else (p[places], n[places])
        gained = self.gain(events + inner[0], rows + inner[1])
        best = int(np.argmax(gained))
        low, high = float(values[places[best]]), float(values[places[best] + 1])
        return float(gained[best]), low + (high - low) / 2.0

    def _grown(self) -> Worth:
        """The best conjunction that a beam comes to."""
        best: Worth = (0.0, ())
        beam: list[Box] = [()]
        for depth in range(MOST_LIMITS):
            tried: dict[tuple[float, ...], Worth] = {}
            for box in beam:
                for worth, limit in self.further(box):
                    longer = (*box, limit)
                    held = self.left & inside(longer, self.rows.x)
                    same = (float(self.rows.weight[held].sum()), float(self.rows.events[held].sum()))
                    if same not in tried or tried[same][0] < worth:  # the same rows in other words are told once
                        tried[same] = (worth, longer)
            ranked = sorted(tried.values(), key=lambda each: -each[0])[:BEAM]
            if not ranked or (depth and ranked[0][0] <= best[0] + GAIN):
                break
            best = max(best, ranked[0], key=lambda each: each[0])
            beam = [box for _, box in ranked]
        return best

    def _settled(self, worth: float, box: Box) -> Worth:
        """Each limit looked for anew with the others in place, or left out, until nothing is gained."""
        for _ in range(MOST_TURNS):
            before = worth
            for k in range(len(box)):
                if k >= len(box) or box[k].others:
                    continue
                rest = box[:k] + box[k + 1 :]
                others = [(value, (*rest, limit)) for value, limit in self.further(rest)]
                shorter = [(self.worth(rest), rest)] if rest else []
                worth, box = max([(worth + GAIN, box), *others, *shorter], key=lambda each: each[0])
            if worth <= before + MOST_LIMITS * 2 * GAIN:
                break
        return worth, box

    def _by_category(self, worth: float, box: Box) -> Worth:
        """Limits of their own for categories, where they gain more than they cost."""
        for k, limit in enumerate(box):
            if len(self.rows.values[limit.feature]) <= MOST_CATEGORIES:
                continue
            for by in self.rows.categories:
                value, parted = self._parted(box, k, by)
                if value > worth + GAIN:
                    worth, box = value, parted
        return worth, box

    def _parted(self, box: Box, k: int, by: int) -> Worth:
        """The box whose k-th limit differs by the values of a feature."""
        rest, plain = box[:k] + box[k + 1 :], box[k]
        held = self.left & inside(rest, self.rows.x)
        order = self.rows.orders[plain.feature]
        limit, worth = Limit(plain.feature, plain.above, plain.at, by), self.worth((*rest, plain))
        for _ in range(2):
            before = worth
            for value in self.rows.values[by].tolist():
                here = self.rows.x[:, by] == value
                beside = held & ~here & limit.holds(self.rows.x)
                known = (float(self.rows.events[beside].sum()), float(self.rows.weight[beside].sum()))
                gained, at = self.cut(order[(held & here)[order]], limit.feature, limit.above, *known)
                if not np.isfinite(gained):
                    continue
                others = (*((v, o) for v, o in limit.others if v != value), (value, at))
                moved = Limit(limit.feature, limit.above, limit.at, by, others)
                if (tried := self.worth((*rest, moved))) > worth + GAIN:
                    worth, limit = tried, moved
            if worth <= before + GAIN:
                break
        return (worth, (*rest, limit)) if limit.others else (worth, box)
