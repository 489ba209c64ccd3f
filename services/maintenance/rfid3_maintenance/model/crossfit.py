"""How good is each form on units it has not seen, and what must be corrected? Cross-fitting by unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rfid3_maintenance.model.boosting import MOST_ROUNDS, Grown, Shape, Stack, grow, shapes_of
from rfid3_maintenance.model.cuts import interval_of
from rfid3_maintenance.model.folds import unit_folds
from rfid3_maintenance.model.landmarks import Landmarks
from rfid3_maintenance.model.periods import stacked
from rfid3_maintenance.model.pooled import fit_pooled
from rfid3_maintenance.model.pooling import Factors, pooled
from rfid3_maintenance.model.prior import Prior
from rfid3_maintenance.model.scoring import Told, briers, calibration
from rfid3_maintenance.model.trees import Trees, calibrated, raw_cumulative

FOLDS = 4
BINS = 10
COMPARED_ROWS = 2000
"""Rows on which the folds' models are compared."""


@dataclass(frozen=True)
class Held:
    """What a form said of every row while its unit was held out."""

    cumulative: np.ndarray
    """(rows, cuts)."""
    told: Told

    def loss(self) -> float:
        """Mean log loss."""
        return self.told.loss()

    def words(self, cuts_days: np.ndarray, days: np.ndarray) -> dict[str, Any]:
        """Calibration and Brier scores as the basis says them."""
        intercept, slope = calibration(self.told)
        scores = briers(np.exp(-self.cumulative), cuts_days, days, self.told.event, self.told.weight)
        return {"calibration": {"slope": slope, "intercept": intercept}, "log_loss": self.loss(), "brier": scores}


def held(cumulative: np.ndarray, rows: Landmarks, cuts_days: np.ndarray) -> Held:
    """Cumulative hazards beside what happened."""
    days, event = rows.within(cuts_days)
    return Held(cumulative, Told.of(cumulative, cuts_days, days, event, np.where(days > 0, rows.weights(), 0.0)))


def folds_of(rows: Landmarks, cuts_days: np.ndarray) -> np.ndarray:
    """(rows,) fold of each row; the same for every form, so that their losses can be compared row by row."""
    return unit_folds(rows.unit, rows.within(cuts_days)[1], FOLDS)


def held_pooled(rows: Landmarks, cuts_days: np.ndarray, groups: int, prior: Prior | None, fold: np.ndarray) -> Held:
    """The pooled form on held-out units."""
    cumulative = np.zeros((len(rows), len(cuts_days)))
    for k in range(FOLDS):
        out = fold == k
        part = rows.take(out)
        cumulative[out] = fit_pooled(rows.take(~out), cuts_days, groups, prior).cumulative(part.x, part.group, part.at_days)
    return held(cumulative, rows, cuts_days)


