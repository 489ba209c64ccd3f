"""The training jobs: what do past lives say about every item? rebuild → landmarks → fit → test → score all → plan.

What follows each day's refresh: expected failures are written down, and alerts are raised within their budget.
"""

from dataclasses import asdict
from functools import partial
from typing import Any

from rfid3_maintenance import attending, backtest, fitting, planning, publication, queries, reporting, snapshot
from rfid3_maintenance.ledger_rows import of_totals
from rfid3_maintenance.publication import Read
from rfid3_maintenance.settings import SERVICE, MaintenanceSettings
from rfid3_maintenance.snapshot import Snapshot
from rfid3_shared.db import transaction
from rfid3_shared.item_life import feature_drift
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.rebuild import rebuild
from rfid3_shared.registry.candidate import Candidate
from rfid3_shared.resources import Resources
from rfid3_shared.source.tags import require_scans
from rfid3_shared.training_run import Run, Training, training_jobs


async def _read(held: Resources) -> tuple[Life, Read]:
    """Lives, and what training reads besides. Raises InsufficientData without any scan."""
    async with transaction(held.source) as source, transaction(held.store) as store:
        await require_scans(source)
        life = await rebuild(source, held.clock, store=store)
        return life, Read(
            await reporting.known_seq(store, life.data_to, held.clock), await queries.class_repair_usd(source),
            await queries.next_bookings(source, life.data_to),
        )  # fmt: skip


def _learn(run: Run[MaintenanceSettings, Snapshot], given: tuple[Life, Read]) -> tuple[Snapshot, Candidate]:
    (life, read), own, zone = given, run.settings, run.held.clock.zone
    run.progress.report("learning", 0, 3)
    past = fitting.past_of(life, own.maintenance_landmark_days, zone)
    hazards = fitting.fit(past)
    run.progress.report("learning", 1, 3)
    origin = backtest.origin_of(life, past)
    tested = None if origin is None else backtest.tested(past, origin, life.data_to)
    run.progress.report("learning", 2, 3)
    notes = {"test": None if tested is None else {**asdict(tested), "origin": tested.origin.isoformat()}}
    made = publication.snapshot_of(life, past, hazards, read, own, zone, run.job_id, notes)
    made = planning.with_nightly_plan(made, own, run.held.clock.today())
    forms = sorted({str(basis["form"]) for basis in made.spec.basis.values()})
    return made, Candidate(
        partial(snapshot.write, made), "+".join(forms), backtest.metrics_of(tested), made.spec.data_from, made.spec.data_as_of,
        backtest.beside(tested, past, life, run.serving), parameters={"landmark_days": own.maintenance_landmark_days},
        feature_spec=feature_drift.spec_of(life),
    )  # fmt: skip


async def _follow(run: Run[MaintenanceSettings, Snapshot], made: Snapshot, version: str) -> dict[str, Any]:
    weekly = [one for one in made.spec.totals if one["week"] is not None]
    run.held.ledger.record(of_totals(weekly, made.spec.data_as_of, version, run.held.clock.now()))
    return {"alerts": await attending.look(run.held, run.settings, made, version)}


run, refresh = training_jobs(
    Training(SERVICE, MaintenanceSettings, snapshot.load, _read, lambda given: given[0].data_to.date(), _learn, _follow)
)
