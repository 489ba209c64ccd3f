"""Which scans would RFID3 hold of a day: goods going out, coming back, being seen?

As in a real shop: a delivery is mostly scanned twice on the same contract (`Rental`, minutes later `Delivery`); `Return` and
`Touch Scan` carry no contract, `Pickup` does; 32 % of returns leave no scan at all, others only a sighting.
"""

import numpy as np

from rfid3_shared.twin.columns import Columns, join
from rfid3_shared.twin.contracts import draw_seconds
from rfid3_shared.twin.demand import Requests
from rfid3_shared.twin.fulfil import Allocation
from rfid3_shared.twin.randomness import Array, Purpose, stream
from rfid3_shared.twin.world import World

KINDS_OF_SCAN = ("Rental", "Delivery", "Return", "Pickup", "Touch Scan")
RENTAL, DELIVERY, RETURN, PICKUP, TOUCH = range(5)
STATUSES = ("Ready to Rent", "On Rent", "Delivered", "Needs to be Inspected", "Wet", "Wash", "Repair", "Sold", "Missing")
READY, ON_RENT, DELIVERED, INSPECT, WET, WASH, REPAIR, SOLD, MISSING = range(9)
TAG_AS_STATUS = 99
"""Status code of a scan whose status holds a tag number (see dirt)."""
DAY_S = 86_400
UNSCANNED_RETURNS, SIGHTED_RETURNS = 0.32, 0.18
ONLY_DELIVERY_SHARE = 0.25
SWEEPS_PER_POOL_DAY = 1 / 150
TOUCH_STATUSES, TOUCH_SHARES = (READY, INSPECT, WET, WASH, REPAIR), (0.70, 0.285, 0.006, 0.004, 0.005)


def scan_columns(day: int, second: Array, kind: Array | int, tag: Array, contract: Array | int, status: Array | int) -> Columns:
    """Scans of one day.

    Columns: second (from the company's first midnight), kind, tag, contract (-1 = none), status, spaced (leading space).
    """
    shape = len(tag)
    return {
        "second": day * DAY_S + np.asarray(second, np.int64), "kind": np.broadcast_to(kind, shape).astype(np.int8),
        "tag": np.asarray(tag, np.int64), "contract": np.broadcast_to(contract, shape).astype(np.int64),
        "status": np.broadcast_to(status, shape).astype(np.int8), "spaced": np.zeros(shape, bool),
    }  # fmt: skip


def departure_scans(world: World, requests: Requests, allocation: Allocation, first_seq: int) -> Columns:
    """Scans of goods going out; bulk classes leave unseen."""
    carried = world.classes.scanned[world.tag_class_of(allocation.tag)]
    tag, owner = allocation.tag[carried], requests.contract[allocation.line[carried]]
    contracts, seq = requests.contracts, first_seq + owner
    delivered = contracts.delivered[owner]
    # some contracts only ever get the second scan; which ones is written in their time of day
    once = delivered & (contracts.out_second[owner] % 100 < 100 * ONLY_DELIVERY_SHARE)
    second = contracts.out_second[owner]
    later = second + 180 + second % 900
    return join([
        scan_columns(requests.day, second[~once], RENTAL, tag[~once], seq[~once], ON_RENT),
        scan_columns(requests.day, later[delivered], DELIVERY, tag[delivered], seq[delivered], DELIVERED),
    ])  # fmt: skip


def return_scans(world: World, day: int, tag: Array, contract: Array, delivered: Array, second: Array) -> Columns:
    """Scans of goods coming back: a return, only a sighting, or nothing."""
    rng = stream(world.spec.seed, Purpose.RETURNS, day)
    chance = rng.random(len(tag))
    seen_as = rng.choice(TOUCH_STATUSES, len(tag), p=TOUCH_SHARES)
    carried = world.classes.scanned[world.tag_class_of(tag)]
    back = carried & (chance >= UNSCANNED_RETURNS + SIGHTED_RETURNS)
    seen = carried & (chance >= UNSCANNED_RETURNS) & ~back
    kind, number = np.where(delivered, PICKUP, RETURN), np.where(delivered, contract, -1)
    return join([
        scan_columns(day, second[back], kind[back], tag[back], number[back], READY),
        scan_columns(day, second[seen] + 1200, TOUCH, tag[seen], -1, seen_as[seen]),
    ])  # fmt: skip


def sweep_scans(world: World, day: int, at_home: Array) -> Columns:
    """Sightings when staff walk along some shelves with a reader; `at_home` by tag."""
    rng = stream(world.spec.seed, Purpose.SIGHTINGS, day)
    pools = world.pools
    swept = (rng.random(len(pools.stock)) < SWEEPS_PER_POOL_DAY) & world.classes.scanned[pools.cls]
    second = draw_seconds(len(pools.stock), rng)
    tag = np.flatnonzero(at_home & swept[world.tags.pool])
    status = rng.choice(TOUCH_STATUSES, len(tag), p=TOUCH_SHARES)
    return scan_columns(day, second[world.tags.pool[tag]] + np.arange(len(tag)) % 120, TOUCH, tag, -1, status)
