"""Why is an item's chance of failure what it is? Contributions of the hazards of wear, put together; pure."""

from collections.abc import Mapping

import numpy as np

from rfid3_maintenance import features
from rfid3_maintenance.kinds import CUTS_DAYS, GROUPS, KINDS, WEAR
from rfid3_maintenance.model import Hazard

TOP = 5
WITHIN = CUTS_DAYS.index(90.0)
ROWS_AT_ONCE = 50_000


def of(hazards: Mapping[str, Hazard], x: np.ndarray, group: np.ndarray, survival: np.ndarray) -> tuple[np.ndarray, ...]:
    """(units, TOP) features that move the hazard of wear most (−1 = none), (units, TOP) by how much, (units, GROUPS) the same by group.

    In units of log-hazard, against the average unit of its class. Each kind counts by its share of the failures expected in 90 days.
    survival: (units, kinds, cuts).
    """
    parts = [
        _part(hazards, *(one[at : at + ROWS_AT_ONCE] for one in (x, group, survival)))
        for at in range(0, max(len(x), 1), ROWS_AT_ONCE)
    ]
    top, value, groups = (np.concatenate(each) for each in zip(*parts, strict=True))
    return top, value, groups


def _part(hazards: Mapping[str, Hazard], x: np.ndarray, group: np.ndarray, survival: np.ndarray) -> tuple[np.ndarray, ...]:
    expected = {kind: -np.log(np.clip(survival[:, KINDS.index(kind), WITHIN].astype(float), 1e-12, 1.0)) for kind in WEAR}
    total = np.maximum(sum(expected.values()), 1e-12)
    moved = np.zeros(x.shape)
    for kind in WEAR:
        moved += hazards[kind].contributions(x, group) * (expected[kind] / total)[:, None]
    order = np.argsort(-np.abs(moved), axis=1, kind="stable")[:, :TOP]
    value = np.take_along_axis(moved, order, axis=1)
    belongs = np.array([features.group_of(name) for name in features.NAMES])
    groups = np.stack([moved[:, belongs == at].sum(axis=1) for at in range(len(GROUPS))], axis=1)
    return np.where(np.abs(value) > 0, order, -1).astype(np.int16), value.astype(np.float32), groups.astype(np.float32)
