"""What is a box, and which rows lie in one? A box is a conjunction of limits on features: hot and slow; load times wear beyond its limit.

Trees cut one feature at a time and smear a sharp corner over many cuts; told whether a row lies in a box, they need one. Found by
`box_search`; here they are only asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Limit:
    """One condition: a feature above a limit, or not above it. Unknown values are never inside."""

    feature: int
    above: bool
    at: float
    by: int = -1
    """The feature by whose value the limit differs; -1: it does not."""
    others: tuple[tuple[float, float], ...] = ()
    """(value of `by`, the limit there); other values keep `at`."""

    def holds(self, x: np.ndarray) -> np.ndarray:
        """(rows,) bool of x (rows, features)."""
        at: float | np.ndarray = self.at
        if self.others:
            at = np.full(len(x), self.at)
            for value, other in self.others:
                at[x[:, self.by] == value] = other
        return np.asarray(x[:, self.feature] > at if self.above else x[:, self.feature] <= at)


Box = tuple[Limit, ...]


def inside(box: Sequence[Limit], x: np.ndarray) -> np.ndarray:
    """(rows,) bool: all limits hold."""
    within = np.ones(len(x), dtype=bool)
    for limit in box:
        within &= limit.holds(x)
    return within


@dataclass(frozen=True)
class Boxes:
    """Boxes as columns, so that they are written as plain arrays."""

    box: np.ndarray
    """(limits,) int: which box each limit belongs to, ascending from 0."""
    feature: np.ndarray
    above: np.ndarray
    at: np.ndarray
    by: np.ndarray
    owner: np.ndarray
    """(others,) int: the limit that differs at a value …"""
    value: np.ndarray
    other: np.ndarray

    @staticmethod
    def of(boxes: Sequence[Box]) -> Boxes:
        """From a list; it may be empty."""
        flat = [(k, limit) for k, box in enumerate(boxes) for limit in box]
        others = [(k, value, other) for k, (_, limit) in enumerate(flat) for value, other in limit.others]
        return Boxes(
            np.array([k for k, _ in flat], dtype=int), np.array([limit.feature for _, limit in flat], dtype=int),
            np.array([limit.above for _, limit in flat], dtype=bool), np.array([limit.at for _, limit in flat], dtype=float),
            np.array([limit.by for _, limit in flat], dtype=int), np.array([k for k, _, _ in others], dtype=int),
            np.array([value for _, value, _ in others], dtype=float), np.array([other for _, _, other in others], dtype=float),
        )  # fmt: skip

    def __len__(self) -> int:
        return int(self.box[-1]) + 1 if len(self.box) else 0

    def each(self) -> list[Box]:
        """The boxes again."""
        limits = [
            Limit(
                int(self.feature[k]), bool(self.above[k]), float(self.at[k]), int(self.by[k]),
                tuple(zip(self.value[self.owner == k].tolist(), self.other[self.owner == k].tolist(), strict=True)),
            )
            for k in range(len(self.box))
        ]  # fmt: skip
        return [tuple(limit for limit, own in zip(limits, self.box, strict=True) if own == k) for k in range(len(self))]

    def beside(self, x: np.ndarray, interval: np.ndarray) -> np.ndarray:
        """(rows, features + box columns + 1) what trees are told; features that come in double precision stay so."""
        kind = np.result_type(x.dtype, np.float32)
        parts = [x, self.columns(x), interval[:, None]]
        return np.concatenate([part.astype(kind, copy=False) for part in parts], axis=1)

    def columns(self, x: np.ndarray) -> np.ndarray:
        """(rows, boxes + 1) 0/1 for each box, and in how many the row lies; (rows, 0) without boxes."""
        if not len(self):
            return np.empty((len(x), 0))
        told = np.column_stack([inside(box, x) for box in self.each()]).astype(float)
        return np.column_stack([told, told.sum(axis=1)])

    def shared_out(self, values: np.ndarray, features: int) -> np.ndarray:
        """(rows, features) what (rows, boxes + 1) contributions of `columns` come to by the features that the limits are on.

        A box's is shared evenly by its limits; that of their number evenly by all limits.
        """
        found = np.zeros((len(values), features))
        limits = np.bincount(self.box, minlength=len(self))
        for k, of_box in zip(self.feature, self.box, strict=True):
            found[:, k] += values[:, of_box] / limits[of_box] + values[:, -1] / len(self.box)
        return found


NO_BOXES = Boxes.of(())
