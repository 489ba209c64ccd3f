"""The training jobs: what do past readings say about every item? rebuild → steps → fit → test → project and judge all."""

from functools import partial
from typing import Any

from rfid3_quality import backtest, fitting, publication, queries, snapshot
from rfid3_quality.ledger_rows import of_totals
from rfid3_quality.settings import SERVICE, QualitySettings
from rfid3_quality.snapshot import Snapshot
from rfid3_shared.db import transaction
from rfid3_shared.item_life import feature_drift
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.rebuild import rebuild
from rfid3_shared.registry.candidate import Candidate
from rfid3_shared.resources import Resources
from rfid3_shared.source.tags import require_scans
from rfid3_shared.training_run import Run, Training, training_jobs


async def _read(held: Resources) -> tuple[Life, int]:
    """Lives, and the number of the last inspection in them. Raises InsufficientData without any scan."""
    async with transaction(held.source) as source, transaction(held.store) as store:
        await require_scans(source)
        seq = await queries.last_inspection_seq(store)
        return await rebuild(source, held.clock, store=store), seq


def _learn(run: Run[QualitySettings, Snapshot], given: tuple[Life, int]) -> tuple[Snapshot, Candidate]:
    (life, seq), zone, discount = given, run.held.clock.zone, run.settings.quality_discount_ratio_per_year
    run.progress.report("learning", 0, 3)
    past = fitting.past_of(life, zone)
    wear = fitting.fit(past)
    run.progress.report("learning", 1, 3)
    origin = backtest.origin_of(life)
    tested = None if origin is None else backtest.tested(life, past, origin, life.data_to)
    comparison = backtest.beside(tested, life, past, run.serving)
    run.progress.report("learning", 2, 3)
    made = publication.snapshot_of(life, past, wear, seq, discount, zone, run.job_id, {"test": backtest.as_note(tested)})
    return made, Candidate(
        partial(snapshot.write, made), str(wear.basis["form"]), backtest.metrics_of(tested), made.spec.data_from, made.spec.data_as_of,
        comparison, parameters={"discount": discount}, feature_spec=feature_drift.spec_of(life),
    )  # fmt: skip


async def _follow(run: Run[QualitySettings, Snapshot], made: Snapshot, version: str) -> dict[str, Any]:
    run.held.ledger.record(of_totals(made.spec.totals, made.spec.data_as_of, version, run.held.clock.now()))
    return {}


run, refresh = training_jobs(
    Training(SERVICE, QualitySettings, snapshot.load, _read, lambda given: given[0].data_to.date(), _learn, _follow)
)
