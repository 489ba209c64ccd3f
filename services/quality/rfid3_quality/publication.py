"""How do learned wear and rebuilt lives become the snapshot that the service answers from? Arrays and their meaning; pure."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from rfid3_quality import features, fitting, totals, valuing
from rfid3_quality.item import learned_group, projected, scores_of
from rfid3_quality.judging import AT_ONCE, judged_of
from rfid3_quality.model.grades import LEVELS
from rfid3_quality.model.projection import Standing, project
from rfid3_quality.model.wear import Wear
from rfid3_quality.snapshot import HORIZONS_DAYS, SCORES, Snapshot, Spec
from rfid3_shared.item_ids import as_ids
from rfid3_shared.item_life.describing import day_of, days_of, described
from rfid3_shared.item_life.frames import item_frame
from rfid3_shared.item_life.grades import between
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.snapshot import in_service


def snapshot_of(
    life: Life,
    past: fitting.Past,
    wear: Wear,
    reports_seq: int,
    discount: float,
    zone: ZoneInfo,
    job_id: str,
    notes: Mapping[str, Any],
) -> Snapshot:
    """The snapshot of all units at the data's last moment; the same data, settings and job give the same bytes."""
    units = life.units.filter(pl.col("tag_id").str.len_bytes() <= 255).sort(pl.col("tag_id").cast(pl.Binary))
    frame = item_frame(life, units.select("tag_id", at=pl.lit(life.data_to)), zone, facts=past.facts)
    table, codes = described(life, units)
    group, material, groups = codes[:, 0], codes[:, 1], len(past.classes) + 1
    turns = valuing.turn_rates(life, units, group, material, groups, len(past.categories))
    grade, graded_at, worn_from, turns_since = _readings(life, units)
    counted = in_service(codes)
    since = np.nan_to_num(np.maximum(day_of(life.data_to) - worn_from, 0.0))
    rate = np.stack([turns.mean, turns.cv, turns_since], axis=1).astype(np.float32)
    x = features.matrix(frame)
    standing = Standing(
        grade=np.maximum(grade, 0), group=learned_group(wear, group), turns_per_day=rate[:, 0].astype(float), x=x,
        material=material, turns_cv=rate[:, 1].astype(float), turns_since=turns_since.astype(float), days_since=since,
    )  # fmt: skip
    score, now, class_grades = projections(wear, standing, grade, counted, group, groups)
    # in the precision that is kept: a single item's verdict is worked out from the snapshot, and says the same
    new = _new_ones(wear, groups, past, turns.mean, group, material).astype(np.float32)
    effect = valuing.price_effect_of(life)
    inputs, basis = valuing.inputs_of(life, units, group, material, turns, score[:, 0, 0], effect, past.categories)
    judged = judged_of(wear, standing, score, now, new[group], inputs, basis, discount, counted)
    spec = Spec(
        job_id=job_id, data_from=life.data_from.date(), data_as_of=life.data_to.date(), data_to=life.data_to.isoformat(),
        reports_seq=reports_seq, horizons_days=list(HORIZONS_DAYS), features=list(features.NAMES), **table, discount=discount,
        totals=totals.expected(wear, score, counted, material, standing.group, past.categories),
        price_effect=valuing.told_effect(effect), notes=dict(notes),
        counts={**life.counts, "units": units.height, "steps": past.frame.height, "graded": int((grade >= 0).sum())},
    )  # fmt: skip
    return Snapshot(
        spec=spec, wear=wear, ids=as_ids(units["tag_id"].to_list()), codes=codes, grade=grade.astype(np.int8), graded_at=graded_at,
        score=score.astype(np.float32), x=x, rate=rate, inputs=inputs, basis=basis, best=judged.best, verdict=judged.verdict,
        action=judged.action, cents=judged.cents, gains=judged.gains, look=judged.look, new=new,
        class_grades=class_grades.astype(np.float32),
    )  # fmt: skip


