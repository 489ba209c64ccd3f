"""What is known of all units now: as training left them, but for those inspected since, which are judged anew? Pure, numpy alone.

An inspection that training did not know is truth for the lists as it is for a single item. Only the units that were inspected are
computed again; what they tell of their class and of wear itself waits for the next training.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import ref

import numpy as np

from rfid3_quality.item import Reading, days_of, is_news, scores_of, standing_since
from rfid3_quality.judging import Judged, judged_of
from rfid3_quality.model.projection import project
from rfid3_quality.snapshot import HORIZONS_DAYS, VERDICT, Snapshot
from rfid3_shared.item_ids import UnknownItem
from rfid3_shared.item_life.snapshot import CODES, FOR_SALE


@dataclass(frozen=True)
class Fleet:
    """A snapshot, and what is known anew of the units inspected since; columns as `snapshot.Snapshot` names them."""

    snapshot: Snapshot
    rows: np.ndarray
    """(k,) units that are judged anew, ascending."""
    readings: tuple[Reading, ...]
    """(k) what was found of them."""
    anew: Judged
    """(k,) rows of it."""
    score_anew: np.ndarray
    """(k,) mean score now."""

    @property
    def keys(self) -> list[tuple[int, Reading]]:
        """(k) what each judgement rests on."""
        return list(zip(self.rows.tolist(), self.readings, strict=True))

    @cached_property
    def score(self) -> np.ndarray:
        """(units,) mean score now."""
        return self._with(self.snapshot.score[:, 0, 0], self.score_anew)

    @cached_property
    def grade(self) -> np.ndarray:
        """(units,) grade at the last look."""
        return self._with(self.snapshot.grade, [reading.grade for reading in self.readings])

    @cached_property
    def graded_at(self) -> np.ndarray:
        """(units,) moment of the last look."""
        return self._with(self.snapshot.graded_at, [days_of(reading.at) for reading in self.readings])

    @cached_property
    def answerable(self) -> np.ndarray:
        """(units,) of the rental fleet whose condition can be told: an inspection tells it of any."""
        return self._with(self.snapshot.answerable, True)

    @cached_property
    def best(self) -> np.ndarray:
        """(units,)."""
        return self._with(self.snapshot.best, self.anew.best)

    @cached_property
    def action(self) -> np.ndarray:
        """(units,)."""
        return self._with(self.snapshot.action, self.anew.action)

    @cached_property
    def cents(self) -> np.ndarray:
        """(units, 2)."""
        return self._with(self.snapshot.cents, self.anew.cents)

    @cached_property
    def gains(self) -> np.ndarray:
        """(units, GAINS)."""
        return self._with(self.snapshot.gains, self.anew.gains)

    @cached_property
    def look(self) -> np.ndarray:
        """(units, 2)."""
        return self._with(self.snapshot.look, self.anew.look)

    def column(self, name: str) -> np.ndarray:
        """(units,) one of VERDICT."""
        return self._with(self.snapshot.column(name), self.anew.verdict[:, VERDICT.index(name)])

    def _with(self, known: np.ndarray, anew: Any) -> np.ndarray:
        if not len(self.rows):
            return known
        both = np.array(known)
        both[self.rows] = anew
        return both


@dataclass(frozen=True)
class Known:
    """What was worked out, (k,) each; it holds no snapshot, so that one that is replaced is let go."""

    keys: list[tuple[int, Reading]]
    anew: Judged
    score: np.ndarray


class Judgements:
    """The units that were judged anew when last asked: of one snapshot an inspection is worked out once."""

    def __init__(self) -> None:
        self._last: tuple[ref[Snapshot], Known] | None = None

    def fleet(self, snapshot: Snapshot, readings: Mapping[str, Reading]) -> Fleet:
        """The fleet with these inspections, the newest of each item; those that are no news, or of units gone, change nothing."""
        news = {
            row: reading
            for row, reading in _rows(snapshot, readings)
            if is_news(snapshot, row, reading) and _rented(snapshot, row)
        }
        rows = np.array(sorted(news), np.int64)
        made = Fleet(
            snapshot,
            rows,
            tuple(news[row] for row in rows.tolist()),
            Judged.nothing(len(rows)),
            np.zeros(len(rows), np.float32),
        )
        if len(rows):
            self._judge(made)
        return made

    def _judge(self, fleet: Fleet) -> None:
        last = self._last
        # several threads may ask at once: what is remembered changes hands whole, and belongs to one snapshot
        known = last[1] if last is not None and last[0]() is fleet.snapshot else None
        place = {} if known is None else {key: k for k, key in enumerate(known.keys)}
        at = np.array([place.get(key, -1) for key in fleet.keys])
        old, fresh = np.flatnonzero(at >= 0), np.flatnonzero(at < 0)
        if known is not None and len(old):
            fleet.anew.put(old, known.anew.take(at[old]))
            fleet.score_anew[old] = known.score[at[old]]
        if len(fresh):
            judged, fleet.score_anew[fresh] = _judged(
                fleet.snapshot, fleet.rows[fresh], [fleet.readings[k] for k in fresh.tolist()]
            )
            fleet.anew.put(fresh, judged)
        self._last = ref(fleet.snapshot), Known(fleet.keys, fleet.anew, fleet.score_anew)


def _judged(snapshot: Snapshot, rows: np.ndarray, readings: list[Reading]) -> tuple[Judged, np.ndarray]:
    """What is best done about units as they were found, and their mean score now."""
    standing = standing_since(snapshot, rows, readings)
    chance = project(snapshot.wear, standing, HORIZONS_DAYS).chance
    # training keeps scores in single precision: the same reading must give the same verdict
    score = scores_of(chance).astype(np.float32)
    new = snapshot.new[snapshot.codes[rows, CODES.index("rental_class")]]
    judged = judged_of(
        snapshot.wear, standing, score, chance[:, 0], new, snapshot.inputs[rows], snapshot.basis[rows], snapshot.spec.discount,
        np.ones(len(rows), bool),
    )  # fmt: skip
    return judged, score[:, 0, 0]


def _rows(snapshot: Snapshot, readings: Mapping[str, Reading]) -> list[tuple[int, Reading]]:
    """Rows of the items that the snapshot knows; one that came after it waits for the next training."""
    found = []
    for item_id, reading in readings.items():
        try:
            found.append((snapshot.row_of(item_id), reading))
        except UnknownItem:
            continue
    return found


def _rented(snapshot: Snapshot, row: int) -> bool:
    return snapshot.code(row, "gone") == 0 and not snapshot.flag(row, FOR_SALE)
