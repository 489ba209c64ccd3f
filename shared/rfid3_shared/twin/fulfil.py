"""Which units leave for today's requests, and what is refused because the shelf is empty?

First come, first served within the day; a request may be served in part; stores do not lend to each other.
"""

from dataclasses import dataclass

import numpy as np

from rfid3_shared.twin.demand import Requests
from rfid3_shared.twin.randomness import Array, Purpose, stream
from rfid3_shared.twin.world import World


@dataclass(frozen=True)
class Allocation:
    """What left on one day."""

    served: Array
    """Units served of each request line."""
    tag: Array
    """Tags that leave."""
    line: Array
    """Request line of each of these tags."""


def allocate(world: World, requests: Requests, at_home: Array) -> Allocation:
    """Share the tags at home among the day's request lines.

    `at_home`: for each tag whether it can leave today.
    """
    rng = stream(world.spec.seed, Purpose.ALLOCATION, requests.day)
    by_pool = np.argsort(requests.pool, kind="stable")
    pool, wanted = requests.pool[by_pool], requests.units[by_pool]
    candidates = np.flatnonzero(at_home & _asked(world, pool)[world.tags.pool])
    candidate_pool = world.tags.pool[candidates]
    free = np.bincount(candidate_pool, minlength=len(world.pools.stock))
    served = first_served(pool, wanted, free)
    leaving = np.bincount(pool, weights=served, minlength=len(free)).astype(np.int64)
    tag = candidates[_turns(candidate_pool, free, rng) < leaving[candidate_pool]]
    in_order = np.empty_like(served)
    in_order[by_pool] = served
    return Allocation(in_order, tag, np.repeat(by_pool, served))


def first_served(pool: Array, wanted: Array, free: Array) -> Array:
    """Units served of each line, the lines sorted by pool; `free`: units at home by pool."""
    before = np.cumsum(wanted) - wanted
    first_of_pool = np.searchsorted(pool, pool, side="left")
    served: Array = np.clip(free[pool] - (before - before[first_of_pool]), 0, wanted)
    return served


def _asked(world: World, pool: Array) -> Array:
    """For each pool whether anybody asks for it."""
    asked = np.zeros(len(world.pools.stock), bool)
    asked[pool] = True
    return asked


def _turns(candidate_pool: Array, free: Array, rng: np.random.Generator) -> Array:
    """The turn of each candidate within its pool: staff take from the top of the stack, which is seldom the whole stack."""
    position = np.arange(len(candidate_pool)) - (np.cumsum(free) - free)[candidate_pool]
    top = np.floor(free * rng.random(len(free)) ** 2).astype(np.int64)
    turns: Array = (position - top[candidate_pool]) % np.maximum(free, 1)[candidate_pool]
    return turns