def projections(
    wear: Wear, standing: Standing, grade: np.ndarray, counted: np.ndarray, group: np.ndarray, groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(units, SCORES, horizons) scores, (units, 11) chances over grades now, and (groups, 11) the latter added up by class.

    A unit that was never graded stands as the units of its class that were and count now stand; NaN where there are none. The last class
    is that of units without one: they are no relatives.
    """
    score = np.full((len(grade), len(SCORES), len(HORIZONS_DAYS)), np.nan, np.float32)
    now = np.full((len(grade), LEVELS), np.nan, np.float32)
    for rows in _parts(grade >= 0):
        chance = project(wear, standing.take(rows), HORIZONS_DAYS).chance
        score[rows], now[rows] = scores_of(chance), chance[:, 0]
    relatives = np.zeros((groups, LEVELS))
    mates = np.flatnonzero((grade >= 0) & counted & (group < groups - 1))
    np.add.at(relatives, group[mates], now[mates].astype(float))
    many = relatives.sum(axis=1)
    for rows in _parts((grade < 0) & (many[group] > 0)):
        nothing = np.zeros(len(rows))
        fresh = Standing(**{**standing.take(rows).__dict__, "turns_since": nothing, "days_since": nothing})
        chance = projected(wear, fresh, relatives[group[rows]] / many[group[rows], None])
        score[rows], now[rows] = scores_of(chance), chance[:, 0]
    return score, now, relatives


def _parts(which: np.ndarray) -> list[np.ndarray]:
    """The rows of which it holds, some at once."""
    rows = np.flatnonzero(which)
    return [rows[begin : begin + AT_ONCE] for begin in range(0, len(rows), AT_ONCE)]


def _new_ones(
    wear: Wear, groups: int, past: fitting.Past, rate: np.ndarray, group: np.ndarray, material: np.ndarray
) -> np.ndarray:
    """(classes, 3, horizons): mean, lower, upper of a unit of each class that comes new as A+ and turns as its class does."""
    count = np.maximum(np.bincount(group, minlength=groups), 1)
    kinds = np.zeros(groups, np.int32)
    kinds[group] = material
    standing = Standing(
        grade=np.full(groups, LEVELS - 1), group=learned_group(wear, np.arange(groups)),
        turns_per_day=np.bincount(group, rate, groups) / count, material=kinds,
    )  # fmt: skip
    return scores_of(project(wear, standing, HORIZONS_DAYS).chance)[:, [0, 2, 3]]


def _readings(life: Life, units: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Last look: grade (−1 = none) and moment; from when on it has worn, and turns begun since. Moments in days since 1970, NaN = none.

    A copy of the grade before is no look (`fitting.looks`). A repair after the last look is taken to have mended what was worn since.
    """
    before = pl.col("grade").shift(1).over("tag_id")
    read = life.grades.sort("tag_id", "at", maintain_order=True)
    looked = read.filter(before.is_null() | (pl.col("grade") != before) | (pl.col("source") == "report"))
    last = looked.group_by("tag_id", maintain_order=True).last()
    mended = life.services.filter(pl.col("kind") == "repair").group_by("tag_id").agg(mended=pl.col("at").max())
    spans = last.join(mended, on="tag_id", how="left", maintain_order="left").select(
        "tag_id", "grade", "at", from_at=pl.max_horizontal("at", "mended"), to_at=pl.lit(life.data_to, pl.Datetime("us"))
    )  # fmt: skip
    counted = between(spans, life.stays.select("tag_id", at="begun_at"), "turns")
    told = units.select("tag_id").join(counted, on="tag_id", how="left", maintain_order="left")
    at, worn_from = (days_of(told[name]) for name in ("at", "from_at"))
    turns = np.maximum(told["turns"].fill_null(0).to_numpy().astype(float), 0.0)
    return told["grade"].fill_null(-1).to_numpy().astype(np.int64), at, worn_from, turns
