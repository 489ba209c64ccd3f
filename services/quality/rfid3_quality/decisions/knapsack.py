"""Which opportunities fit into a budget and do the most good? The 0/1 knapsack, solved exactly in whole numbers; pure.

Opportunities are sorted by benefit per cent; the greedy fill up to the first that does not fit is right but for a few around it.
Bounds fix all others; what remains is enumerated outwards from there, keeping states that no other state beats and that may
still beat the best one found (Balas & Zemel's core, Pisinger's "A minimal algorithm for the 0-1 knapsack problem", 1997).
Whole numbers throughout: only the bounds are floats, and they are rounded outwards, so that they never cut off an optimum.
"""

from dataclasses import dataclass

import numpy as np

MOST_STORED_STATES = 20_000_000
"""States remembered for finding the way back (some 100 MB); an instance that needs more is answered with its gap."""
SLACK_RATIO = 1e-12
"""Bounds are rounded outwards by this ratio: many times the error of their few float operations."""


@dataclass(frozen=True)
class Choice:
    """What is chosen; its benefit, and a bound that no choice can exceed."""

    chosen: np.ndarray
    """(n,) bool."""
    cost: int
    benefit: int
    bound: int

    @property
    def optimal(self) -> bool:
        """Whether it is proved that no choice does more good."""
        return self.benefit >= self.bound


def solve(cost: np.ndarray, benefit: np.ndarray, budget: int, most_states: int = MOST_STORED_STATES) -> Choice:
    """The choice of greatest total benefit whose total cost is within the budget.

    cost, benefit: (n,) int64, cost ≥ 0, sums below 2⁶²; what has no benefit is never chosen, what costs nothing always is.
    """
    cost, benefit = np.asarray(cost, dtype=np.int64), np.asarray(benefit, dtype=np.int64)
    chosen = (benefit > 0) & (cost == 0)
    asked = np.flatnonzero((benefit > 0) & (cost > 0) & (cost <= budget))
    # the common divisor changes nothing but how many states there are
    unit = int(np.gcd.reduce(cost[asked])) if len(asked) else 1
    w, p, room = cost[asked] // unit, benefit[asked], int(budget // unit)
    order = np.lexsort((w, -(p / w)))
    inside, bound = _core(w[order], p[order], room, most_states) if len(asked) else (np.zeros(0, dtype=bool), 0)
    chosen[asked[order[inside]]] = True
    total = int(benefit[chosen].sum())
    return Choice(chosen, int(cost[chosen].sum()), total, max(total, bound + int(benefit[(benefit > 0) & (cost == 0)].sum())))


def _core(w: np.ndarray, p: np.ndarray, room: int, most_states: int) -> tuple[np.ndarray, int]:
    """Which of the opportunities, sorted by efficiency, are chosen, and a bound of their benefit."""
    total = np.cumsum(w)
    first = int(np.searchsorted(total, room, side="right"))  # the first that does not fit any more
    chosen = np.arange(len(w)) < first
    if first == len(w):
        return chosen, int(p.sum())
    base_w, base_p, efficiency = int(w[:first].sum()), int(p[:first].sum()), p / w
    chosen, best = _greedy(w, p, room, first)
    worth = _worth_a_look(w, p, room - base_w, base_p, efficiency, first, best)
    core = np.flatnonzero(worth)
    states = _States(base_w, base_p, room, best, most_states)
    outside, inside = list(core[core >= first]), list(core[core < first][::-1])
    while (outside or inside) and len(states.w) and not states.full:
        # outwards from the break, now one that joins, now one that leaves
        turn = bool(outside) and (not inside or outside[0] - first <= first - 1 - inside[0])
        at = int((outside if turn else inside).pop(0))
        states.branch(at, int(w[at]) * (1 if turn else -1), int(p[at]) * (1 if turn else -1))
        more = float(efficiency[outside[0]]) if outside else 0.0
        less = float(efficiency[inside[0]]) if inside else np.inf
        states.prune(more, less)
    if states.best > best:
        chosen, best = np.arange(len(w)) < first, states.best
        for at in states.way_back():
            chosen[at] = not chosen[at]
    return chosen, max(best, states.bound() if states.full else best)


