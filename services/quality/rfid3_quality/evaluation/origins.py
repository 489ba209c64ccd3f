"""From which moments are crossings foretold, what was known then, and what came of it?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rfid3_quality.model.degradation import Record
from rfid3_quality.model.first_passage import Direction, first_beyond

LEAST_KNOWN = 3
Of = Literal["life", "record"]
Others = Literal["cut", "complete"]


@dataclass(frozen=True)
class Origin:
    """One unit at one moment. truth_t: its first reading beyond the threshold (None: not seen to cross) · before_t: the reading
    before that, or the last one · known: every unit's record as it was known then, this unit's first."""

    unit: str
    share: float
    at_t: float
    truth_t: float | None
    before_t: float
    life: float
    known: tuple[Record, ...]


def origins(
    records: Sequence[Record],
    threshold: float,
    direction: Direction,
    shares: Sequence[float],
    of: Of = "life",
    others: Others = "cut",
) -> list[Origin]:
    """A unit is cut at a share of its life (of its record, where it does not cross, or with of="record"); the others at the same
    time, or, with others="complete", not at all. Units that have crossed by then, or have fewer than three readings, are left out."""
    found = []
    for record in records:
        truth = first_beyond(record, threshold, direction)
        end = float(record.t[-1]) if truth is None or of == "record" else truth
        for share in shares:
            at = float(record.t[0]) + share * (end - float(record.t[0]))
            own = cut(record, at)
            if len(own.t) < LEAST_KNOWN or (truth is not None and truth <= own.t[-1]):
                continue
            rest = (one if others == "complete" else cut(one, at) for one in records if one is not record)
            before = record.t[record.t < truth][-1] if truth is not None else record.t[-1]
            life = (truth if truth is not None else float(record.t[-1])) - float(record.t[0])
            found.append(
                Origin(record.unit, share, at, truth, float(before), life, (own, *(one for one in rest if len(one.t))))
            )
    return found


def cut(record: Record, at: float) -> Record:
    """The record as it was known at a time: readings up to it."""
    known = np.asarray(record.t) <= at
    return Record(record.unit, record.t[known], record.y[known], None if record.x is None else record.x[known])


def without_columns(origin: Origin) -> Origin:
    """The same told from time and score alone."""
    return replace(origin, known=tuple(replace(record, x=None) for record in origin.known))
