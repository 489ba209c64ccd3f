"""What does every published snapshot of single items know, whatever its service says of them? Numpy alone: serving processes read it.

A service adds its own fields to `ItemSpec` and its own arrays to `ItemSnapshot`.
"""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from rfid3_shared import item_ids

CODES = ("rental_class", "category", "store", "status", "gone", "flags")
STORE_INFERRED, FOR_SALE, NEVER_SEEN, NEVER_RENTED, NO_RELATIVES = 1, 2, 4, 8, 16
"""Bits of the code `flags`; the last: never seen, and neither was any other unit of its class."""
GONE = ("", "retirement", "loss")
UNMAPPED = "Unmapped"
"""The category of items without one."""


@dataclass(frozen=True)
class ItemSpec:
    """What the arrays mean. Lists are in the arrays' order."""

    job_id: str
    data_from: date
    data_as_of: date
    data_to: str
    """The last moment that the data know, naive shop time."""
    reports_seq: int
    """What people reported up to the report numbered so is in the arrays."""
    horizons_days: list[int]
    features: list[str]
    classes: list[dict[str, str]]
    """rental_class, name, category; the last one stands for none."""
    categories: list[str]
    stores: dict[str, str]
    """RFID3 store id → name."""
    store_ids: list[str]
    statuses: list[str]
    totals: list[dict[str, Any]]
    """What is expected of each category, with an 80 % interval."""
    counts: dict[str, int]
    notes: dict[str, Any] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True)
class ItemSnapshot:
    """What is known of every unit; arrays have a row a unit, in the order of `ids` (bytes, sorted). codes: columns CODES.

    A loaded snapshot never changes.
    """

    spec: ItemSpec
    ids: np.ndarray
    codes: np.ndarray

    def row_of(self, item_id: str) -> int:
        """The row of an item. Raises UnknownItem with ids that begin alike."""
        return item_ids.row_of(self.ids, item_id)

    def id_of(self, row: int) -> str:
        """The item of a row."""
        return str(self.ids[row].decode())

    def code(self, row: int, name: str) -> int:
        """One of CODES of an item."""
        return int(self.codes[row, CODES.index(name)])

    def flag(self, row: int, bit: int) -> bool:
        """Whether a bit of its flags is set."""
        return bool(self.code(row, "flags") & bit)

    def store_of(self, row: int) -> str | None:
        """The RFID3 store of an item; None where nobody knows."""
        store = self.code(row, "store")
        return self.spec.store_ids[store] if store >= 0 else None

    def status_of(self, row: int) -> str | None:
        """The status that RFID3 wrote last of an item."""
        status = self.code(row, "status")
        return self.spec.statuses[status] if status >= 0 else None

    @cached_property
    def in_service(self) -> np.ndarray:
        """(units,) units of the rental fleet: neither gone nor goods for sale."""
        return in_service(self.codes)

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What was worked out for all units, by question; a few entries."""
        return {}


@dataclass(frozen=True)
class SnapshotItem:
    """One row of a snapshot: what every service says of an item before anything else."""

    snapshot: ItemSnapshot
    row: int

    @cached_property
    def item_id(self) -> str:
        """Its tag."""
        return self.snapshot.id_of(self.row)

    @cached_property
    def kind_of_thing(self) -> dict[str, str]:
        """Its rental_class, name and category."""
        return self.snapshot.spec.classes[self.snapshot.code(self.row, "rental_class")]

    @property
    def type_name(self) -> str:
        """What people call such items."""
        known = self.kind_of_thing
        return known["name"] or known["rental_class"] or known["category"]


def in_service(codes: np.ndarray) -> np.ndarray:
    """(units,) units of the rental fleet, of codes (units, CODES): neither gone nor goods for sale."""
    return np.asarray((codes[:, CODES.index("gone")] == 0) & (codes[:, CODES.index("flags")] & FOR_SALE == 0))
