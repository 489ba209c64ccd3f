"""How good would this have been? Learned from what was known at an earlier day, held against what came after; pure.

Split by time, never at random: rows of one unit resemble each other. The loss is the Brier score of a wear failure, averaged over
horizons up to the end of the test; the naive forecast gives every item the share that failed in complete windows before the split.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from rfid3_maintenance import fitting, totals
from rfid3_maintenance.kinds import CUTS_DAYS, WEAR
from rfid3_maintenance.snapshot import Snapshot
from rfid3_shared.item_life.life import Life
from rfid3_shared.registry.gate import Comparison

LONGEST_DAYS, SHORTEST_DAYS = 180.0, 28.0
WINDOW_DAYS = 28.0
FLAGGED = 0.3
"""The chance within 30 days from which the schedule names an item unless it is asked otherwise."""
LOSS = "Brier score of wear failures"


@dataclass(frozen=True)
class Tested:
    """One test from an origin: losses, totals of categories, and how well items were named. None = could not be measured."""

    origin: datetime
    loss: float | None
    naive: float | None
    wape: float | None
    coverage: float | None
    precision: float | None
    recall: float | None
    pairs: int


def origin_of(life: Life, past: fitting.Past) -> datetime | None:
    """The landmark to test from: a quarter of the data's span before their end, at most LONGEST_DAYS; None where that is too short."""
    span = (life.data_to - life.data_from).total_seconds() / 86_400
    after = min(LONGEST_DAYS, span / 4)
    known = past.frame.filter(pl.col("at") <= life.data_to - timedelta(days=after))["at"].max()
    return known if after >= SHORTEST_DAYS and isinstance(known, datetime) else None


def tested(past: fitting.Past, origin: datetime, until: datetime) -> Tested:
    """Learn from what was known at `origin`, and hold it against what was seen up to `until`."""
    hazards, rows = fitting.fit(past, origin), np.flatnonzero((past.frame["at"] == origin).to_numpy())
    x, group = past.x[rows], past.group[rows]
    if not len(rows):
        return Tested(origin, None, None, None, None, None, None, 0)
    some = past.frame[rows]
    ahead = past.ahead(some["category"], some["at"], origin)
    wear = fitting.wear_of(fitting.survival_of(hazards, x, group, ahead))
    after, event = _wear_seen(past, rows)
    span = (until - origin).total_seconds() / 86_400
    ours, naive, pairs = _brier(past, origin, wear, after, event, span)
    wape, held = _totals(
        wear, fitting.band_of(hazards, x, group, ahead), past.frame["category"].to_numpy()[rows], after, event, span
    )
    precision, recall = _named(1 - wear[:, CUTS_DAYS.index(30.0)], after, event)
    return Tested(origin, ours, naive, wape, held, precision, recall, pairs)


def compared(found: Tested | None, champion_loss: float | None, *, newer_data: bool) -> Comparison:
    """A test as the gate takes it."""
    return Comparison(
        loss_name=LOSS, candidate_loss=None if found is None else found.loss, champion_loss=champion_loss,
        naive_losses={"share that failed before": None if found is None else found.naive}, origins=0 if found is None else 1,
        pairs=0 if found is None else found.pairs, coverage={} if found is None or found.coverage is None else {0.8: found.coverage},
        champion_coverage=None, newer_data=newer_data, same_content=False,
    )  # fmt: skip


