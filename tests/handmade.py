"""A maintenance snapshot made by hand: items whose best service, chances and states are chosen, published without a training run."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import factories
import httpx
import numpy as np
from fastapi import FastAPI
from maintenancelife import open_doors, serving

from rfid3_maintenance import snapshot as snapshots
from rfid3_maintenance.decisions.costs import Costs
from rfid3_maintenance.decisions.service_moment import best_moment
from rfid3_maintenance.kinds import CUTS_DAYS, GROUPS, HORIZONS_DAYS, KINDS, WEAR
from rfid3_maintenance.settings import SERVICE, MaintenanceSettings
from rfid3_maintenance.snapshot import ADVICE, BEST, Snapshot, Spec
from rfid3_shared import db
from rfid3_shared.item_life.snapshot import FOR_SALE, NEVER_RENTED, NEVER_SEEN, NO_RELATIVES
from rfid3_shared.registry import Verdict
from rfid3_shared.resources import open_resources

AS_OF = date(2026, 10, 31)
TENT, LINEN = 0, 1
STATES = {"TAG-LOST": (2, 0), "TAG-GONE": (1, 0), "TAG-SALE": (0, FOR_SALE), "TAG-NEW": (0, NEVER_RENTED),
          "TAG-UNSEEN": (0, NEVER_RENTED | NEVER_SEEN), "TAG-ALONE": (0, NEVER_RENTED | NEVER_SEEN | NO_RELATIVES)}  # fmt: skip
"""Item → (gone, flags) of those that are not simply in service."""


def made(tents: int = 30, linens: int = 30, pace: float = 1.0) -> Snapshot:
    """Tents that wear the faster the higher their number, and linens that hardly do; a service makes either as good as the first.

    pace: how many times as fast all of them wear.
    """
    ids = [f"TAG-T{k:03d}" for k in range(tents)] + [f"TAG-L{k:03d}" for k in range(linens)] + list(STATES)
    order = np.argsort(np.array(ids, "S"))
    kind_of = np.array([TENT] * tents + [LINEN] * linens + [TENT] * len(STATES))
    rate = np.array([0.2 + 0.15 * k for k in range(tents)] + [0.05] * linens + [0.5] * len(STATES))[order] * pace
    kind_of, names = kind_of[order], np.array(ids)[order]
    n, years = len(ids), np.array(CUTS_DAYS) / 365.25
    share = {"repair": 0.8, "cleaning": 0.5, "retirement": 0.2, "loss": 0.02}
    survival = np.stack([np.exp(-share[kind] * rate[:, None] * years) for kind in KINDS], axis=1).astype(np.float32)
    fresh = np.where(kind_of == TENT, 0.2, 0.05)
    renewed = np.stack([np.exp(-share[kind] * fresh[:, None] * years) for kind in KINDS], axis=1).astype(np.float32)
    wear, after = (np.prod([part[:, KINDS.index(kind)].astype(float) for kind in WEAR], axis=0) for part in (survival, renewed))
    costs = np.where((kind_of == TENT)[:, None], [100.0, 1000.0, 5.0, 60.0, 0.4], [2.0, 5.0, 2.0, 1.0, 0.1])
    best = best_moment(wear, after, CUTS_DAYS, Costs(*costs.T, origin={}))
    days = np.array(HORIZONS_DAYS) / 365.25
    band = np.stack([1 - np.exp(-part * rate[:, None] * days) for part in (0.5, 2.0)], axis=2)
    states = {name: STATES.get(name, (0, 0)) for name in names.tolist()}
    codes = np.array([[kind, kind, 0, 0, *states[name]] for kind, name in zip(kind_of, names.tolist(), strict=True)], np.int32)
    basis = {kind: {"form": "pooled", "why": "by hand", "events": 50, "units": n, "unit_years": 100.0} for kind in KINDS}
    spec = Spec(
        job_id="0" * 32, data_from=date(2025, 1, 1), data_as_of=AS_OF, data_to=f"{AS_OF}T18:00:00", reports_seq=0, kinds=list(KINDS),
        cuts_days=list(CUTS_DAYS), horizons_days=list(HORIZONS_DAYS), features=["days_since_first_seen", "rentals_total"], basis=basis,
        classes=[{"rental_class": "900", "name": "FRAME TENT", "category": "Tents"},
                 {"rental_class": "61825", "name": "90 ROUND WHITE", "category": "Round Linen"}],
        categories=["Tents", "Round Linen"], stores={"8101": "Fridley"}, store_ids=["8101"], statuses=["Ready to Rent", "Repair"],
        turnaround=[{"kind": "repair", "category": "all", "median_days": 4.0, "lower_days": 2.0, "upper_days": 8.0,
                     "basis": "its kind's visits", "visits": 20}],
        bookings={"900": {"leaves_in_days": 5.0, "out_days": 3.0, "units": 2, "usual_days": 3.0}}, totals=[],
        stated={"usual_stay_days": 3.0}, plan={}, counts={}, notes={},
    )  # fmt: skip
    factors = np.zeros((n, len(GROUPS)), np.float32)
    factors[:, 0] = np.log(rate)
    return Snapshot(
        spec=spec, ids=np.array([name.encode() for name in names.tolist()]), survival=survival, renewed=renewed,
        band=band.astype(np.float32), top_feature=np.zeros((n, 1), np.int16), top_value=np.log(rate)[:, None].astype(np.float32),
        factors=factors, facts=np.tile(np.float32([10, 3, 1, 0.05, 400, 7, 1500]), (n, 1)),
        moments=np.tile([20000.0, 20600.0, 20500.0], (n, 1)), codes=codes, costs=costs.astype(np.float32),
        origins=np.zeros((n, 5), np.int8), best=np.stack([getattr(best, name) for name in BEST], axis=1).astype(np.float32),
        advice=np.array([ADVICE.index(word) for word in best.advice], np.int8), planned_day=np.full(n, -1, np.int16),
    )  # fmt: skip


async def publish(settings: MaintenanceSettings, snapshot: Snapshot) -> dict[str, str]:
    """Make the snapshot champion of a fresh home whose source is a small shop; a key for each scope."""
    engine = db.open_engine(settings.source_dsn)
    await factories.steady_shop(engine, 2)
    await engine.dispose()
    keys = await open_doors(settings)
    async with open_resources(settings) as held:
        with tempfile.TemporaryDirectory() as folder:
            snapshots.write(snapshot, Path(folder))
            version = await held.registry.publish(
                SERVICE, Path(folder), model_type="pooled", metrics={"wape": 0.5}, data_from=snapshot.spec.data_from,
                data_to=snapshot.spec.data_as_of, parameters={}, trained_at=datetime(2026, 11, 1, tzinfo=UTC),
            )  # fmt: skip
        await held.registry.settle(version, Verdict("champion", "by hand", {"loss": 0.2}), by="test")
    return keys


@asynccontextmanager
async def served(
    settings: MaintenanceSettings, snapshot: Snapshot, scope: str = "decide"
) -> AsyncIterator[tuple[httpx.AsyncClient, FastAPI]]:
    """A service that answers from the snapshot, and a client with a key."""
    keys = await publish(settings, snapshot)
    async with serving(settings, keys[scope]) as both:
        yield both
