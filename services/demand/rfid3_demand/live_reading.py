"""What is known of the present for a question? One reading of the online features, as every snapshot that answers it sees it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Protocol

import numpy as np
from starlette.datastructures import State

from rfid3_demand.present.definitions import LIVE, entity, pack
from rfid3_demand.present.state import Known, Present
from rfid3_demand.served import Served
from rfid3_demand.settings import demand_settings
from rfid3_demand.snapshot import Snapshot
from rfid3_shared.feature_store.online import OnlineFeatures, Reading
from rfid3_shared.resources import Resources

USED = ("units_left_week", "units_in_service", "units_unavailable", "units_booked_week")
"""Features that answers are made from, in the order of `Present`'s arrays."""
NUMBERS = itemgetter(*(LIVE.names.index(name) for name in USED))
NOTHING = (None,) * len(USED)
Values = tuple[float | None, ...]


class Stamp(Protocol):
    """When values were known, and what they rest on; as `TakenIn` and what the ledger keeps of it."""

    @property
    def moment(self) -> datetime: ...
    @property
    def as_of(self) -> datetime: ...
    @property
    def seq(self) -> int: ...


def classes_below(snapshot: Snapshot, rows: Iterable[int]) -> list[str]:
    """Rental classes of which a node of `rows` sums a unit, sorted."""
    return sorted({snapshot.spec.bottom[at]["class"] for row in rows for at in snapshot.members[row].tolist()})


def online(state: State, held: Resources) -> OnlineFeatures:
    """The process's reader, made when it is first needed; it opens nothing of its own."""
    if not hasattr(state, "live"):
        state.live = OnlineFeatures(
            held.redis, LIVE, held.clock, memory_s=demand_settings(held.settings).demand_features_memory_s
        )
    found: OnlineFeatures = state.live
    return found


class Live:
    """One reading of the present, of the packs of some classes."""

    def __init__(self, reading: Reading, classes: Iterable[str]) -> None:
        self.reading, self._classes = reading, set(classes)
        self._made: dict[int, Served] = {}

    def served(self, snapshot: Snapshot, rows: Iterable[int]) -> Served:
        """What answers of a snapshot about some nodes are read off: without a present where that of any class below is not known."""
        classes = classes_below(snapshot, rows)
        unknown = [name for name in classes if name not in self._classes or pack(name) in self.reading.absent]
        if unknown and self.reading.state == "FRESH":
            why = f"The present of {len(unknown)} of {len(classes)} classes is not known."
            return Served(snapshot, Known("MISSING", None, {**told(self.reading), "state": "MISSING", "why": why}))
        if id(snapshot) not in self._made:
            self._made[id(snapshot)] = Served(snapshot, self._known(snapshot))
        return self._made[id(snapshot)]

    def _known(self, snapshot: Snapshot) -> Known:
        reading, absent = self.reading, set(self.reading.absent)
        there = [name for name in self._classes if pack(name) not in absent]
        rows = sorted(at for name in there for at in snapshot.series_of_class.get(name, ()))
        if reading.state != "FRESH" or reading.taken_in is None:
            return Known(reading.state, None, told(reading))
        return known_of(snapshot, rows, reading.values, reading.taken_in, told(reading))


def known_of(
    snapshot: Snapshot, rows: list[int], values: Mapping[str, Values], taken_in: Stamp, said: dict[str, object]
) -> Known:
    """The present of class-in-store series.

    values: entity → values in the order of LIVE; of one that is not named nothing has left, and no tag and no contract is known.
    said: what `meta.features` is to say.
    """
    nodes = snapshot.spec.nodes
    found = [values.get(entity(nodes[row]["name"], nodes[row]["store"])) for row in rows]
    # None, what nobody knows, becomes NaN
    table = np.array([NOTHING if one is None else NUMBERS(one) for one in found], float).reshape(len(rows), len(USED))
    so_far, in_service, unavailable, booked = table.T
    return Known("FRESH", Present(
        moment=taken_in.moment, as_of=taken_in.as_of, seq=taken_in.seq, rows=np.array(rows, int), so_far=np.nan_to_num(so_far),
        in_service=in_service, unavailable=unavailable, booked=booked,
    ), said)  # fmt: skip


def told(reading: Reading) -> dict[str, object]:
    """What `meta.features` says of a reading."""
    known = reading.taken_in
    return {
        "state": reading.state, "moment": known and known.moment, "as_of": known and known.as_of, "seq": known and known.seq,
        "age_s": None if reading.age_s is None else round(reading.age_s, 1),
        "stale": [name for name, state in reading.states.items() if state == "STALE"], "why": reading.why,
    }  # fmt: skip