def _wear_seen(past: fitting.Past, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days to the first wear failure or the end of watch, and whether it failed."""
    after = np.stack([past.after[kind][rows] for kind in WEAR])
    event = np.stack([past.event[kind][rows] for kind in WEAR])
    first = np.argmin(np.where(event, after, np.inf), axis=0)
    failed = event.any(axis=0)
    at = np.arange(len(rows))
    return np.asarray(np.where(failed, after[first, at], after.min(axis=0))), np.asarray(failed)


def _brier(
    past: fitting.Past, origin: datetime, wear: np.ndarray, after: np.ndarray, event: np.ndarray, span: float
) -> tuple[float | None, float | None, int]:
    before = np.flatnonzero((past.frame["at"] < origin).to_numpy())
    earlier_after, earlier_event = _wear_seen(past, before)
    to_origin = fitting.days_to(past.frame["at"], origin)[before]
    ours, naive, pairs = [], [], 0
    for at, cut in enumerate(CUTS_DAYS):
        known = (event & (after <= cut)) | (after >= cut)
        complete = (to_origin >= cut) & ((earlier_event & (earlier_after <= cut)) | (earlier_after >= cut))
        if cut > span or not known.any() or not complete.any():
            continue
        failed = (event & (after <= cut))[known]
        share = float((earlier_event & (earlier_after <= cut))[complete].mean())
        ours.append(float(np.mean((1 - wear[known, at] - failed) ** 2)))
        naive.append(float(np.mean((share - failed) ** 2)))
        pairs += int(known.sum())
    return (float(np.mean(ours)), float(np.mean(naive)), pairs) if ours else (None, None, 0)


def _totals(
    wear: np.ndarray, band: np.ndarray, category: np.ndarray, after: np.ndarray, event: np.ndarray, span: float
) -> tuple[float | None, float | None]:  # fmt: skip
    """WAPE and coverage of failures by category and window of WINDOW_DAYS; coverage where at least one is expected, and of all together."""
    wrong = actual = 0.0
    held = []
    for name in [None, *np.unique(category).tolist()]:
        rows = np.flatnonzero(category == name) if name is not None else np.arange(len(category))
        spread = totals.spread_of(band[rows, 1])
        for begin in np.arange(0.0, span - WINDOW_DAYS + 1e-9, WINDOW_DAYS):
            mean, low, high = totals.counts(wear[rows], begin, begin + WINDOW_DAYS, spread, first_only=True)
            happened = float((event[rows] & (after[rows] > begin) & (after[rows] <= begin + WINDOW_DAYS)).sum())
            if name is not None:
                wrong, actual = wrong + abs(mean - happened), actual + happened
            if mean >= 1:
                held.append(low <= happened <= high)
    return (wrong / actual if actual else None), (float(np.mean(held)) if held else None)


def _named(chance: np.ndarray, after: np.ndarray, event: np.ndarray) -> tuple[float | None, float | None]:
    """Precision and recall of naming items whose chance within 30 days is at least FLAGGED."""
    failed, known = event & (after <= 30), (event & (after <= 30)) | (after >= 30)
    named = (chance >= FLAGGED) & known
    hits = float((named & failed).sum())
    return (hits / named.sum() if named.any() else None), (hits / failed.sum() if failed.any() else None)


def beside(found: Tested | None, past: fitting.Past, life: Life, champion: Snapshot | None) -> Comparison:
    """The candidate beside the champion, both from the origin that the champion was tested from, where that still is a landmark."""
    if champion is None:
        return compared(found, None, newer_data=False)
    newer = life.data_to.date() > champion.spec.data_as_of
    kept = champion.spec.notes.get("test") or {}
    if not kept.get("origin") or kept.get("loss") is None:
        return compared(found, None, newer_data=newer)
    origin = datetime.fromisoformat(kept["origin"])
    if found is None or origin != found.origin:
        again = tested(past, origin, datetime.fromisoformat(champion.spec.data_to))
        found = again if again.loss is not None else found
        if again.loss is None:
            return compared(found, None, newer_data=newer)
    return compared(found, float(kept["loss"]), newer_data=newer)


def metrics_of(found: Tested | None) -> dict[str, float | None]:
    """Headline scores; None = could not be measured."""
    names = {
        "brier": "loss",
        "naive_brier": "naive",
        "wape": "wape",
        "coverage_80": "coverage",
        "precision": "precision",
        "recall": "recall",
    }
    values = {name: None if found is None else getattr(found, source) for name, source in names.items()}
    return {name: None if value is None else round(float(value), 6) for name, value in values.items()}
