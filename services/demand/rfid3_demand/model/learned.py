"""What has a full run learned that a week of new data does not change? Weights, variances, calibration, codes; and for whom.

A refresh takes these as they are. Series that were not there yet get what was learned for a relative: the node of their level and
kind of demand that is nearest in size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from rfid3_demand.model.intervals import Calibration
from rfid3_demand.model.pickup import Trust
from rfid3_demand.model.reconcile import ErrorModel

PER_NODE = ("spread", "bucket", "dispersion", "kind", "variance", "certainty", "weight")
"""Arrays within what was learned of a variant that hold one value per node; the others hold for all."""
NOT_CODES = ("children",)
"""Static features that are sizes, not codes."""


class NeedsFullRun(ValueError):
    """What was learned does not fit the data any more; the message says why."""


@dataclass(frozen=True)
class LearnedVariant:
    """What past origins taught about one family of methods."""

    methods: list[str]
    errors: ErrorModel
    """How nodes err, for reconciling."""
    calibration: Calibration
    ratio: np.ndarray
    """(H,) factor of the means per step; see `drift_ratio`."""
    pickup: Trust | None = None
    """How far bookings on hand are believed; None where there were none."""


@dataclass(frozen=True)
class Learned:
    """What a full run learned, per node and for all."""

    nodes: tuple[str, ...]
    levels: tuple[str, ...]
    kinds: tuple[str, ...]
    """Kind of demand per node."""
    size: np.ndarray
    """(nodes,) mean per step."""
    trust: dict[str, np.ndarray]
    """Method → weight per node."""
    variants: dict[str, LearnedVariant]
    static: dict[str, np.ndarray]
    """Static codes per node as the tree knows them."""
    tree_names: tuple[str, ...] | None
    """The tree's columns; None without a tree."""
    counts: bool
    multiplicative: bool
    season: int
    horizon: int
    steps: int
    """Steps that each origin of the back-test checked."""

    def of(self, nodes: tuple[str, ...], levels: tuple[str, ...], kinds: np.ndarray, size: np.ndarray) -> Learned:
        """The same for other nodes: known ones keep what is theirs, new ones take a relative's."""
        at = rows_for(self, nodes, levels, kinds, size)

        def taken(values: np.ndarray) -> np.ndarray:
            return np.asarray(values[at])

        return replace(
            self, nodes=nodes, levels=levels, kinds=tuple(str(kind) for kind in kinds), size=size,
            trust={name: share[at] for name, share in self.trust.items()},
            variants={name: _moved(each, taken) for name, each in self.variants.items()},
            static={name: codes[at] for name, codes in self.static.items()},
        )  # fmt: skip


def rows_for(
    learned: Learned, nodes: tuple[str, ...], levels: tuple[str, ...], kinds: np.ndarray, size: np.ndarray
) -> np.ndarray:
    """(nodes,) row of `learned` that each node takes: its own, or its nearest relative's in size (in logarithms)."""
    known = {node: at for at, node in enumerate(learned.nodes)}
    found = np.array([known.get(node, -1) for node in nodes])
    level, kind = np.array(learned.levels), np.array(learned.kinds)
    sizes = np.log1p(np.maximum(np.nan_to_num(learned.size), 0.0))
    for row in np.flatnonzero(found < 0):
        relatives = np.flatnonzero((level == levels[row]) & (kind == kinds[row]))
        if not len(relatives):
            relatives = np.flatnonzero(level == levels[row])
        if not len(relatives):
            relatives = np.arange(len(level))
        wanted = np.log1p(max(float(np.nan_to_num(size[row])), 0.0))
        found[row] = relatives[int(np.argmin(np.abs(sizes[relatives] - wanted)))]
    return found


def same_codes(learned: Learned, nodes: tuple[str, ...], static: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Today's static codes as the tree knows them: codes are ranks of names, and a new name moves those after it.

    learned: of the run that grew the tree. A code that no known node bears becomes one that the tree has never seen.
    """
    known = {node: at for at, node in enumerate(learned.nodes)}
    rows = np.array([known.get(node, -1) for node in nodes])
    result = {}
    for name, codes in static.items():
        if name in NOT_CODES or name not in learned.static:
            result[name] = codes
            continue
        was = learned.static[name]
        fresh = float(was.max(initial=-1)) + 1.0
        mapped = np.empty(len(codes))
        for code in np.unique(codes):
            bearers = codes == code
            seen = rows[bearers & (rows >= 0)]
            if code == -1:
                mapped[bearers] = -1
            elif len(seen):
                values, count = np.unique(was[seen], return_counts=True)
                mapped[bearers] = values[int(np.argmax(count))]
            else:
                mapped[bearers], fresh = fresh, fresh + 1.0
        result[name] = mapped
    return result


def _moved(variant: LearnedVariant, taken: Callable[[np.ndarray], np.ndarray]) -> LearnedVariant:
    moved: LearnedVariant = _each(variant, taken)
    return moved


def _each(part: Any, taken: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A dataclass with its arrays per node taken, and those of the dataclasses in it."""
    changes = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if is_dataclass(value):
            changes[field.name] = _each(value, taken)
        elif field.name in PER_NODE and isinstance(value, np.ndarray):
            changes[field.name] = taken(value)
    return replace(part, **changes)