def crossfitted_trees(
    rows: Landmarks, cuts_days: np.ndarray, groups: int, overlap: float, fold: np.ndarray
) -> tuple[Trees, Held]:
    """Trees on all rows, as many as served held-out units best, with calibration and spread from those; and what those were told.

    The returned Held was calibrated by the other folds' calibration, so that its slope is an honest one.
    """
    days, event = rows.within(cuts_days)
    periods = stacked(days, event, rows.weights(), cuts_days)
    stack = Stack.of(rows.x, periods, len(cuts_days))
    tried = [_held_out(stack, fold, shape) for shape in shapes_of(stack)]
    shape, grown, rounds, _ = min(tried, key=lambda each: each[-1])
    models = [each.cut_to(rounds) for each in grown]
    raw = np.zeros((len(rows), len(cuts_days)))
    for k, model in enumerate(models):
        raw[fold == k] = raw_cumulative(model.booster, model.boxes, stack.base, rows.x[fold == k])
    told = held(raw, rows, cuts_days).told
    honest = np.zeros_like(raw)
    for k in range(FOLDS):
        out = fold == k
        intercept, slope, factors = _corrected(told, rows.group, groups, overlap, ~out)
        honest[out] = calibrated(raw[out], intercept, slope) * factors.of(rows.group[out])[0][:, None]
    intercept, slope, factors = _corrected(told, rows.group, groups, overlap, np.ones(len(rows), bool))
    final = grow(stack, rounds, shape=shape)
    after = calibrated(raw, intercept, slope)
    weight = np.where(days > 0, rows.weights(), 0.0) / overlap
    some = np.arange(0, len(rows), -(-len(rows) // COMPARED_ROWS))
    again = [raw_cumulative(model.booster, model.boxes, stack.base, rows.x[some]) for model in models]
    each = [np.log(calibrated(hazard, intercept, slope)) for hazard in again]
    bins, variance = _spread(np.log(after), days, event, weight, cuts_days, np.stack(each))
    happened = np.bincount(interval_of(days, cuts_days), rows.weights() * event, len(cuts_days)).cumsum()
    typical = int(np.searchsorted(happened, happened[-1] / 2.0))
    text = final.booster.model_to_string()
    return Trees(cuts_days, text, final.boxes, stack.base, intercept, slope, bins, variance, factors, typical), held(
        honest, rows, cuts_days
    )


def _held_out(stack: Stack, fold: np.ndarray, shape: Shape) -> tuple[Shape, list[Grown], int, float]:
    """(shape, trees for each fold held out, the number of trees that served held-out units best, their loss with those)."""
    out, weight = fold[stack.periods.row], stack.periods.weight
    grown = [grow(stack, MOST_ROUNDS, out == k, shape) for k in range(FOLDS)]
    enough = min(len(each.curve) for each in grown)
    size = [float(weight[out == k].sum()) for k in range(FOLDS)]
    losses = np.average([each.curve[:enough] for each in grown], axis=0, weights=size)
    return shape, grown, int(np.argmin(losses)) + 1, float(losses.min())


def _corrected(told: Told, group: np.ndarray, groups: int, overlap: float, rows: np.ndarray) -> tuple[float, float, Factors]:
    """Intercept and slope of calibration, and the groups' factors after it, from some of the rows."""
    part = Told(told.before[rows], told.after[rows], told.share[rows], told.event[rows], told.weight[rows])
    intercept, slope = calibration(part)
    before, after = (calibrated(h, intercept, slope) for h in (part.before, part.after))
    expected = Told(before, after, part.share, part.event, part.weight).expected() * part.weight / overlap
    member, of_row = group[rows] >= 0, group[rows]
    happened = part.event * part.weight / overlap
    return intercept, slope, pooled(*(np.bincount(of_row[member], each[member], groups) for each in (happened, expected)))


def _spread(
    log_hazard: np.ndarray, days: np.ndarray, event: np.ndarray, weight: np.ndarray, cuts_days: np.ndarray, each: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bins of the log cumulative hazard and its variance in each: Beta posterior of the bin's rate, and a jackknife over folds.

    each: (folds, rows, cuts) what the folds' models say of the same rows; they share most of what they learned, hence the factor.
    """
    edges = np.unique(np.quantile(log_hazard, np.linspace(0.0, 1.0, BINS + 1)[1:-1]))
    share, count = np.zeros(len(edges) + 1), np.zeros(len(edges) + 1)
    for j, cut in enumerate(cuts_days):
        at = np.searchsorted(edges, log_hazard[:, j])
        known = (event & (days <= cut)) | (days >= cut)
        n = np.bincount(at[known], weight[known], len(share))
        d = np.bincount(at[known], weight[known] * (event & (days <= cut))[known], len(share))
        p = (d + 0.5) / (n + 1.0)
        share += n * (p / ((n + 1.0) * (1.0 - p) * np.log1p(-p) ** 2))
        count += n
    bin_variance = np.divide(share, count, out=np.ones_like(share), where=count > 0)
    disagreement = (len(each) - 1.0) * each.var(axis=0)
    at = np.searchsorted(edges, each.mean(axis=0))
    between = np.bincount(at.ravel(), disagreement.ravel(), len(share))
    number = np.bincount(at.ravel(), minlength=len(share))
    average = np.bincount(np.searchsorted(edges, log_hazard.ravel()), log_hazard.ravel(), len(share))
    members = np.bincount(np.searchsorted(edges, log_hazard.ravel()), minlength=len(share))
    kept = members > 0
    variance = bin_variance + between / np.maximum(number, 1)
    return (average / np.maximum(members, 1))[kept], variance[kept]
