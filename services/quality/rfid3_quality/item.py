"""What is known of one item now: where its grade will stand, what is best done about it, and what was seen since? Pure, numpy alone.

An inspection after the last reading that training knew is truth: from its moment on the item is projected from the grade that was found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from rfid3_quality.decisions.amounts import Amount
from rfid3_quality.decisions.replacement import Items, Verdicts, judge
from rfid3_quality.decisions.score_path import ScorePath
from rfid3_quality.model.grades import LEVELS, TOP, name_of
from rfid3_quality.model.projection import Standing, project, quantiles
from rfid3_quality.model.wear import Wear
from rfid3_quality.snapshot import HORIZONS_DAYS, INPUTS, Snapshot
from rfid3_shared.errors import InsufficientData
from rfid3_shared.item_life.item_gone import refuse_gone
from rfid3_shared.item_life.snapshot import CODES, NEVER_RENTED, NEVER_SEEN, STORE_INFERRED, SnapshotItem

EPOCH = datetime.fromisoformat("1970-01-01")
DAY_S = 86_400.0
SAME_DAYS = 0.5 / DAY_S
"""RFID3's moments are whole seconds."""


@dataclass(frozen=True)
class Reading:
    """A grade that somebody found. at: naive shop time."""

    grade: int
    at: datetime
    inspection_id: str

    def as_dict(self) -> dict[str, Any]:
        """It as an answer shows it."""
        return {"grade": name_of(self.grade), "inspected_at": self.at.isoformat(), "inspection_id": self.inspection_id}


@dataclass(frozen=True)
class Item(SnapshotItem):
    """One row of a snapshot, and the newest inspection where it is newer than the reading that the snapshot knows."""

    snapshot: Snapshot
    reading: Reading | None = None

    @property
    def grade(self) -> int | None:
        """The newest reading; None when it was never graded."""
        if self.reading is not None:
            return self.reading.grade
        known = int(self.snapshot.grade[self.row])
        return known if known >= 0 else None

    @property
    def graded_at(self) -> datetime | None:
        """The moment of the newest reading, naive shop time."""
        if self.reading is not None:
            return self.reading.at
        days = float(self.snapshot.graded_at[self.row])
        return EPOCH + timedelta(days=days) if np.isfinite(days) else None

    @cached_property
    def score(self) -> np.ndarray:
        """(SCORES, horizons): never rising along horizons."""
        if self.reading is None:
            return np.asarray(self.snapshot.score[self.row], float)
        standing = standing_since(self.snapshot, np.array([self.row]), [self.reading])
        # in the precision that training keeps: the lists judge by the same digits
        return np.asarray(scores_of(project(self.snapshot.wear, standing, HORIZONS_DAYS).chance)[0].astype(np.float32), float)

    @property
    def x(self) -> np.ndarray:
        """(1, features)."""
        return np.asarray(self.snapshot.x[self.row : self.row + 1], float)

    @property
    def group(self) -> int:
        """Its class in the learned wear; −1 where the class has no readings of its own."""
        return int(learned_group(self.snapshot.wear, _codes(self.snapshot, [self.row], "rental_class"))[0])

    @cached_property
    def verdict(self) -> tuple[Verdicts, int]:
        """What is best done about it, as `replacement.judge` says, and its place there."""
        return judged([self]), 0

    def imputed(self) -> list[str]:
        """What the answer rests on that nobody recorded."""
        s, row = self.snapshot, self.row
        known = {"grade": self.grade is None, "store": s.flag(row, STORE_INFERRED), "turns": s.flag(row, NEVER_RENTED)}
        return [name for name, inferred in known.items() if inferred]


def item_of(snapshot: Snapshot, row: int, reading: Reading | None = None) -> Item:
    """The item, if something can honestly be said of it. reading: its newest inspection, which counts where it is newer.

    Raises ItemGone (sold, retired, missing, goods for sale), InsufficientData.
    """
    if reading is not None and not is_news(snapshot, row, reading):
        reading = None
    item = Item(snapshot, row, reading)
    refuse_gone(snapshot, row, "it wears no more")
    if reading is None and not np.isfinite(snapshot.score[row, 0, 0]):
        raise InsufficientData(
            f"{item.item_id} was never graded, and neither was any other unit of its class.",
            item_id=item.item_id, status=snapshot.status_of(row), rental_class=item.kind_of_thing["rental_class"],
            found_readings=0, needed_readings=1,
            missing="a grade of this item (POST /quality/inspection-result), or of any unit of its class",
        )  # fmt: skip
    return item


