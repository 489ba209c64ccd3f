"""What is seen of wear: the grade at one reading, the grade at the next, and what lay between. Arrays in, checked."""

from dataclasses import dataclass, field

import numpy as np

from rfid3_quality.model.grades import TOP


@dataclass(frozen=True)
class WearSteps:
    """One row per pair of successive readings of a unit; when between them the grade changed is not known.

    unit, group (class) and material (category): int32, 0 up, −1 = none known · from_grade, to_grade: 0..10 · turns: rentals
    between the readings · days: days between them · repaired: whether a repair lies between · x: (rows, features), NaN = unknown.
    """

    unit: np.ndarray
    from_grade: np.ndarray
    to_grade: np.ndarray
    turns: np.ndarray
    days: np.ndarray
    group: np.ndarray
    material: np.ndarray
    repaired: np.ndarray
    x: np.ndarray | None = None
    names: tuple[str, ...] = ()
    group_names: tuple[str, ...] = field(default=())
    material_names: tuple[str, ...] = field(default=())
    told_by_change: np.ndarray | None = None
    """(rows,) bool: steps that are known only because the grade changed; a look that had found the same one would have left no trace."""

    def __post_init__(self) -> None:
        """Raises ValueError for columns of unequal length, grades off the scale, or turns and days below zero."""
        columns = (self.from_grade, self.to_grade, self.turns, self.days, self.group, self.material, self.repaired)
        if any(len(column) != len(self.unit) for column in columns) or (self.x is not None and len(self.x) != len(self.unit)):
            raise ValueError("The columns of wear steps differ in length.")
        if len(self.names) != (0 if self.x is None else self.x.shape[1]):
            raise ValueError("There must be one name per feature.")
        if not len(self.unit):
            return
        for name in ("from_grade", "to_grade"):
            grades = getattr(self, name)
            if grades.min() < 0 or grades.max() > TOP:
                raise ValueError(f"{name} must lie between 0 and {TOP}.")
        for name in ("turns", "days"):
            amounts = getattr(self, name)
            if not np.isfinite(amounts).all() or amounts.min() < 0:
                raise ValueError(f"{name} must be known and not negative.")

    @property
    def groups(self) -> int:
        """How many classes there are, with readings or without."""
        return max(len(self.group_names), int(self.group.max(initial=-1)) + 1)

    @property
    def materials(self) -> int:
        """How many categories there are, with readings or without."""
        return max(len(self.material_names), int(self.material.max(initial=-1)) + 1)


def material_of_group(steps: WearSteps) -> np.ndarray:
    """The category most of a class's steps name, (groups,) int32; −1 where none does."""
    found = np.full(steps.groups, -1, dtype=np.int32)
    known = (steps.group >= 0) & (steps.material >= 0)
    if known.any():
        pairs, counts = np.unique(np.stack([steps.group[known], steps.material[known]]), axis=1, return_counts=True)
        order = np.argsort(counts, kind="stable")
        found[pairs[0, order]] = pairs[1, order]
    return found
