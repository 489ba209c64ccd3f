"""How do fitted hazards and rebuilt lives become the snapshot that the service answers from? Arrays and their meaning; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from rfid3_maintenance import describing, features, fitting, prospects, reasons, recording, renewal, totals, valuing
from rfid3_maintenance.decisions.busy_time import even_days
from rfid3_maintenance.decisions.costs import Costs
from rfid3_maintenance.decisions.curve import LEAST_SURVIVAL
from rfid3_maintenance.decisions.doubts import Known
from rfid3_maintenance.decisions.recorded_share import repairs_per_recorded
from rfid3_maintenance.decisions.service_effect import Effect
from rfid3_maintenance.kinds import CUTS_DAYS, HORIZONS_DAYS, KINDS
from rfid3_maintenance.model import Hazard
from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_maintenance.snapshot import ADVICE, BEST, Snapshot, Spec
from rfid3_maintenance.timing import best_in_season
from rfid3_shared.item_ids import as_ids
from rfid3_shared.item_life.describing import described, places
from rfid3_shared.item_life.frames import item_frame
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.snapshot import CODES, NO_RELATIVES, in_service

USUAL_STAY_DAYS = 3.0
"""Stated: days out where no rental of a class has ended yet."""


@dataclass(frozen=True)
class Read:
    """What training read besides lives: last report taken in, dollars a repair by class, next bookings by class."""

    reports_seq: int
    class_repair_usd: Mapping[str, float]
    bookings: Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Scores:
    """What hazards say of units, (units, …) as in `Snapshot`; wear (units, cuts)."""

    survival: np.ndarray
    renewed: np.ndarray
    wear: np.ndarray
    band: np.ndarray
    top_feature: np.ndarray
    top_value: np.ndarray
    factors: np.ndarray


def scores_of(
    hazards: Mapping[str, Hazard], x: np.ndarray, group: np.ndarray, ahead: np.ndarray | None, effects: Mapping[str, Effect],
    turns: np.ndarray,
) -> Scores:  # fmt: skip
    """Curves, bounds and reasons of units from their features (units, features), pooling groups (units,) and busy days (units, cuts).

    effects, turns (units,): what a service does, and the rentals since each unit's last one.
    """
    survival = fitting.survival_of(hazards, x, group, ahead)
    renewed = renewal.renewed(survival, effects, turns)
    return Scores(
        survival, renewed, fitting.wear_of(survival), fitting.band_of(hazards, x, group, ahead),
        *reasons.of(hazards, x, group, survival),
    )  # fmt: skip


def snapshot_of(
    life: Life, past: fitting.Past, hazards: Mapping[str, Hazard], read: Read, own: MaintenanceSettings, zone: ZoneInfo,
    job_id: str, notes: Mapping[str, Any],
) -> Snapshot:  # fmt: skip
    """The snapshot of all units at the data's last moment; the same data, settings and job give the same bytes."""
    ordered = replace(life, units=life.units.sort(pl.col("tag_id").cast(pl.Binary)))
    units = ordered.units
    frame = item_frame(life, units.select("tag_id", at=pl.lit(life.data_to)), zone, facts=past.facts)
    x, group = features.matrix(frame), places(frame["rental_class"], past.classes)
    ahead = past.ahead(frame["category"], frame["at"])
    effects, recorded = renewal.effects_of(life), recording.recording(life, read.class_repair_usd)
    scores = scores_of(hazards, x, group, ahead, effects, renewal.since_service(life, units["tag_id"]))
    table, codes = described(life, units)
    even = _even_days(ahead, codes[:, CODES.index("category")], len(table["categories"]))
    usd = prospects.usd_per_repair(life, read.class_repair_usd, recorded.repairs)
    values = valuing.values_of(
        ordered, codes[:, 0], codes[:, 1], usd, planned_ratio=own.maintenance_planned_ratio,
        repair_ratio=own.maintenance_repair_ratio, out_ratio=x[:, features.NAMES.index("out_ratio")].astype(float),
    )  # fmt: skip
    facts, moments = describing.facts_of_units(life, units, frame, values.purchase_usd)
    of = codes[:, CODES.index("category")]
    per = repairs_per_recorded(recorded.told, table["categories"])[of]
    services = {kind: effect.words() for kind, effect in effects.items()}
    best, advice = best_of(scores, values.costs, even[of], per, services)
    spec = _spec(life, past, hazards, read, own, table, codes, scores, job_id, notes)
    spec = replace(spec, even_days=even.tolist(), recorded=recorded.told, services=services)
    return Snapshot(
        spec=spec, ids=as_ids(units["tag_id"].to_list()), survival=scores.survival,
        renewed=scores.renewed, band=scores.band, top_feature=scores.top_feature, top_value=scores.top_value, factors=scores.factors,
        facts=facts, moments=moments, codes=codes, costs=values.costs, origins=values.origins, best=best, advice=advice,
        planned_day=np.full(units.height, -1, np.int16),
    )  # fmt: skip