def is_news(snapshot: Snapshot, row: int, reading: Reading) -> bool:
    """Whether an inspection is newer than the reading that the snapshot knows."""
    known = float(snapshot.graded_at[row])
    return not (np.isfinite(known) and days_of(reading.at) <= known + SAME_DAYS)


def days_of(at: datetime) -> float:
    """A naive moment in days since 1970, as the snapshot keeps moments."""
    return (at - EPOCH).total_seconds() / DAY_S


def standing_since(snapshot: Snapshot, rows: np.ndarray, readings: Sequence[Reading]) -> Standing:
    """Units as inspections found them: from then to the data's last moment they have worn at their usual turns."""
    found = np.array([days_of(reading.at) for reading in readings])
    since = np.maximum(days_of(datetime.fromisoformat(snapshot.spec.data_to)) - found, 0.0)
    mean, cv = snapshot.rate[rows, :2].astype(float).T
    return Standing(
        grade=np.array([reading.grade for reading in readings]), group=learned_group(snapshot.wear, _codes(snapshot, rows, "rental_class")),
        turns_per_day=mean, x=np.asarray(snapshot.x[rows], float), material=_codes(snapshot, rows, "category"), turns_cv=cv,
        turns_since=mean * since, days_since=since,
    )  # fmt: skip


def learned_group(wear: Wear, group: np.ndarray) -> np.ndarray:
    """The classes that have readings of their own; others are −1 and wear like their category."""
    seen = np.append(wear.steps_of_group > 0, False)
    inside = np.where((group >= 0) & (group < len(wear.steps_of_group)), group, len(wear.steps_of_group))
    return np.where(seen[inside], group, -1)


def judged(items: Sequence[Item]) -> Verdicts:
    """The verdicts on some items of one snapshot, in their order: many at once cost a fraction of one by one."""
    snapshot, rows = items[0].snapshot, [item.row for item in items]
    new = snapshot.new[snapshot.codes[rows, 0]]
    score = np.stack([item.score for item in items])
    return judge(items_of(snapshot.inputs[rows], snapshot.basis[rows], score, new), snapshot.spec.discount)


def sufficiency(item: Item) -> str:
    """How much own history stands behind an answer: full, short or pooled."""
    if item.grade is None or item.snapshot.flag(item.row, NEVER_SEEN):
        return "pooled"
    return "short" if item.snapshot.flag(item.row, NEVER_RENTED) else "full"


def items_of(inputs: np.ndarray, basis: np.ndarray, score: np.ndarray, new: np.ndarray) -> Items:
    """Rows of a snapshot as decisions take them: inputs (n, INPUTS, 3), basis (n, INPUTS), score (n, SCORES, H), new (n, 3, H)."""
    days = np.array(HORIZONS_DAYS, float)
    given = np.asarray(inputs, float)
    money = {name: Amount(given[:, at, 0], given[:, at, 1], given[:, at, 2], basis[:, at]) for at, name in enumerate(INPUTS)}
    own = ScorePath(days, *(np.asarray(score[:, at], float) for at in (0, 2, 3)))
    fresh = ScorePath(days, *(np.asarray(new[:, at], float) for at in range(3)))
    return Items(score=own, new=fresh, billed_days_per_turn=1.0, **money)


def projected(wear: Wear, standing: Standing, mix: np.ndarray) -> np.ndarray:
    """Chances over grades (rows, horizons, 11) of items whose grade is not known but its distribution, `mix` (rows, 11)."""
    found = np.zeros((len(mix), len(HORIZONS_DAYS), LEVELS), np.float32)
    for grade in np.flatnonzero(mix.sum(axis=0) > 0):
        given = Standing(**{**standing.__dict__, "grade": np.full(len(mix), grade)})
        found += mix[:, grade, None, None].astype(np.float32) * project(wear, given, HORIZONS_DAYS).chance
    return found


def scores_of(chance: np.ndarray) -> np.ndarray:
    """(rows, SCORES, horizons) of chances over grades (rows, horizons, 11): none of them rises along horizons."""
    mean = np.clip(np.asarray(chance, float) @ np.arange(LEVELS), 0, TOP) / TOP
    middle, low, high = quantiles(chance, (0.5, 0.1, 0.9))
    # of a rare deep fall the mean knows more than the middle 80 %: the interval holds it all the same
    parts = [mean, middle, np.minimum(low, mean), np.maximum(high, mean)]
    return np.minimum.accumulate(np.stack(parts, axis=1), axis=2)


def _codes(snapshot: Snapshot, rows: np.ndarray | Sequence[int], name: str) -> np.ndarray:
    return np.asarray(snapshot.codes[rows, CODES.index(name)])
