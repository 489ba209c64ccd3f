"""How good is each contender on units it has not seen? The same folds for all, units kept whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter, process_time

import numpy as np

from rfid3_maintenance.evaluation.contender import Contender, Question
from rfid3_maintenance.model import Landmarks, expected
from rfid3_maintenance.unit_history import aged, alerts, landmarks
from rfid3_maintenance.unit_history.landmarks import Reading
from rfid3_maintenance.unit_history.levels import RUL_LEVELS

GRID = 30
INNER_FOLDS = 3
Progress = Callable[[str, int, int], None]


@dataclass
class Result:
    """What one contender said of every row while its unit was held out."""

    contender: Contender
    survival: np.ndarray
    rul: np.ndarray
    expected: np.ndarray
    alert: np.ndarray
    """(rows,) bool; only for single observations: threshold chosen inside each fold's training part."""
    seconds: float = 0.0
    processor_s: float = 0.0
    fault: str = ""
    basis: set[str] = field(default_factory=set)
    no_interval: bool = False


@dataclass(frozen=True)
class Race:
    """Rows, folds, and everybody's answers."""

    given: Landmarks
    reading: Reading
    horizons: tuple[float, ...]
    grid: tuple[float, ...]
    cap: float | None
    fold: np.ndarray
    results: list[Result]


def hold(
    given: Landmarks, reading: Reading, horizons: Sequence[float], contenders: Sequence[Contender], folds: int,
    cap: float | None = None, progress: Progress | None = None,
) -> Race:  # fmt: skip
    """Everybody's answers on every fold."""
    asked = (landmarks.STEP,) if reading == "single" else tuple(horizons)
    grid = grid_of(given, asked, reading)
    fold = landmarks.folds_of(given, folds)
    results = [_one(each, given, reading, asked, grid, fold, cap, progress) for each in contenders]
    return Race(given, reading, asked, grid, cap, fold, results)


def grid_of(given: Landmarks, horizons: Sequence[float], reading: Reading) -> tuple[float, ...]:
    """The horizons, and moments up to the longest stretch seen."""
    if reading == "single":
        return (landmarks.STEP,)
    longest = float(given.after_days.max())
    return tuple(float(moment) for moment in np.unique([*horizons, *np.linspace(0, longest, GRID + 1)[1:]]))


def _one(
    each: Contender, given: Landmarks, reading: Reading, horizons: tuple[float, ...], grid: tuple[float, ...], fold: np.ndarray,
    cap: float | None, progress: Progress | None,
) -> Result:  # fmt: skip
    rows, folds = len(given), int(fold.max()) + 1
    nothing = np.full(rows, np.nan)
    result = Result(each, np.full((rows, len(grid)), np.nan), np.full((rows, 3), np.nan), nothing, np.zeros(rows, dtype=bool))
    began, worked = perf_counter(), process_time()
    for k in range(folds):
        if progress is not None:
            progress(each.name, k, folds)
        train, test = given.take(fold != k), given.take(fold == k)
        question = Question(train, test, reading, grid, horizons, cap)
        try:
            told = each.answer(question)
            if reading == "single":
                threshold = _threshold(each, question, told.held)
                result.alert[fold == k] = False if threshold is None else (1.0 - told.survival[:, 0]) >= threshold
        except Exception as fault:  # noqa: BLE001 - whatever a contender stumbles over is its answer
            result.fault = str(fault)[:300] or type(fault).__name__
            break
        result.survival[fold == k] = told.survival
        result.no_interval |= told.no_interval
        result.basis |= {told.basis} if told.basis else set()
        if reading != "single":
            far = cap if cap is not None else grid[-1]
            result.rul[fold == k] = (
                aged.remaining(told.survival, grid, np.zeros(len(test)), RUL_LEVELS)[0] if told.rul is None else told.rul
            )
            result.expected[fold == k] = expected(told.survival, grid, far) if told.expected is None else told.expected
    result.seconds, result.processor_s = perf_counter() - began, process_time() - worked
    if progress is not None:
        progress(each.name, folds, folds)
    return result


def _threshold(each: Contender, outer: Question, held: np.ndarray | None) -> float | None:
    """The best threshold on the training part, by folds inside it (the contender's own, where it has cross-fitted anyway)."""
    if held is not None:
        return alerts.choose(held, outer.train.event, outer.horizons[0]).threshold
    fold = landmarks.folds_of(outer.train, INNER_FOLDS)
    chance = np.zeros(len(outer.train))
    for k in range(INNER_FOLDS):
        inner = Question(
            outer.train.take(fold != k), outer.train.take(fold == k), outer.reading, outer.grid, outer.horizons, outer.cap
        )
        chance[fold == k] = 1.0 - each.answer(inner).survival[:, 0]
    return alerts.choose(chance, outer.train.event, outer.horizons[0]).threshold
