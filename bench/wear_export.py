"""What can be said of the items of a real RFID3 export, how wide, and how often do we abstain? Both services, each unit asked once.

The export lies in RFID3_TEST_DATA or ../shared/data, in `rfid3/`; without it the bench skips. There is no truth here: what is printed is
what answers rest on and how sure they call themselves, and the test that training itself runs on its last quarter.
"""

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rfid3_maintenance import backtest, fitting, item, publication, queries, totals
from rfid3_maintenance.kinds import HORIZONS_DAYS, KINDS
from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_maintenance.snapshot import Snapshot
from rfid3_quality import backtest as quality_backtest
from rfid3_quality import fitting as quality_fitting
from rfid3_quality import item as quality_item
from rfid3_quality import publication as quality_publication
from rfid3_quality.settings import QualitySettings
from rfid3_quality.snapshot import AHEAD_DAYS, SCORES
from rfid3_quality.snapshot import HORIZONS_DAYS as PROJECTED_DAYS
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.errors import Conflict, InsufficientData
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.rebuild import rebuild
from rfid3_shared.item_life.watch import observed
from rfid3_shared.source import load, tables


async def export(given: Path) -> tuple[Life, publication.Read]:
    """The lives of an export's units, and what maintenance reads besides."""
    with tempfile.TemporaryDirectory() as folder:
        engine = db.open_engine(f"sqlite:///{Path(folder) / 'export.db'}")
        try:
            await db.create_tables(engine, tables.source_metadata)
            await load.load_export(engine, given, clock=Clock())
            async with db.transaction(engine) as connection:
                life = await rebuild(connection, Clock())
                read = publication.Read(
                    0, await queries.class_repair_usd(connection), await queries.next_bookings(connection, life.data_to)
                )
        finally:
            await engine.dispose()
    return life, read


def answers(asked: int, ask: Callable[[int], Any]) -> tuple[Counter[str], np.ndarray]:
    """How many items are answered, and why others are not; and which are (asked,)."""
    why: Counter[str] = Counter()
    answered = np.zeros(asked, bool)
    for row in range(asked):
        try:
            ask(row)
        except InsufficientData as missing:
            why[f"INSUFFICIENT_DATA: {missing.details.get('missing')}"] += 1
        except Conflict as gone:
            why["for sale" if "for sale" in str(gone) else f"gone: {gone.details.get('gone')}"] += 1
        else:
            answered[row] = True
            why["answered"] += 1
    return why, answered


def tell(why: Counter[str]) -> None:
    """Counts and shares."""
    for reason, count in why.most_common():
        print(f"  {count:7d}{count / sum(why.values()):8.1%}  {reason}")


def lived(life: Life) -> None:
    """What there is to go by."""
    seen, watch = life.units["last_seen"].is_not_null().sum(), observed(life)
    years = float((watch["left_at"] - watch["entered_at"]).dt.total_seconds().sum()) / 86_400 / 365.25
    span = f"{life.data_from:%Y-%m-%d} to {life.data_to:%Y-%m-%d}"
    print(f"{life.units.height} units, {seen} ever scanned, {watch.height} under watch for {years:.0f} unit-years, {span}")
    print(f"{life.stays.height} rentals, {life.faults.height} faults, {life.visits.height} visits")
    print("read, left out and mended: " + ", ".join(f"{count} {name}" for name, count in life.counts.items() if count))


def maintenance(life: Life, read: publication.Read) -> None:
    """Forms by kind, who is answered, how wide, and the fleet's totals."""
    zone, own, started = Clock().zone, MaintenanceSettings(), time.perf_counter()
    past = fitting.past_of(life, own.maintenance_landmark_days, zone)
    hazards = fitting.fit(past)
    made = publication.snapshot_of(life, past, hazards, read, own, zone, "bench", {})
    print(f"\nmaintenance: {len(past.x)} landmarks, {time.perf_counter() - started:.0f} s to learn and score")
    for kind in KINDS:
        known = hazards[kind].basis
        held = known.get("calibration") or {}
        slope = f", slope out of fold {held['slope']:.2f}" if held else ""
        print(f"  {kind:12}{known['form']:8}{known['events']:6d} events in {known['unit_years']:.0f} unit-years{slope}")
    why, answered = answers(len(made.ids), lambda row: item.item_of(made, made.id_of(row)))
    tell(why)
    rows = np.flatnonzero(answered)
    own_history = Counter(item.sufficiency(item.Item(made, int(row))) for row in rows)
    print("  of the answered: " + ", ".join(f"{count / len(rows):.0%} {name}" for name, count in own_history.most_common()))
    widths(made, rows)
    tested(past, life)


