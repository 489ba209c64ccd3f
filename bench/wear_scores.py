"""How near are chances to what happened, with their error: calibration, integrated Brier score, order? Parts of `wear_twin`.

A unit that is retired or lost can be repaired no more: it counts as lost from sight then, and others like it weigh for it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from rfid3_maintenance.decisions.curve import at_days, on_days
from rfid3_maintenance.evaluation import brier, calibration, concordance, kaplan_meier
from rfid3_maintenance.kinds import CUTS_DAYS
from rfid3_maintenance.model import Landmarks

GRID_DAYS = (7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 270.0, 365.0)
COX_ROWS = 20_000
COX_PENALTY = 0.01


@dataclass(frozen=True)
class Judged:
    """Curves (units, GRID_DAYS) of one kind by who told them, and what came: days, and whether it did."""

    curves: dict[str, np.ndarray]
    after: np.ndarray
    event: np.ndarray


def on_grid(survival: np.ndarray) -> np.ndarray:
    """(units, GRID_DAYS) of a curve known at the cuts."""
    return np.asarray(np.exp(-on_days(survival, CUTS_DAYS, np.array(GRID_DAYS))))


def expected(survival: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(units,) events expected of each up to the end of sight: what comes of it is Poisson around their sum."""
    return at_days(np.asarray(survival, float), CUTS_DAYS, after)


def slope(chance: np.ndarray, after: np.ndarray, event: np.ndarray, days: float) -> tuple[float, float, float, int]:
    """Slope of a logistic recalibration at a horizon, its standard error, the intercept at slope 1, and the events behind them."""
    weight, failed = brier.weights(after, event, days), event & (after <= days)
    found = calibration.fit(chance, failed, weight)
    p = np.clip(chance, 1e-6, 1 - 1e-6)
    odds = np.log(p / (1 - p))
    spread = weight * np.clip(found.happened * (1 - found.happened), 1e-9, None)
    if np.isfinite(found.slope):
        level = np.log(found.happened / (1 - found.happened)) - found.slope * np.average(odds, weights=weight)
        q = 1 / (1 + np.exp(-(level + found.slope * odds)))
        spread = weight * q * (1 - q)
    centre = np.average(odds, weights=spread)
    error = 1 / np.sqrt(max(float((spread * (odds - centre) ** 2).sum()), 1e-12))
    return found.slope, float(error), found.intercept, int(failed.sum())


def integrated(one: Judged) -> dict[str, float]:
    """Integrated Brier score of each teller over the year."""
    return {name: brier.integrated(curve, one.after, one.event, np.array(GRID_DAYS)) for name, curve in one.curves.items()}


def order(one: Judged) -> dict[str, float]:
    """Harrell's C of each teller's chance within the year."""
    return {name: concordance.index(curve[:, -1], one.after, one.event) for name, curve in one.curves.items()}


def alike(left: np.ndarray, right: np.ndarray) -> float:
    """Spearman's rank correlation over rows where both are known."""
    both = np.isfinite(left) & np.isfinite(right)
    return float(spearmanr(left[both], right[both]).statistic)


def kaplan_meier_curve(past: Landmarks, rows: int) -> np.ndarray:
    """(rows, GRID_DAYS) the one curve of all that was learned from."""
    return np.repeat(kaplan_meier.estimate(past.after_days, past.event).at(np.array(GRID_DAYS))[None], rows, axis=0)


def cox_curve(past: Landmarks, x: np.ndarray) -> np.ndarray:
    """(rows, GRID_DAYS) of lifelines' Cox model on the same landmarks (every n-th unit where they are many) and the same features."""
    import warnings

    import pandas as pd
    from lifelines import CoxPHFitter

    units = np.unique(past.unit)
    given = past.take(np.isin(past.unit, units[:: -(-len(past) // COX_ROWS)]))
    middle = np.nan_to_num(np.nanmedian(np.where(np.isfinite(given.x), given.x, np.nan).astype(float), axis=0))
    train, test = (np.where(np.isfinite(part), part, middle).astype(float) for part in (given.x, x))
    centre, spread = train.mean(axis=0), train.std(axis=0)
    kept = spread > 1e-9
    low, high = np.quantile(train, [0.005, 0.995], axis=0)
    train, test = (((np.clip(part, low, high) - centre) / np.where(kept, spread, 1))[:, kept] for part in (train, test))
    frame = pd.DataFrame(train).assign(after=np.maximum(given.after_days, 0.01), event=given.event)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitter = CoxPHFitter(penalizer=COX_PENALTY).fit(frame, "after", "event")
        found = fitter.predict_survival_function(pd.DataFrame(test), times=list(GRID_DAYS))
    return np.asarray(found.to_numpy().T, float)
