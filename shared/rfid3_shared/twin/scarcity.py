"""How small, or large, must the stock of each class be so that a wished share of what is asked for meets an empty shelf?

The demand stays what it was: customers ask as if the shop were well stocked. Found by living through the days with the
shelves alone (units out and back, in the shop and worn out as often as on average, no scans) and halving the interval of each
class's stock. Small classes come only near the wish: a shelf of two units can only be made a shelf of one.
"""

from dataclasses import dataclass, replace

import numpy as np

from rfid3_shared.twin.calendar import next_open_days
from rfid3_shared.twin.demand import Demand
from rfid3_shared.twin.fulfil import first_served
from rfid3_shared.twin.randomness import Array
from rfid3_shared.twin.shrinkage import losses_per_turn, stay_days_per_turn
from rfid3_shared.twin.world import TwinSpec, World, build_tags, build_world

MOST_BLOCKED_RATIO = 0.6
LONGEST_OUT_DAYS, HALVINGS, MOST_FACTOR = 127, 10, 4.0
GOLDEN = 0.618034
"""Multiples of it, less their whole part, fill 0 to 1 evenly: they spread what happens now and then over shelves and lines."""
USABLE_RATIO = 0.978
"""The rest of the tags is sold or missing from the first day."""


@dataclass(frozen=True)
class _Day:
    """Request lines of one day, sorted by pool."""

    pool: Array
    units: Array
    free_again: Array
    """Days until the units can leave again."""


def founded(spec: TwinSpec) -> World:
    """The company behind a spec, its stock cut down where the spec wants requests blocked."""
    world = build_world(spec)
    if not spec.blocked_ratio:
        return world
    pools = replace(world.pools, stock=_scarce_stock(world))
    pools = replace(pools, first_tag=np.concatenate([[0], np.cumsum(pools.stock)[:-1]]))
    by_class = np.bincount(pools.cls, weights=pools.stock, minlength=len(world.classes.stock)).astype(np.int64)
    classes = replace(world.classes, stock=by_class)
    return World(spec, classes, pools, build_tags(spec, classes, pools))


def _scarce_stock(world: World) -> Array:
    """Units by pool with which each class refuses about the wished share."""
    days, pools = _requests(world), world.pools
    losses = losses_per_turn(world, len(days))
    fewest, most = np.zeros(len(world.classes.stock)), np.full(len(world.classes.stock), MOST_FACTOR)
    for _ in range(HALVINGS):
        middle = (fewest + most) / 2
        asked, served = _trial(days, _stock(world, middle), losses)
        count = len(fewest)
        wanted, got = (np.bincount(pools.cls, weights=units, minlength=count) for units in (asked, served))
        short = wanted - got > world.spec.blocked_ratio * wanted
        fewest, most = np.where(short, middle, fewest), np.where(short, most, middle)
    # goods that nobody asks for, or for resale, keep their stock
    return _stock(world, np.where(np.bincount(pools.cls, weights=asked, minlength=len(most)) > 0, (fewest + most) / 2, 1.0))


def _stock(world: World, factor: Array) -> Array:
    stock: Array = np.maximum(1, np.round(world.pools.usual_stock * factor[world.pools.cls])).astype(np.int64)
    return stock


def _requests(world: World) -> list[_Day]:
    count = world.spec.blocked_days
    demand, days = Demand(world, count + 1), []
    stays = stay_days_per_turn(world)
    waits = next_open_days(world.spec.start, count + LONGEST_OUT_DAYS)
    for day in range(count):
        asked = demand.requests_on(day)
        by_pool = np.argsort(asked.pool, kind="stable")
        span = (asked.contracts.length_days + asked.contracts.late_days)[asked.contract][by_pool]
        shop = np.floor(stays[asked.pool[by_pool]] + GOLDEN * (day + np.arange(len(by_pool))) % 1).astype(np.int64)
        again = np.minimum(span + waits[day + span] + 1 + shop, LONGEST_OUT_DAYS)
        days.append(_Day(asked.pool[by_pool], asked.units[by_pool], again))
    return days


def _trial(days: list[_Day], stock: Array, losses: Array) -> tuple[Array, Array]:
    """Units asked for and served by pool. losses: units that leave the service per turn, by pool."""
    free = np.floor(stock * USABLE_RATIO + 0.5).astype(np.int64)
    back = np.zeros((LONGEST_OUT_DAYS + 1, len(stock)), np.int64)
    asked, served = np.zeros(len(stock), np.int64), np.zeros(len(stock), np.int64)
    worn = GOLDEN * np.arange(len(stock)) % 1
    for day, lines in enumerate(days):
        ring = day % len(back)
        worn += losses * back[ring]
        gone = np.minimum(np.floor(worn).astype(np.int64), free + back[ring])
        worn -= gone
        free += back[ring] - gone
        back[ring] = 0
        left = first_served(lines.pool, lines.units, free)
        np.subtract.at(free, lines.pool, left)
        np.add.at(back, ((day + lines.free_again) % len(back), lines.pool), left)
        np.add.at(asked, lines.pool, lines.units)
        np.add.at(served, lines.pool, left)
    return asked, served