def _even_days(ahead: np.ndarray, category: np.ndarray, categories: int) -> np.ndarray:
    """(categories + 1, cuts) of `busy_time.even_days`; all units of a category are asked at one moment, so one of them tells."""
    passed = np.tile(np.array(CUTS_DAYS, float), (categories + 1, 1))
    code, first = np.unique(category, return_index=True)
    passed[code] = ahead[first]
    return even_days(passed, CUTS_DAYS)


def best_of(
    scores: Scores, costs: np.ndarray, even: np.ndarray, per_recorded: np.ndarray, services: Mapping[str, Mapping[str, Any]]
) -> tuple[np.ndarray, np.ndarray]:
    """(units, BEST) and (units,) positions in ADVICE: the best moment to service each unit, all its failures counted.

    costs: (units, COSTS); even (units, cuts); per_recorded (units, 3) repairs behind each that is written down: least, middle, most.
    """
    planned, repair, downtime, revenue, booked = costs.astype(float).T
    given = Costs(planned, repair, downtime, revenue, booked, origin={})
    known = Known(scores.survival, scores.renewed, proportion_of(scores.wear, scores.band), per_recorded, services)
    best = best_in_season(known, CUTS_DAYS, given, even)
    columns = np.stack([getattr(best, name) for name in BEST], axis=1).astype(np.float32)
    return columns, np.array([ADVICE.index(word) for word in best.advice], np.int8)


def proportion_of(wear: np.ndarray, band: np.ndarray) -> np.ndarray:
    """(units, 2) the ends of the interval of a year's chance as ratios of expected failures: `Item.proportion`, for many."""
    expected = np.maximum(-np.log(np.clip(wear[:, CUTS_DAYS.index(float(HORIZONS_DAYS[-1]))], LEAST_SURVIVAL, 1.0)), 1e-12)
    bounds = -np.log1p(-np.clip(band[:, -1].astype(float), 0.0, 1.0 - 1e-9)) / expected[:, None]
    return np.stack([np.minimum(bounds[:, 0], 1.0), np.maximum(bounds[:, 1], 1.0)], axis=1)


def _spec(
    life: Life, past: fitting.Past, hazards: Mapping[str, Hazard], read: Read, own: MaintenanceSettings, table: dict[str, Any],
    codes: np.ndarray, scores: Scores, job_id: str, notes: Mapping[str, Any],
) -> Spec:  # fmt: skip
    as_of = life.data_to.date()
    answerable = in_service(codes) & (codes[:, CODES.index("flags")] & NO_RELATIVES == 0)
    stated = valuing.stated(own.maintenance_planned_ratio, own.maintenance_repair_ratio)
    return Spec(
        job_id=job_id, data_from=life.data_from.date(), data_as_of=as_of, data_to=life.data_to.isoformat(),
        reports_seq=read.reports_seq, kinds=list(KINDS), cuts_days=list(CUTS_DAYS), horizons_days=list(HORIZONS_DAYS),
        features=list(features.NAMES), basis={kind: dict(hazards[kind].basis) for kind in KINDS}, **table,
        turnaround=prospects.turnaround(life), bookings=prospects.bookings(life, read.bookings),
        totals=totals.expected(scores.wear, scores.band, codes[:, 1], answerable, table["categories"], as_of),
        stated={**stated, "usual_stay_days": USUAL_STAY_DAYS}, plan={},
        counts={**life.counts, "units": len(codes), "landmarks": len(past.x)}, notes=dict(notes),
    )  # fmt: skip
