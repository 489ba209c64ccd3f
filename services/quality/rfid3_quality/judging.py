"""What is best done about many units at once, what is there to spend on them, and what is it worth to look at each? Pure, numpy alone."""

from dataclasses import dataclass, fields

import numpy as np

from rfid3_quality.decisions.inspection import payoffs, value_of_looking
from rfid3_quality.decisions.opportunities import REMEDIES, opportunities
from rfid3_quality.decisions.replacement import Items, judge
from rfid3_quality.item import items_of
from rfid3_quality.model.grades import LEVELS
from rfid3_quality.model.projection import Standing, project
from rfid3_quality.model.wear import Wear
from rfid3_quality.snapshot import ACTIONS, GAINS, HORIZONS_DAYS, VERDICT

AT_ONCE = 20_000
ACTION_OF = np.array([*(ACTIONS.index(name) for name in REMEDIES), -1], np.int8)
"""Place in ACTIONS of each of REMEDIES; the last one stands for none."""


@dataclass(frozen=True)
class Judged:
    """What is best done about each unit: columns as `snapshot.Snapshot` names them."""

    best: np.ndarray
    verdict: np.ndarray
    action: np.ndarray
    cents: np.ndarray
    gains: np.ndarray
    look: np.ndarray

    @classmethod
    def nothing(cls, units: int) -> "Judged":
        """Of units about which nothing can be said."""
        return cls(
            np.full(units, -1, np.int8), np.full((units, len(VERDICT)), np.nan, np.float32), np.full(units, -1, np.int8),
            np.zeros((units, 2), np.int64), np.full((units, len(GAINS)), np.nan, np.float32), np.zeros((units, 2), np.float32),
        )  # fmt: skip

    def take(self, rows: np.ndarray) -> "Judged":
        """The same of some units."""
        return Judged(*(getattr(self, one.name)[rows] for one in fields(self)))

    def put(self, rows: np.ndarray, others: "Judged") -> None:
        """Write what is known of others into these rows."""
        for one in fields(self):
            getattr(self, one.name)[rows] = getattr(others, one.name)


def judged_of(
    wear: Wear, standing: Standing, score: np.ndarray, now: np.ndarray, new: np.ndarray, inputs: np.ndarray, basis: np.ndarray,
    discount: float, asked: np.ndarray,
) -> Judged:  # fmt: skip
    """Verdicts, opportunities and what looking is worth, of those asked for (rows,) bool whose condition can be told.

    score: (rows, SCORES, H); now: (rows, 11) chances over grades now; new: (rows, 3, H) of a new one in its place; inputs, basis as
    the snapshot has them. A unit gets the same among many as alone.
    """
    found, which = Judged.nothing(len(score)), np.flatnonzero(asked & np.isfinite(score[:, 0, 0]))
    for begin in range(0, len(which), AT_ONCE):
        rows = which[begin : begin + AT_ONCE]
        items = items_of(inputs[rows], basis[rows], score[rows], new[rows])
        found.put(rows, _judged(wear, standing.take(rows), items, np.asarray(now[rows], float), discount))
    return found


def _judged(wear: Wear, standing: Standing, items: Items, now: np.ndarray, discount: float) -> Judged:
    verdicts = judge(items, discount)
    gain = verdicts.values_usd["resell"].value - verdicts.values_usd["keep"].value
    columns = (
        verdicts.replace_after_days.value, verdicts.replacement_confidence, verdicts.market_value_usd.value,
        verdicts.replacement_cost_usd, verdicts.revenue_impact_usd.value, gain,
    )  # fmt: skip
    spending = opportunities(items, verdicts, discount)
    looks = value_of_looking(now, payoffs(items, _by_grade(wear, standing), discount))
    return Judged(
        verdicts.best.astype(np.int8), np.stack(columns, axis=1).astype(np.float32), ACTION_OF[spending.remedy],
        np.stack([spending.cost_cents, spending.benefit_cents], axis=1),
        np.stack([spending.score_gain, spending.score, spending.life_months], axis=1).astype(np.float32),
        np.stack([looks.value_usd, looks.change_chance], axis=1).astype(np.float32),
    )  # fmt: skip


def _by_grade(wear: Wear, standing: Standing) -> np.ndarray:
    """(rows, 11, horizons) mean score from each grade, if it were read now; rates are drawn together in steps of √2."""
    rate = np.clip(np.round(np.log2(np.maximum(standing.turns_per_day, 1e-4)) * 2) / 2, -12, 3)
    keys = np.stack([standing.group.astype(float), np.asarray(standing.material, float), rate], axis=1)
    kinds, at = np.unique(keys, axis=0, return_inverse=True)
    usual = {"group": kinds[:, 0].astype(int), "material": kinds[:, 1].astype(int), "turns_per_day": 2.0 ** kinds[:, 2]}
    paths = [project(wear, Standing(grade=np.full(len(kinds), grade), **usual), HORIZONS_DAYS).mean for grade in range(LEVELS)]
    return np.asarray(np.stack(paths, axis=1)[at.ravel()])