def widths(made: Snapshot, rows: np.ndarray) -> None:
    """Chances with their intervals, and failures expected of the fleet."""
    wear = np.asarray(fitting.wear_of(np.asarray(made.survival)[rows]))
    band = np.asarray(made.band, float)[rows]
    print(
        f"  {'days':>5}{'chance: median':>16}{'80 % interval, median':>24}{'upper / lower':>15}{'fleet: failures':>17}{'80 %':>16}"
    )
    for at, days in enumerate(HORIZONS_DAYS):
        low, high = band[:, at].T
        mean, least, most = totals.counts(wear, 0.0, float(days), totals.spread_of(band[:, at]))
        chance = 1 - wear[:, list(made.spec.cuts_days).index(float(days))]
        ratio = np.median(high / np.maximum(low, 1e-9))
        print(f"  {days:5d}{np.median(chance):16.4f}{np.median(low):14.4f} – {np.median(high):.4f}{ratio:15.1f}{mean:17.0f}"
              f"{least:9.0f}–{most:.0f}")  # fmt: skip


def tested(past: fitting.Past, life: Life) -> None:
    """Training's own test on the end of the data."""
    origin = backtest.origin_of(life, past)
    found = None if origin is None else backtest.tested(past, origin, life.data_to)
    if found is None or found.loss is None:
        print("  no test: the data are too short")
        return
    held = "" if found.coverage is None else f", {found.coverage:.2f} of category totals in the 80 % interval"
    print(f"  tested from {found.origin:%Y-%m-%d}: Brier {found.loss:.5f}, share that failed before {found.naive:.5f}{held}")


def quality(life: Life) -> None:
    """Grades known, whose wear is behind projections, and how wide they are."""
    zone, started = Clock().zone, time.perf_counter()
    past = quality_fitting.past_of(life, zone)
    wear = quality_fitting.fit(past)
    made = quality_publication.snapshot_of(
        life, past, wear, 0, QualitySettings().quality_discount_ratio_per_year, zone, "bench", {}
    )
    print(
        f"\nquality: {time.perf_counter() - started:.0f} s to learn and score; form {wear.basis['form']}, {wear.basis['why']}"
    )
    why, answered = answers(len(made.ids), lambda row: quality_item.item_of(made, row))
    tell(why)
    rows = np.flatnonzero(answered)
    graded = np.asarray(made.grade)[rows] >= 0
    pooled = Counter(wear.basis_of(quality_item.Item(made, int(row)).group)["pooled_at"] for row in rows)
    print(f"  of the answered: {graded.mean():.0%} graded themselves, others stand as their class; wear of "
          + ", ".join(f"{name} {count / len(rows):.0%}" for name, count in pooled.most_common()))  # fmt: skip
    score = np.asarray(made.score, float)[rows]
    for days in AHEAD_DAYS:
        low, high, mean = (score[:, SCORES.index(name), PROJECTED_DAYS.index(days)] for name in ("lower", "upper", "mean"))
        print(f"  {days:4d} days: mean score {np.mean(mean):.2f}, 80 % interval {np.mean(high - low):.2f} wide")
    origin = quality_backtest.origin_of(life)
    found = None if origin is None else quality_backtest.tested(life, past, origin, life.data_to)
    if found is None or found.rps is None:
        print("  no test: no unit was graded before and after a day late in the data")
    else:
        print(f"  tested from {found.origin[:10]}: {found.pairs} units, RPS {found.rps:.4f}, last grade stays but for usual changes"
              f" {found.naive_rps:.4f}, coverage {found.coverage_80:.2f}")  # fmt: skip


def main() -> None:
    """Print everything, or say that there is no export."""
    given = Path(os.environ.get("RFID3_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data") / "rfid3"
    if not given.exists():
        print("real export: skipped, set RFID3_TEST_DATA to a folder that holds rfid3/")
        return
    life, read = asyncio.run(export(given))
    lived(life)
    maintenance(life, read)
    quality(life)


if __name__ == "__main__":
    main()
