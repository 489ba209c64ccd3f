"""Which scans would RFID3 hold of a day: goods going out, coming back, being seen?

As in a real shop: a delivery is mostly scanned twice on the same contract (`Rental`, minutes later `Delivery`); `Return` and
`Touch Scan` carry no contract, `Pickup` does; 32 % of returns leave no scan at all, others only a sighting. A status other than
Ready to Rent is always true: the unit is in the shop for it (`workshop`), though not every stay is scanned.
"""

from dataclasses import dataclass

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
TOUCH_WISHES, TOUCH_SHARES = (READY, INSPECT, WET, WASH, REPAIR), (0.70, 0.285, 0.006, 0.004, 0.005)
"""What staff with a reader wish to say of a unit; what is wet, washed or repaired is decided by its state, not here."""


def scan_columns(day: int, second: Array, kind: Array | int, tag: Array, contract: Array | int, status: Array | int) -> Columns:
    """Scans of one day.

    Columns: second (from the company's first midnight), kind, tag, contract (-1 = none), status, spaced (leading space),
    defects (bits over DEFECT_COLUMNS; none).
    """
    shape = len(tag)
    return {
        "second": day * DAY_S + np.asarray(second, np.int64), "kind": np.broadcast_to(kind, shape).astype(np.int8),
        "tag": np.asarray(tag, np.int64), "contract": np.broadcast_to(contract, shape).astype(np.int64),
        "status": np.broadcast_to(status, shape).astype(np.int8), "spaced": np.zeros(shape, bool),
        "defects": np.zeros(shape, np.int16),
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


@dataclass(frozen=True)
class Views:
    """How the units that came back today were seen; arrays by unit."""

    back: Array
    """Scanned as returned or picked up."""
    seen: Array
    """Not that, but sighted."""
    inspect: Array
    """Sighted by somebody who wants it inspected."""

    @property
    def scanned(self) -> Array:
        """Whether anybody scanned it at all."""
        scanned: Array = self.back | self.seen
        return scanned


def view_returns(world: World, day: int, tag: Array) -> Views:
    """Who scans the goods that come back: a return, only a sighting, or nothing."""
    rng = stream(world.spec.seed, Purpose.RETURNS, day)
    chance = rng.random(len(tag))
    wish = rng.choice(TOUCH_WISHES, len(tag), p=TOUCH_SHARES)
    carried = world.classes.scanned[world.tag_class_of(tag)]
    back = carried & (chance >= UNSCANNED_RETURNS + SIGHTED_RETURNS)
    seen = carried & (chance >= UNSCANNED_RETURNS) & ~back
    return Views(back, seen, seen & (wish == INSPECT))


def return_scans(
    day: int, tag: Array, views: Views, contract: Array, delivered: Array, second: Array, status: Array, defects: Array
) -> Columns:
    """Scans of goods that came back.

    A return says Ready to Rent at once. A sighting says `status`, and so does a second scan, half an hour later, of a unit with
    another status than ready that was not sighted: also of one whose return nobody scanned.
    """
    kind, number = np.where(delivered, PICKUP, RETURN), np.where(delivered, contract, -1)
    back, touched = views.back, views.seen | (status != READY)
    touches = scan_columns(day, (second + np.where(views.back, 1800, 1200))[touched], TOUCH, tag[touched], -1, status[touched])
    touches["defects"] = defects[touched].astype(np.int16)
    return join([scan_columns(day, second[back], kind[back], tag[back], number[back], READY), touches])


def sweep(world: World, day: int, at_home: Array) -> tuple[Array, Array, Array]:
    """Units sighted when staff walk along some shelves with a reader: tag, second of the day, whether it shall be inspected.

    at_home: by tag, whether it stands on the shelf.
    """
    rng = stream(world.spec.seed, Purpose.SIGHTINGS, day)
    pools = world.pools
    swept = (rng.random(len(pools.stock)) < SWEEPS_PER_POOL_DAY) & world.classes.scanned[pools.cls]
    second = draw_seconds(len(pools.stock), rng)
    tag = np.flatnonzero(at_home & swept[world.tags.pool])
    wish = rng.choice(TOUCH_WISHES, len(tag), p=TOUCH_SHARES)
    return tag, second[world.tags.pool[tag]] + np.arange(len(tag)) % 120, wish == INSPECT
