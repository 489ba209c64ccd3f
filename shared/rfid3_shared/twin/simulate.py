"""What happened on one day? The pure heart of the twin: requests, allocation, returns, wear, and how RFID3 saw them.

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
from rfid3_shared.twin.scans import (
    DELIVERED,
    INSPECT,
    ON_RENT,
    READY,
    REPAIR,
    TOUCH,
    departure_scans,
    return_scans,
    scan_columns,
    sweep,
    view_returns,
)
from rfid3_shared.twin.state import State
from rfid3_shared.twin.wear import LOSS, REPAIR_FAULT, Turns, WearDay, changed_grades, end_turns
from rfid3_shared.twin.workshop import Shop
from rfid3_shared.twin.world import GRADES, World

UNGRADED = GRADES.index("")
STRAGGLER_SHARE, MOST_STRAGGLING_DAYS = 0.04, 14
LONGEST_OUT_DAYS = 120


@dataclass(frozen=True)
class DayRecord:
    """One day, as it truly was and as RFID3 and the POS hold it."""

    day: int
    requests: Requests
    allocation: Allocation
    back_day: Array
    """Day on which each tag of the allocation comes back."""
    returned: Array
    """Tags that came back today; those lost on their turn did not."""
    wear: WearDay
    """What the day truly did to the units."""
    scans: Columns
    contracts: Columns
    """Contracts that left today (pos.CONTRACT_COLUMNS)."""
    lines: Columns


def step(demand: Demand, state: State) -> DayRecord:
    """Live through the state's next day."""
    world, day = demand.world, state.day
    requests = demand.requests_on(day)
    shop = Shop(world, state)
    finished, mended, ready_scans = shop.open()
    at_home = (state.back_day < 0) & world.tags.usable & (state.wear.ready_day < 0) & (state.wear.gone == 0)
    allocation = allocate(world, requests, at_home)
    back_day, back_second, close_day = _plan_returns(world, requests, allocation)
    due = np.flatnonzero(state.back_day == day)
    at_home[allocation.tag] = False
    turns = end_turns(world, state.wear, day, due, demand.rain_before)
    returned = due[turns.outcome != LOSS]
    views = view_returns(world, day, returned)
    arrivals = shop.receive(turns, views)
    swept, swept_second, to_inspect = sweep(world, day, at_home)
    inspected = shop.inspect(swept[to_inspect & world.tags.wears[swept]])
    scans = soil(world, day, join([
        ready_scans,
        departure_scans(world, requests, allocation, state.next_contract),
        return_scans(day, returned, views, state.contract[returned], state.delivered[returned], state.back_second[returned],
                     arrivals.status, arrivals.defects),
        scan_columns(day, swept_second, TOUCH, swept, -1, np.where(to_inspect, INSPECT, READY)),
    ]))  # fmt: skip
    scans = pick(scans, np.argsort(scans["second"], kind="stable"))
    scans["id"] = state.next_scan + np.arange(len(scans["tag"]))
    scans["grade"] = np.where(scans["tag"] >= 0, state.wear.shown_grade[scans["tag"]], UNGRADED)
    contracts, lines = record(world, requests, state.next_contract, allocation.served, close_day, back_second)
    _leave_and_return(state, requests, allocation, back_day, back_second, due, returned)
    _note_scans(state, scans)
    _book_money(world, state, lines, turns)
    state.contracts, state.lines = join([state.contracts, contracts]), join([state.lines, lines])
    state.next_contract += len(requests.contracts)
    state.next_scan += len(scans["tag"])
    state.day += 1
    truth = WearDay(turns, arrivals.faults, join([arrivals.visits, inspected]),
                    changed_grades(state.wear, np.concatenate([mended, returned])), finished)  # fmt: skip
    return DayRecord(day, requests, allocation, back_day, returned, truth, scans, contracts, lines)


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
    state: State, requests: Requests, allocation: Allocation, back_day: Array, back_second: Array, due: Array, returned: Array
) -> None:
    """Bring the whereabouts of all tags up to date; what was due and lost stays on rent until RFID3 shows it as missing."""
    state.back_day[due] = -1
    state.back_day[returned], state.contract[returned], state.status[returned] = -1, -1, READY
    tag, owner = allocation.tag, requests.contract[allocation.line]
    state.back_day[tag], state.back_second[tag] = back_day, back_second[owner]
    state.wear.out_day[tag] = requests.day
    state.contract[tag] = state.next_contract + owner
    state.delivered[tag] = requests.contracts.delivered[owner]
    state.status[tag] = np.where(state.delivered[tag], DELIVERED, ON_RENT)


def _note_scans(state: State, scans: Columns) -> None:
    """What RFID3 shows of a tag: its last scan and, while it is at home, the status of that scan."""
    known = scans["tag"] >= 0
    tag, second, status = scans["tag"][known], scans["second"][known], scans["status"][known]
    state.last_scan_s[tag] = second
    shown = (state.back_day[tag] < 0) & (status <= REPAIR) & (status != ON_RENT)
    state.status[tag[shown]] = status[shown]


def _book_money(world: World, state: State, lines: Columns, turns: Turns) -> None:
    """Turnover and cost of repairs of each class, ever and in this calendar year."""
    today = world.spec.start + timedelta(days=state.day)
    if (today.month, today.day) == (1, 1):
        state.revenue_year_cents[:] = 0
        state.repair_year_cents[:] = 0
    repaired = turns.outcome == REPAIR_FAULT
    cls, cost = world.tag_class_of(turns.tag[repaired]), turns.cost_cents[repaired]
    for ledger, year, at, cents in (
        (state.revenue_cents, state.revenue_year_cents, lines["cls"], lines["price_cents"]),
        (state.repair_cents, state.repair_year_cents, cls, cost),
    ):
        np.add.at(ledger, at, cents)
        np.add.at(year, at, cents)