def _greedy(w: np.ndarray, p: np.ndarray, room: int, first: int) -> tuple[np.ndarray, int]:
    """What fits, best first, skipping what does not."""
    chosen = np.arange(len(w)) < first
    left = room - int(w[:first].sum())
    smallest = np.minimum.accumulate(w[::-1])[::-1]
    for at in range(first, len(w)):
        if left < smallest[at]:
            break
        if w[at] <= left:
            chosen[at], left = True, left - int(w[at])
    return chosen, int(p[chosen].sum())


def _worth_a_look(
    w: np.ndarray, p: np.ndarray, left: int, base: int, efficiency: np.ndarray, first: int, best: int
) -> np.ndarray:
    """Which opportunities may be otherwise than in the fill up to the break, in a choice better than the best known."""
    sign = np.where(np.arange(len(w)) < first, -1, 1)
    over = left - sign * w  # room after the one is turned round
    rate = np.where(over >= 0, efficiency[first], efficiency[max(first - 1, 0)] if first else np.inf)
    with np.errstate(invalid="ignore"):
        bound = base + sign * p + np.where(over == 0, 0.0, over * rate)
    return np.asarray(np.floor(bound + np.abs(bound) * SLACK_RATIO + SLACK_RATIO * abs(base) + 1e-6) > best)


class _States:
    """Pairs of cost and benefit that can still become the best choice; none is beaten by another."""

    def __init__(self, cost: int, benefit: int, room: int, best: int, most: int) -> None:
        self.w, self.p = np.array([cost], dtype=np.int64), np.array([benefit], dtype=np.int64)
        self.room, self.best, self.most = room, best, most
        self.layers: list[tuple[int, np.ndarray, np.ndarray]] = []
        self.stored, self.full = 0, False
        self.top: tuple[int, int] | None = None
        self.reach = np.array([benefit], dtype=float)

    def branch(self, at: int, cost: int, benefit: int) -> None:
        """Every state stays and also turns `at` round; of two states the one that costs no more and does no less remains."""
        n = len(self.w)
        w, p = np.concatenate([self.w, self.w + cost]), np.concatenate([self.p, self.p + benefit])
        order = np.lexsort((-p, w))
        p = p[order]
        before = np.maximum.accumulate(p)
        keep = np.ones(len(p), dtype=bool)
        keep[1:] = p[1:] > before[:-1]
        order = order[keep]
        self.w, self.p = w[order], p[keep]
        self._remember(at, (order % n).astype(np.int32), order >= n)

    def prune(self, more: float, less: float) -> None:
        """Drops states that cannot beat the best: more, less = benefit per cent of the next to join and the next to leave."""
        fits = self.w <= self.room
        if fits.any():
            at = int(np.flatnonzero(fits)[-1])  # benefits rise with costs
            if self.p[at] > self.best:
                self.best, self.top = int(self.p[at]), (len(self.layers) - 1, at)
        left = (self.room - self.w).astype(float)
        with np.errstate(invalid="ignore"):
            reach = self.p + np.where(left >= 0, left * more, np.where(left < 0, left * less, 0.0))
        reach = np.floor(reach + (np.abs(self.p) + np.abs(np.where(np.isfinite(reach), reach, 0.0))) * SLACK_RATIO + 1e-6)
        keep = reach > self.best
        self.w, self.p, self.reach = self.w[keep], self.p[keep], reach[keep]
        at, parent, turned = self.layers[-1]
        kept = np.flatnonzero(keep)
        if self.top is not None and self.top[0] == len(self.layers) - 1:
            # the best choice is remembered even where nothing can follow it
            kept = np.append(kept, self.top[1])
            self.top = (self.top[0], len(kept) - 1)
        self.layers[-1] = (at, parent[kept], turned[kept])
        self.stored += len(kept)
        self.full = self.stored > self.most

    def bound(self) -> int:
        """What no choice can exceed."""
        return int(max(self.best, self.reach.max() if len(self.reach) else 0))

    def way_back(self) -> list[int]:
        """The opportunities that the best choice turned round."""
        assert self.top is not None
        layer, place = self.top
        found = []
        while layer >= 0:
            at, parent, turned = self.layers[layer]
            if turned[place]:
                found.append(at)
            layer, place = layer - 1, int(parent[place])
        return found

    def _remember(self, at: int, parent: np.ndarray, turned: np.ndarray) -> None:
        self.layers.append((at, parent, turned))
