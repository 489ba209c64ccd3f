"""How are trees grown on person-periods, and how many? LightGBM with a complementary log-log loss.

The chance of the event inside an interval is 1 - exp(-share * exp(f)): f is a log-hazard, so that contributions are in its units, and a
period that was seen in part counts by its share (an offset). A logistic loss has no such offset; a Poisson one leaves a chance of
1 - 1/e where the event is certain. Deterministic: fixed seed, two threads, rows by turns of a fixed generator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rfid3_maintenance.model.box_search import find
from rfid3_maintenance.model.boxes import NO_BOXES, Boxes
from rfid3_maintenance.model.periods import Periods, interval_hazards
from rfid3_shared.lean_lightgbm import lightgbm_here

MOST_ROUNDS = 300
PATIENCE = 25
"""Rounds without gain on held-out units after which no more trees are grown."""
PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.1, "num_leaves": 15, "lambda_l2": 2.0, "feature_fraction_bynode": 0.5, "bagging_fraction": 0.7, "bagging_freq": 1,
    "max_bin": 127, "seed": 11, "deterministic": True, "force_row_wise": True, "num_threads": 2, "verbosity": -1,
}  # fmt: skip
FEW_PERIODS = 20_000
OF_FEW: dict[str, Any] = {"feature_fraction_bynode": 1.0, "bagging_fraction": 0.9, "lambda_l2": 1.0, "max_bin": 4095}
"""With fewer periods every row and every threshold counts, and there is time for them."""
MOST_VALUES = 2_000_000
"""Beyond so many values boxes would take longer to find than trees to grow."""
MANY_FEATURES = 60
OF_MANY: dict[str, Any] = {
    "feature_fraction": 0.4, "feature_fraction_bynode": 1.0, "max_bin": 63, "bin_construct_sample_cnt": 10_000,
}  # fmt: skip
"""With more features each tree sees some of them: in less time, and better on held-out engines within a training part of C-MAPSS."""


@dataclass(frozen=True)
class Shape:
    """How trees are grown beside PARAMETERS, and whether they are told of boxes."""

    parameters: Mapping[str, Any]
    boxed: bool = False


USUAL = Shape({})
BOXED = Shape(
    {"learning_rate": 0.05, "num_leaves": 4, "lambda_l2": 0.1, "feature_fraction_bynode": 0.3, "max_bin": 255}, boxed=True
)
"""Tried where there is one interval: sharp rules on single observations are found better, crossings without a trace in either feature
worse. Held-out units decide. With boxes fewer thresholds are enough. Chosen on simulated machines, not on public ones."""


@dataclass(frozen=True)
class Grown:
    """A booster, the boxes whose columns stand between its features and the interval, and its loss on held-out periods by round."""

    booster: Any
    boxes: Boxes
    curve: list[float]

    def cut_to(self, rounds: int) -> Grown:
        """With the first trees only."""
        text = self.booster.model_to_string(num_iteration=rounds)
        return Grown(lightgbm_here().Booster(model_str=text), self.boxes, self.curve[:rounds])


@dataclass(frozen=True)
class Stack:
    """Person-periods ready for LightGBM."""

    x: np.ndarray
    """(periods, features) as they came. Groups are pooled afterwards: as categories they overfit."""
    periods: Periods
    base: np.ndarray
    """(cuts,) log-hazard of each interval for all alike, from which the trees begin."""

    @staticmethod
    def of(x: np.ndarray, periods: Periods, cuts: int) -> Stack:
        """From the rows' features."""
        return Stack(x[periods.row], periods, np.log(interval_hazards(periods, cuts)))


def shapes_of(stack: Stack) -> list[Shape]:
    """Shapes worth trying; the usual one comes first."""
    return [USUAL, BOXED] if len(stack.base) == 1 and stack.x.size <= MOST_VALUES else [USUAL]


def grow(stack: Stack, rounds: int, held_out: np.ndarray | None = None, shape: Shape = USUAL) -> Grown:
    """Trees, with the mean loss on the held-out periods (a mask) after each round; no mask: all are learned from, for `rounds`.

    Boxes are found in the periods that are learned from.
    """
    lightgbm = lightgbm_here()
    p = stack.periods
    learned = np.ones(len(p.row), bool) if held_out is None else ~held_out
    offset = stack.base[p.interval] + np.log(p.share)
    leaf = int(np.clip(learned.sum() // 2000, 5, 100))
    parameters = (
        PARAMETERS
        | (OF_FEW if len(p.row) <= FEW_PERIODS else {})
        | (OF_MANY if stack.x.shape[1] > MANY_FEATURES else {})
        | dict(shape.parameters)
        | {"min_data_in_leaf": leaf, "objective": _gradients(p.event[learned], p.weight[learned])}
    )
    boxes = find(stack.x[learned], p.event[learned], (p.weight * p.share)[learned]) if shape.boxed else NO_BOXES
    data = lightgbm.Dataset(boxes.beside(stack.x[learned], p.interval[learned]), p.event[learned], init_score=offset[learned])
    if held_out is None:
        return Grown(lightgbm.train(parameters, data, rounds), boxes, [])
    whole = boxes.beside(stack.x[held_out], p.interval[held_out])
    other = lightgbm.Dataset(whole, p.event[held_out], init_score=offset[held_out], reference=data)
    event, weight = p.event[held_out], p.weight[held_out]
    curve: dict[str, dict[str, list[float]]] = {}
    booster = lightgbm.train(
        parameters, data, rounds, valid_sets=[other], feval=lambda raw, _: ("loss", period_loss(raw, event, weight), False),
        callbacks=[lightgbm.record_evaluation(curve), lightgbm.early_stopping(PATIENCE, verbose=False)],
    )  # fmt: skip
    return Grown(booster, boxes, curve["valid_0"]["loss"])


def period_loss(raw: np.ndarray, event: np.ndarray, weight: np.ndarray) -> float:
    """Mean minus log-likelihood of periods whose log cumulative hazard (share included) is `raw`."""
    hazard = np.exp(np.clip(raw, -30.0, 4.0))
    loss = np.where(event > 0, -np.log(np.maximum(-np.expm1(-hazard), 1e-300)), hazard)
    return float((weight * loss).sum() / weight.sum())


def _gradients(event: np.ndarray, weight: np.ndarray) -> Any:
    # weights in units of their average, so that leaves' regularisation means the same whatever they are
    weight = weight / weight.mean()

    def gradients(raw: np.ndarray, _: Any) -> tuple[np.ndarray, np.ndarray]:
        hazard = np.exp(np.clip(raw, -30.0, 4.0))
        missed = np.exp(-hazard)
        chance = np.maximum(-np.expm1(-hazard), 1e-12)
        slope = np.where(event > 0, -hazard * missed / chance, hazard)
        # the curvature's limit for small hazards is hazard / 2; its formula would be a difference of equals there
        bend = np.where(hazard < 1e-4, hazard / 2.0, hazard * missed * (hazard - chance) / chance**2)
        return weight * slope, weight * np.maximum(np.where(event > 0, bend, hazard), 1e-9)

    return gradients
