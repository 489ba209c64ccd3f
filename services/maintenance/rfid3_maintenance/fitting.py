"""What do past lives say of the hazards of each kind? landmarks → one fit a kind, on all or on what was known at an earlier day. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from rfid3_maintenance import features
from rfid3_maintenance.decisions.curve import at_days
from rfid3_maintenance.kinds import CUTS_DAYS, HORIZONS_DAYS, KINDS, WEAR
from rfid3_maintenance.model import Hazard, Landmarks, default_prior, fit_hazard, joint
from rfid3_maintenance.season import Season, moments, season_of, turns_of
from rfid3_shared.feature_store.compute import Facts
from rfid3_shared.item_life.describing import categories_of, classes_of, days_of, places
from rfid3_shared.item_life.frames import facts_of, item_frame
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.snapshot import UNMAPPED
from rfid3_shared.item_life.watch import landmarks

KNOWN_AGES_RATIO = 0.95
"""The share of landmarks of units whose creation is known, from which on hazards may run in age."""
MOST_ROWS = 250_000
"""Landmarks that a fit looks at; of more, those of every n-th unit, whole lives."""


@dataclass(frozen=True)
class Past:
    """Landmarks of all kinds with what was known at each: the rows a hazard is learned from.

    frame: tag_id, at, unit, category. x (rows, features). after, event by kind: days to the event or the end of watch.
    """

    frame: pl.DataFrame
    x: np.ndarray
    group: np.ndarray
    after: Mapping[str, np.ndarray]
    event: Mapping[str, np.ndarray]
    classes: tuple[str, ...]
    facts: Mapping[str, Facts]
    made: np.ndarray
    """(rows,) when the unit was created, in days since 1970; NaN where nobody knows."""
    turns: pl.DataFrame
    categories: tuple[str, ...]
    data_from: datetime
    data_to: datetime

    def season(self, until: datetime | None = None) -> Season:
        """The season as known then, or at the end of the data."""
        return season_of(self.turns, self.categories, self.data_from, min(until or self.data_to, self.data_to))

    def ahead(self, category: pl.Series, at: pl.Series, until: datetime | None = None) -> np.ndarray:
        """(rows, cuts) busy days from each moment to each cut, for units of these categories."""
        return self.season(until).ahead(self.category_codes(category), moments(at))

    def category_codes(self, category: pl.Series) -> np.ndarray:
        """(rows,) positions in `categories`; −1 for none."""
        return places(category.fill_null(UNMAPPED), self.categories).astype(np.int64)


def past_of(life: Life, every_days: float, zone: ZoneInfo) -> Past:
    """The landmarks of a life, at most MOST_ROWS of them."""
    by_kind = {kind: landmarks(life, kind, every_days) for kind in KINDS}
    marks = by_kind[KINDS[0]].select("tag_id", "at")
    number = marks["tag_id"].rank("dense").cast(pl.Int64) - 1 if marks.height else pl.Series([], dtype=pl.Int64)
    step = -(-marks.height // MOST_ROWS) or 1
    kept = np.asarray((number % step == 0).to_numpy(), bool)
    facts, classes = facts_of(life), classes_of(life)
    marks = marks.with_columns(unit=number).filter(kept)
    frame = item_frame(life, marks.select("tag_id", "at"), zone, facts=facts)
    marks = marks.with_columns(category=frame["category"].fill_null(UNMAPPED))
    made = marks.select("tag_id").join(
        life.units.select("tag_id", "created_at"), on="tag_id", how="left", maintain_order="left"
    )
    return Past(
        marks, features.matrix(frame), places(frame["rental_class"], classes),
        {kind: part["after_days"].to_numpy()[kept] for kind, part in by_kind.items()},
        {kind: part["event"].to_numpy()[kept] for kind, part in by_kind.items()}, classes, facts,
        days_of(made["created_at"]), turns_of(life.stays, life.units, UNMAPPED),
        categories_of(life), life.data_from, life.data_to,
    )  # fmt: skip


def fit(past: Past, until: datetime | None = None) -> dict[str, Hazard]:
    """One hazard a kind. until: only what was known by then is learned from (naive shop time)."""
    left = np.full(len(past.x), np.inf) if until is None else days_to(past.frame["at"], until)
    rows = np.flatnonzero(left > 0)
    season = past.season(until)
    return {kind: _fit(past, kind, rows, left, season) for kind in KINDS}


def survival_of(hazards: Mapping[str, Hazard], x: np.ndarray, group: np.ndarray, ahead: np.ndarray | None = None) -> np.ndarray:
    """(rows, kinds, cuts) chance to get beyond each cut. ahead: (rows, cuts) busy days until then, of `Past.ahead`; None = as days."""
    ahead = as_days(x) if ahead is None else ahead
    age = x[:, features.NAMES.index("days_since_first_seen")].astype(float)
    curves = [np.exp(-at_days(hazards[kind].survival(x, group, age), CUTS_DAYS, ahead)) for kind in KINDS]
    return np.stack(curves, axis=1).astype(np.float32)


def wear_of(survival: np.ndarray) -> np.ndarray:
    """(rows, cuts) chance to get beyond each cut without a wear failure."""
    return np.asarray(joint({kind: survival[:, KINDS.index(kind)] for kind in WEAR}))


def band_of(hazards: Mapping[str, Hazard], x: np.ndarray, group: np.ndarray, ahead: np.ndarray | None = None) -> np.ndarray:
    """(rows, horizons, 2): 80 % interval of the chance of a wear failure. ahead: (rows, cuts) busy days until each cut; None = as days.

    The kinds' errors are taken as independent: distances of expected failures to their bounds add as squares do.
    """
    age, at = (
        x[:, features.NAMES.index("days_since_first_seen")].astype(float),
        [CUTS_DAYS.index(float(h)) for h in HORIZONS_DAYS],
    )
    ahead = as_days(x) if ahead is None else ahead
    middle, below, above = (np.zeros((len(x), len(at))) for _ in range(3))
    for kind in WEAR:
        expected = at_days(hazards[kind].survival(x, group, age), CUTS_DAYS, ahead[:, at])
        low, high = (at_days(1.0 - one, CUTS_DAYS, ahead[:, at]) for one in hazards[kind].band(x, group, 0.8, age))
        middle, below, above = middle + expected, below + (expected - low) ** 2, above + (high - expected) ** 2
    lower, upper = np.maximum(middle - np.sqrt(below), 0.0), middle + np.sqrt(above)
    both = np.stack([np.maximum.accumulate(lower, axis=1), np.maximum.accumulate(upper, axis=1)], axis=2)
    return np.asarray(-np.expm1(-both), np.float32)


def as_days(x: np.ndarray) -> np.ndarray:
    """(rows, cuts) busy days until each cut where nothing is known of the season: the days themselves."""
    return np.broadcast_to(np.array(CUTS_DAYS), (len(x), len(CUTS_DAYS)))


def _fit(past: Past, kind: str, rows: np.ndarray, left: np.ndarray, season: Season) -> Hazard:
    """One kind's hazard, in busy days. A unit that was there when the data began, and of which nobody knows since when, has no age."""
    after = past.after[kind][rows]
    category, at = past.category_codes(past.frame["category"].gather(rows)), moments(past.frame["at"].gather(rows))
    passed, until = season.at(category, at), season.at(category, at + np.minimum(after, left[rows]))
    made = past.made[rows]
    aged = bool(np.mean(np.isfinite(made)) >= KNOWN_AGES_RATIO) if len(rows) else False
    marks = Landmarks(
        x=past.x[rows], names=features.NAMES, group=past.group[rows], unit=past.frame["unit"].to_numpy()[rows].astype(np.int32),
        at_days=at - made if aged else passed, after_days=np.maximum(until - passed, 0.0),
        event=past.event[kind][rows] & (after <= left[rows]), aged=aged,
    )  # fmt: skip
    return fit_hazard(marks, CUTS_DAYS, prior=default_prior(kind), group_names=past.classes)


def days_to(at: pl.Series, until: datetime) -> np.ndarray:
    """(rows,) days from each moment to `until`."""
    seconds = (pl.lit(until) - pl.col("at")).dt.total_seconds().cast(pl.Float64)
    return np.asarray(pl.DataFrame({"at": at}).select(days=seconds / 86_400.0)["days"].to_numpy(), float)
