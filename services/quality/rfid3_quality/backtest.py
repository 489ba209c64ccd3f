"""How good would this have been? Learned from readings up to an earlier day, held against the grades read after it; pure.

Split by time, never at random. Each unit counts once: the look at it before the day, and the next one after, without a repair between. A
look that finds no change leaves no trace in RFID3, so what is asked is which grade is written, given that another one is. The loss is the
ranked probability score of that grade; the naive forecast moves the last grade as grades moved in the same time before. Coverage is that of
the 80 % interval, counted by the non-randomised probability integral transform (Czado, Gneiting & Held 2009): grades are whole numbers, and
no interval of whole grades holds exactly 80 %.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from rfid3_quality import features, fitting, valuing
from rfid3_quality.item import learned_group
from rfid3_quality.model.grades import LEVELS, TOP
from rfid3_quality.model.projection import Standing, project
from rfid3_quality.model.wear import Wear
from rfid3_quality.snapshot import Snapshot
from rfid3_shared.item_life.frames import item_frame
from rfid3_shared.item_life.grades import between
from rfid3_shared.item_life.life import Life
from rfid3_shared.registry.gate import Comparison

LONGEST_DAYS, SHORTEST_DAYS = 180.0, 28.0
GRID_DAYS = (0.0, 7.0, 14.0, 30.0, 60.0, 90.0, 120.0, 180.0, 270.0, 365.0)
LEVEL = 0.8
LEAST_OF_CATEGORY = 5
LOSS = "ranked probability score of grades"
NAIVE = "last grade moved by the usual changes"


@dataclass(frozen=True)
class Tested:
    """One test from an origin; None = could not be measured. Errors are of scores, 0 to 1."""

    origin: str
    pairs: int
    rps: float | None = None
    naive_rps: float | None = None
    mae: float | None = None
    stays_mae: float | None = None
    drift_mae: float | None = None
    coverage_80: float | None = None
    wape: float | None = None


def origin_of(life: Life) -> datetime | None:
    """The day from which to test: a quarter of the data's span, at most LONGEST_DAYS, before their end; None where that is too short."""
    after = min(LONGEST_DAYS, (life.data_to - life.data_from).total_seconds() / 86_400 / 4)
    return life.data_to - timedelta(days=after) if after >= SHORTEST_DAYS else None


def tested(life: Life, past: fitting.Past, origin: datetime, until: datetime) -> Tested:
    """Learn from what was known at `origin`, and hold it against what was read up to `until`."""
    pairs, earlier = _pairs(past, origin, until), _pairs(past, origin - (until - origin), origin)
    if not pairs.height:
        return Tested(origin.isoformat(), 0)
    chance = foretold(fitting.fit(past, origin), life, past, pairs, origin)
    rows, before, after = pairs["row"].to_numpy(), pairs["from_grade"].to_numpy(), pairs["to_grade"].to_numpy()
    told = pairs["told"].to_numpy()
    chance, naive = _given_change(chance, before, told), _usual(before, told, earlier)
    mean = chance @ np.arange(LEVELS)
    material = past.material[rows]
    drift = _drift(earlier, past.material, len(past.categories))
    return Tested(
        origin.isoformat(), pairs.height, rps=_rps(chance, after), naive_rps=_rps(naive, after), mae=_mae(mean, after),
        stays_mae=_mae(before.astype(float), after), drift_mae=_mae(np.clip(before + drift[material], 0, TOP), after),
        coverage_80=_coverage(chance, after), wape=_wape(mean, after, material),
    )  # fmt: skip


def foretold(wear: Wear, life: Life, past: fitting.Past, pairs: pl.DataFrame, origin: datetime) -> np.ndarray:
    """(pairs, 11) chances of what would be read at each pair's later moment, from what was known at `origin`."""
    rows = pairs["row"].to_numpy()
    at_origin = life.stays.filter(pl.col("begun_at") <= origin)
    units = pairs.select("tag_id").join(
        life.units.select("tag_id", "first_seen"), on="tag_id", how="left", maintain_order="left"
    )
    then = Life(**{**life.__dict__, "data_to": origin, "stays": at_origin})
    group, material = past.group[rows], past.material[rows]
    rates = valuing.turn_rates(then, units, group % len(past.classes), material, len(past.classes), len(past.categories))
    spans = pairs.select("tag_id", "from_at", to_at=pl.lit(origin, pl.Datetime("us")))
    since = between(spans, at_origin.select("tag_id", at="begun_at"), "turns")["turns"].to_numpy().astype(float)
    days = _days(pl.lit(origin) - pl.col("from_at"), pairs)
    known = item_frame(life, pairs.select("tag_id", at=pl.lit(origin, pl.Datetime("us"))), past.zone, facts=past.facts)
    standing = Standing(
        grade=pairs["from_grade"].to_numpy(), group=learned_group(wear, group), turns_per_day=rates.mean, x=features.matrix(known),
        material=material, turns_cv=rates.cv, turns_since=np.maximum(since, 0.0), days_since=days,
    )  # fmt: skip
    chance = np.asarray(project(wear, standing, GRID_DAYS).chance, float)
    ahead = np.clip(_days(pl.col("to_at") - pl.lit(origin), pairs), 0.0, GRID_DAYS[-1] - 1e-6)
    below = np.searchsorted(GRID_DAYS, ahead, side="right") - 1
    share = (ahead - np.take(GRID_DAYS, below)) / np.diff(GRID_DAYS)[below]
    at = np.arange(len(rows))
    return wear.readings((1 - share)[:, None] * chance[at, below] + share[:, None] * chance[at, below + 1])


