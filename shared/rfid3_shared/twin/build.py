"""How is a company created in a source, and how does it go on from where it stopped?

The two ways into the twin. The source is any empty database with RFID3's tables; the truth and the state lie beside it.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Table, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.db import create_tables, transaction
from rfid3_shared.errors import Conflict, InvalidParameters
from rfid3_shared.source import tables
from rfid3_shared.source.business_day import note_simulated_day
from rfid3_shared.twin import records, truth, wear_truth, write
from rfid3_shared.twin.columns import join
from rfid3_shared.twin.contracts import MOST_LEAD_DAYS
from rfid3_shared.twin.demand import Demand
from rfid3_shared.twin.inventory import listed_tags
from rfid3_shared.twin.labels import Labels, label
from rfid3_shared.twin.materials import FAULTS
from rfid3_shared.twin.pos import reservations
from rfid3_shared.twin.scarcity import MOST_BLOCKED_RATIO, founded
from rfid3_shared.twin.simulate import DayRecord, step, take_closed
from rfid3_shared.twin.state import State, fresh_state, load_state, save_state
from rfid3_shared.twin.world import RECORDED_RATIO, TwinSpec, World

Progress = Callable[[int, int], None]
"""Called with days done and days in all."""
CHUNK_SCANS = 200_000
LEAST_ITEMS, MOST_ITEMS = 200, 2_000_000


@dataclass(frozen=True)
class TwinSummary:
    """What one run wrote, and what the company truly lived through in it."""

    first_day: date
    last_day: date
    items: int
    classes: int
    bulk_classes: int
    scans: int
    contracts: int
    reservations: int
    demand_units: int
    served_units: int
    faults: dict[str, int]
    """True faults of the units by kind, as materials.FAULTS."""
    recorded_faults: int

    @property
    def refused_ratio(self) -> float:
        """Share of the units asked for that the stock could not serve."""
        return 1 - self.served_units / self.demand_units if self.demand_units else 0.0


async def create(
    engine: AsyncEngine, truth_path: Path, *, items: int, months: int, seed: int, end: date, replace: bool = False,
    blocked_ratio: float = 0.0, recorded_ratio: float = RECORDED_RATIO, progress: Progress | None = None,
) -> TwinSummary:  # fmt: skip
    """Found a company of `items` tags and let it live for `months` months, the last day being `end`.

    blocked_ratio: share of the units asked for that its stock shall be too small for; such a company owns fewer tags.
    recorded_ratio: share of the faults of its units that staff write down, for RFID3 to show; what is true does not depend on it.
    Raises Conflict when the source already holds rows and `replace` is false or it is not the embedded file;
    InvalidParameters for sizes out of range.
    """
    if not LEAST_ITEMS <= items <= MOST_ITEMS:
        raise InvalidParameters(f"The twin takes {LEAST_ITEMS} to {MOST_ITEMS} items.", parameter="items", value=items)
    if months < 1:
        raise InvalidParameters("The company must live for at least one month.", parameter="months", value=months)
    if not 0 <= blocked_ratio <= MOST_BLOCKED_RATIO:
        raise InvalidParameters(
            f"Between 0 and {MOST_BLOCKED_RATIO:.0%} of requests can be blocked.", parameter="blocked", value=blocked_ratio
        )
    if not 0 <= recorded_ratio <= 1:
        raise InvalidParameters(
            "The recorded share of faults lies between 0 and 1.", parameter="recorded", value=recorded_ratio
        )
    await _clear(engine, replace)
    truth_path.parent.mkdir(parents=True, exist_ok=True)
    for stale in (state_path(truth_path), *(truth_path.with_name(truth_path.name + end) for end in ("", "-wal", "-shm"))):
        stale.unlink(missing_ok=True)
    start = first_day(end, months)
    days = (end - start).days + 1
    world = founded(TwinSpec(seed, items, start, blocked_ratio, days if blocked_ratio else 0, recorded_ratio))
    run = _Run(engine, truth_path, world, fresh_state(world), days, progress)
    async with transaction(engine) as connection:
        await connection.run_sync(lambda sync: write.set_scan_indexes(sync, present=False))
        await write.write_company(connection, world, run.labels)
    summary = await run.live(new=True)
    async with transaction(engine) as connection:
        await write.prepare(connection)
        await connection.run_sync(lambda sync: write.set_scan_indexes(sync, present=True))
    return summary


async def advance(engine: AsyncEngine, truth_path: Path, days: int, progress: Progress | None = None) -> TwinSummary:
    """Let the company live for `days` more days.

    Raises Conflict when there is no saved company or the source is not the one it was written to.
    """
    if days < 1:
        raise InvalidParameters("The company can only go forward.", parameter="days", value=days)
    spec, state = load_state(state_path(truth_path))
    async with transaction(engine) as connection:
        known = (await connection.execute(select(func.max(tables.scans.c.id)))).scalar()
    if known is None or known < state.next_scan - 1:
        raise Conflict("The source does not hold this company; create it anew.", expected=state.next_scan - 1, found=known)
    run = _Run(engine, truth_path, founded(spec), state, state.day + days, progress)
    return await run.live(new=False)


def first_day(end: date, months: int) -> date:
    """The first day of the `months` months that end with `end`: 2026-04-16 for six months to 2026-10-15.

    Months that end with the last day of one begin with the first day of one.
    """
    year, month = divmod(end.year * 12 + end.month - 1 - months, 12)
    days, end_days = monthrange(year, month + 1)[1], monthrange(end.year, end.month)[1]
    before = date(year, month + 1, days if end.day == end_days else min(end.day, days))
    return before + timedelta(days=1)


def state_path(truth_path: Path) -> Path:
    """Where the state lies: beside the truth."""
    return truth_path.with_suffix(".state.npz")


async def _clear(engine: AsyncEngine, replace: bool) -> None:
    if replace and engine.dialect.name != "sqlite":
        raise Conflict("Only the embedded source can be replaced; another database must be empty.")
    await create_tables(engine, tables.source_metadata)
    async with transaction(engine) as connection:
        occupied = await write.holds_rows(connection)
        if occupied and not replace:
            raise Conflict("The source already holds rows; nothing was changed. Use --replace to start over.")
        if occupied:
            await connection.run_sync(tables.source_metadata.drop_all)
            await connection.run_sync(tables.source_metadata.create_all)


async def _insert_truth(connection: AsyncConnection, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
    await write.insert_all(connection, table, [column.name for column in table.columns], rows)


class _Run:
    """One stretch of days written to one source."""

    def __init__(
        self, engine: AsyncEngine, truth_path: Path, world: World, state: State, until_day: int, progress: Progress | None
    ) -> None:
        self.engine, self.truth_path, self.world, self.state, self.until_day = engine, truth_path, world, state, until_day
        self.labels: Labels = label(world)
        self.demand = Demand(world, until_day + MOST_LEAD_DAYS + 1)
        self.progress = progress or (lambda done, total: None)
        self.first = state.day
        self.changed = np.zeros(len(world.tags.pool), bool)
        self.shown = state.status.copy()
        self.scans = self.contracts = self.demand_units = self.served_units = self.recorded = 0
        self.faults = np.zeros(len(FAULTS), np.int64)

    async def live(self, *, new: bool) -> TwinSummary:
        """Live through the days, write them and save the state."""
        truth_engine = truth.open_truth(self.truth_path)
        try:
            await create_tables(truth_engine, truth.truth_metadata)
            await self._rewind(truth_engine, new)
            while self.state.day < self.until_day:
                await self._write_days(truth_engine, self._live_some_days())
            reserved = await self._settle(new)
            async with transaction(truth_engine) as connection:
                await connection.execute(delete(wear_truth.true_items))
                items = wear_truth.item_rows(self.world, self.labels, self.state)
                await _insert_truth(connection, wear_truth.true_items, items)
            save_state(state_path(self.truth_path), self.world.spec, self.state)
        finally:
            await truth_engine.dispose()
        return self._summary(reserved)

    def _live_some_days(self) -> list[DayRecord]:
        """Days up to the end of the run, or as many as make one write."""
        days: list[DayRecord] = []
        scans = 0
        while self.state.day < self.until_day and scans < CHUNK_SCANS:
            days.append(step(self.demand, self.state))
            scans += len(days[-1].scans["id"])
            self.changed[days[-1].returned] = True
            self.changed[days[-1].allocation.tag] = True
            self.changed[days[-1].scans["tag"][days[-1].scans["tag"] >= 0]] = True
            self.changed[days[-1].wear.finished] = True
            self.faults += np.bincount(days[-1].wear.faults["kind"], minlength=len(FAULTS))
            self.recorded += int(days[-1].wear.faults["recorded"].sum())
            self.demand_units += int(days[-1].requests.units.sum())
            self.served_units += int(days[-1].allocation.served.sum())
            self.progress(self.state.day - self.first, self.until_day - self.first)
        return days

    async def _write_days(self, truth_engine: AsyncEngine, days: list[DayRecord]) -> None:
        contracts, lines = take_closed(self.state, self.state.day)
        async with transaction(self.engine) as connection:
            await write.prepare(connection)
            self.scans += await write.write_scans(connection, self.world, self.labels, join([day.scans for day in days]))
            self.contracts += await write.write_contracts(connection, self.world, self.labels, contracts, lines, records.CLOSED)
        async with transaction(truth_engine) as connection:
            rows = truth.demand_rows(self.world, self.labels, days)
            await _insert_truth(connection, truth.true_demand, rows)
            await _insert_truth(connection, wear_truth.true_faults, wear_truth.fault_rows(self.world, self.labels, days))
            await _insert_truth(connection, wear_truth.true_visits, wear_truth.visit_rows(self.world, self.labels, days))
            await _insert_truth(
                connection, wear_truth.true_conditions, wear_truth.condition_rows(self.world, self.labels, days)
            )

    async def _settle(self, new: bool) -> int:
        """Write what describes the last day: open contracts, reservations, item master, weather; returns reservations."""
        world, state = self.world, self.state
        booked, booked_lines = reservations(self.demand, state.day, state.next_contract)
        async with transaction(self.engine) as connection:
            await write.prepare(connection)
            self.contracts += await write.write_contracts(connection, world, self.labels, *state.still_out, records.OUT)
            await write.write_contracts(connection, world, self.labels, booked, booked_lines, records.RESERVED)
            if new:
                await write.write_items(connection, world, self.labels, state)
            else:
                changed = self.changed | (state.status != self.shown)
                await write.update_items(connection, world, self.labels, state, changed)
            factors = records.factor_rows(world, self.demand.weather, self.first, state.day - self.first)
            await write.insert_all(connection, tables.external_factors, records.FACTOR_COLUMNS, factors)
            await note_simulated_day(connection, world.spec.start + timedelta(days=state.day - 1))
        return len(booked["seq"])

    async def _rewind(self, truth_engine: AsyncEngine, new: bool) -> None:
        if new:
            async with transaction(truth_engine) as connection:
                await truth.describe(connection, self.world, self.labels)
                await wear_truth.describe(connection)
                firsts = wear_truth.first_condition_rows(self.world, self.labels)
                await _insert_truth(connection, wear_truth.true_conditions, firsts)
            return
        last = self.world.spec.start + timedelta(days=self.first - 1)
        async with transaction(self.engine) as connection:
            await write.rewind(connection, last, self.state.next_scan)
        async with transaction(truth_engine) as connection:
            await connection.execute(delete(truth.true_demand).where(truth.true_demand.c.date > last))
            await wear_truth.rewind(connection, last)

    def _summary(self, reserved: int) -> TwinSummary:
        start, scanned = self.world.spec.start, int(self.world.classes.scanned.sum())
        return TwinSummary(
            first_day=start + timedelta(days=self.first), last_day=start + timedelta(days=self.until_day - 1),
            items=len(listed_tags(self.world)), classes=scanned,
            bulk_classes=len(self.world.classes.scanned) - scanned, scans=self.scans,
            contracts=self.contracts, reservations=reserved, demand_units=self.demand_units, served_units=self.served_units,
            faults=dict(zip(FAULTS, self.faults.tolist(), strict=True)), recorded_faults=self.recorded,
        )  # fmt: skip
