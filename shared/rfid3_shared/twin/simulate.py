"""What happened on one day? The pure heart of the twin: requests, allocation, returns, and how RFID3 saw them.

`step` lives through a day and changes the state; it reads and writes no file and no database.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from rfid3_shared.twin.calendar import next_open_days
from rfid3_shared.twin.columns import Columns, join, pick
from rfid3_shared.twin.contracts import draw_seconds
from rfid3_shared.twin.demand import Demand, Requests
from rfid3_shared.twin.dirt import soil
from rfid3_shared.twin.fulfil import Allocation, allocate
from rfid3_shared.twin.pos import record
from rfid3_shared.twin.randomness import Array, Purpose, stream
from rfid3_shared.twin.scans import DELIVERED, INSPECT, ON_RENT, READY, REPAIR, departure_scans, return_scans, sweep_scans
from rfid3_shared.twin.state import State
from rfid3_shared.twin.world import World

STRAGGLER_SHARE, MOST_STRAGGLING_DAYS = 0.04, 14
LONGEST_OUT_DAYS = 120
READY_AGAIN_SHARE = 0.4
"""Share of the tags under inspection, wet, being washed or repaired that are ready again the next day."""


@dataclass(frozen=True)
class DayRecord:
    """One day, as it truly was and as RFID3 and the POS hold it."""

    day: int
    requests: Requests
    allocation: Allocation
    back_day: Array
    """Day on which each tag of the allocation comes back."""
    returned: Array
    """Tags that came back today."""
    scans: Columns
    contracts: Columns
    """Contracts that left today (pos.CONTRACT_COLUMNS)."""
    lines: Columns


def step(demand: Demand, state: State) -> DayRecord:
    """Live through the state's next day."""
    world, day = demand.world, state.day
    requests = demand.requests_on(day)
    at_home = (state.back_day < 0) & world.tags.usable
    allocation = allocate(world, requests, at_home)
    back_day, back_second, close_day = _plan_returns(world, requests, allocation)
    returned = np.flatnonzero(state.back_day == day)
    at_home[allocation.tag] = False
    scans = soil(world, day, join([
        departure_scans(world, requests, allocation, state.next_contract),
        return_scans(world, day, returned, state.contract[returned], state.delivered[returned], state.back_second[returned]),
        sweep_scans(world, day, at_home),
    ]))  # fmt: skip
    scans = pick(scans, np.argsort(scans["second"], kind="stable"))
    scans["id"] = state.next_scan + np.arange(len(scans["tag"]))
    contracts, lines = record(world, requests, state.next_contract, allocation.served, close_day, back_second)
    _finish_turnaround(world, state)
    _leave_and_return(state, requests, allocation, back_day, back_second, returned)
    _note_scans(state, scans)
    _book_revenue(world, state, lines)
    state.contracts, state.lines = join([state.contracts, contracts]), join([state.lines, lines])
    state.next_contract += len(requests.contracts)
    state.next_scan += len(scans["tag"])
    state.day += 1
    return DayRecord(day, requests, allocation, back_day, returned, scans, contracts, lines)


def take_closed(state: State, before_day: int) -> tuple[Columns, Columns]:
    """Remove from the state, and return, the contracts (and their lines) whose last unit was back before a day."""
    closed = state.contracts["close_day"] < before_day
    lines_closed = np.isin(state.lines["seq"], state.contracts["seq"][closed])
    taken = pick(state.contracts, closed), pick(state.lines, lines_closed)
    state.contracts, state.lines = pick(state.contracts, ~closed), pick(state.lines, ~lines_closed)
    return taken


def _plan_returns(world: World, requests: Requests, allocation: Allocation) -> tuple[Array, Array, Array]:
    """Day back of each leaving tag; second back and day of closing of each contract."""
    rng = stream(world.spec.seed, Purpose.LENGTHS, requests.day)
    contracts, day = requests.contracts, requests.day
    back_second = draw_seconds(len(contracts), rng)
    owner = requests.contract[allocation.line]
    straggles = rng.random(len(owner)) < STRAGGLER_SHARE
    extra = np.where(straggles, rng.integers(1, MOST_STRAGGLING_DAYS + 1, len(owner)), 0)
    span = (contracts.length_days + contracts.late_days)[owner] + extra
    waits = next_open_days(world.spec.start + timedelta(days=day), LONGEST_OUT_DAYS)
    back_day = (day + span + waits[span]).astype(np.int32)
    close_day = np.full(len(contracts), -1, np.int32)
    np.maximum.at(close_day, owner, back_day)
    return back_day, back_second, close_day


def _leave_and_return(
    state: State, requests: Requests, allocation: Allocation, back_day: Array, back_second: Array, returned: Array
) -> None:
    """Bring the whereabouts of all tags up to date."""
    state.back_day[returned], state.contract[returned], state.status[returned] = -1, -1, READY
    tag, owner = allocation.tag, requests.contract[allocation.line]
    state.back_day[tag], state.back_second[tag] = back_day, back_second[owner]
    state.contract[tag] = state.next_contract + owner
    state.delivered[tag] = requests.contracts.delivered[owner]
    state.status[tag] = np.where(state.delivered[tag], DELIVERED, ON_RENT)


def _finish_turnaround(world: World, state: State) -> None:
    """Tags that were seen wet or to be inspected show as ready some days later, without a scan."""
    busy = np.flatnonzero((state.back_day < 0) & (state.status >= INSPECT) & (state.status <= REPAIR))
    chance = stream(world.spec.seed, Purpose.TURNAROUND, state.day).random(len(busy))
    state.status[busy[chance < READY_AGAIN_SHARE]] = READY


def _note_scans(state: State, scans: Columns) -> None:
    """What RFID3 shows of a tag: its last scan and, while it is at home, the status of that scan."""
    known = scans["tag"] >= 0
    tag, second, status = scans["tag"][known], scans["second"][known], scans["status"][known]
    state.last_scan_s[tag] = second
    shown = (state.back_day[tag] < 0) & (status <= REPAIR) & (status != ON_RENT)
    state.status[tag[shown]] = status[shown]


def _book_revenue(world: World, state: State, lines: Columns) -> None:
    """Turnover of each class, ever and in this calendar year."""
    today = world.spec.start + timedelta(days=state.day)
    if (today.month, today.day) == (1, 1):
        state.revenue_year_cents[:] = 0
    np.add.at(state.revenue_cents, lines["cls"], lines["price_cents"])
    np.add.at(state.revenue_year_cents, lines["cls"], lines["price_cents"])