def beside(found: Tested | None, life: Life, past: fitting.Past, champion: Snapshot | None) -> Comparison:
    """The candidate beside the champion, both from the origin that the champion was tested from."""
    newer = champion is not None and life.data_to.date() > champion.spec.data_as_of
    kept: dict[str, Any] = {} if champion is None else champion.spec.notes.get("test") or {}
    loss = kept.get("rps")
    if champion is not None and loss is not None and (found is None or found.origin != kept["origin"]):
        again = tested(life, past, datetime.fromisoformat(kept["origin"]), datetime.fromisoformat(champion.spec.data_to))
        found, loss = (again, loss) if again.rps is not None else (found, None)
    measured = found or Tested("", 0)
    return Comparison(
        loss_name=LOSS, candidate_loss=measured.rps, champion_loss=loss, naive_losses={NAIVE: measured.naive_rps},
        origins=1 if measured.pairs else 0, pairs=measured.pairs,
        coverage={} if measured.coverage_80 is None else {LEVEL: measured.coverage_80}, champion_coverage=None, newer_data=newer,
        same_content=False,
    )  # fmt: skip


def metrics_of(found: Tested | None) -> dict[str, float | None]:
    """Headline scores; None = could not be measured."""
    names = [name for name in Tested.__dataclass_fields__ if name not in ("origin", "pairs")]
    values = {name: None if found is None else getattr(found, name) for name in names}
    return {name: None if value is None else round(float(value), 6) for name, value in values.items()}


def as_note(found: Tested | None) -> dict[str, Any] | None:
    """A test as the snapshot keeps it."""
    return None if found is None else asdict(found)


def _pairs(past: fitting.Past, origin: datetime, until: datetime) -> pl.DataFrame:
    """The steps of `past` that were under way at the origin and ended by `until`, without a repair: one a unit at most; and row."""
    known = past.frame.with_row_index("row").filter(~pl.col("repaired"))
    return known.filter((pl.col("from_at") <= origin) & (pl.col("to_at") > origin) & (pl.col("to_at") <= until))


def _usual(before: np.ndarray, told: np.ndarray, earlier: pl.DataFrame) -> np.ndarray:
    """(pairs, 11): the last grade, moved as grades moved in the time before; a grade lower where nothing moved."""
    moves = (earlier["to_grade"] - earlier["from_grade"]).to_numpy().astype(int)
    found = np.zeros((len(before), LEVELS))
    values, counts = np.unique(np.append(moves, -1), return_counts=True)
    for move, count in zip(values, counts, strict=True):
        found[np.arange(len(before)), np.clip(before + move, 0, TOP)] += count / counts.sum()
    return _given_change(found, before, told)


def _given_change(chance: np.ndarray, before: np.ndarray, told: np.ndarray) -> np.ndarray:
    """The chances given that the grade changes, where only a change would have been seen."""
    other = chance.copy()
    other[np.arange(len(before)), before] *= ~told
    total = other.sum(axis=1, keepdims=True)
    return np.where(total > 1e-9, other / np.maximum(total, 1e-9), chance)


def _drift(earlier: pl.DataFrame, material: np.ndarray, materials: int) -> np.ndarray:
    """(categories,) mean change of the grade in the time before."""
    kind = material[earlier["row"].to_numpy()]
    moved = (earlier["to_grade"] - earlier["from_grade"]).to_numpy().astype(float)
    count = np.bincount(kind, minlength=materials)
    return np.asarray(np.bincount(kind, moved, materials) / np.maximum(count, 1))


def _rps(chance: np.ndarray, seen: np.ndarray) -> float:
    """Mean squared distance of the cumulative chances to the step at what was read, over ten steps."""
    step = np.arange(LEVELS)[None, :] >= seen[:, None]
    return float(((np.cumsum(chance, axis=1) - step)[:, :-1] ** 2).mean())


def _mae(grade: np.ndarray, seen: np.ndarray) -> float:
    return float(np.abs(grade - seen).mean() / TOP)


def _coverage(chance: np.ndarray, seen: np.ndarray) -> float:
    upto = np.cumsum(chance, axis=1)[np.arange(len(seen)), seen]
    before = upto - chance[np.arange(len(seen)), seen]
    low, high = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    inside = np.clip(np.minimum(upto, high) - np.maximum(before, low), 0.0, None)
    width = upto - before
    return float(np.where(width > 1e-9, inside / np.maximum(width, 1e-9), (upto >= low) & (upto <= high)).mean())


def _wape(mean: np.ndarray, seen: np.ndarray, material: np.ndarray) -> float | None:
    """Absolute error of mean scores by category over those means, of categories with some units."""
    wrong = actual = 0.0
    for kind in np.unique(material):
        rows = material == kind
        if rows.sum() >= LEAST_OF_CATEGORY:
            wrong, actual = wrong + abs(float(mean[rows].mean() - seen[rows].mean())), actual + float(seen[rows].mean())
    return wrong / actual if actual else None


def _days(span: pl.Expr, frame: pl.DataFrame) -> np.ndarray:
    return np.asarray(frame.select(days=span.dt.total_seconds().cast(pl.Float64) / 86_400.0)["days"].to_numpy(), float)
