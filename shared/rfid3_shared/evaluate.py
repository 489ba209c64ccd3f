"""How good was a forecast? Rolling origins, error measures, interval coverage, and kinds of demand.

Pure; arrays of one shape in, floats out. NaN in the outcome or the forecast leaves that pair out; without any pair the
answer is NaN. Sources: Hyndman & Koehler 2006 (MASE), Gneiting & Raftery 2007 (quantile score), Syntetos, Boylan & Croston
2005 (kinds of demand).
"""

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from rfid3_shared.series import KEY, TARGET

INTERVAL_LIMIT = 1.32
"""Mean demand interval (ADI) from which demand is intermittent or lumpy."""
VARIATION_LIMIT = 0.49
"""Squared coefficient of variation (CV²) of demand sizes from which demand is erratic or lumpy."""


def cutoffs(length: int, horizon: int, origins: int, gap: int = 1, minimum: int = 1) -> list[int]:
    """Training lengths of rolling origins, ascending; each leaves `horizon` steps to check and at least `minimum` to learn
    from."""
    ends = [length - horizon - gap * k for k in range(origins)]
    return sorted(end for end in ends if end >= minimum)


def mae(y: ArrayLike, forecast: ArrayLike) -> float:
    """Mean absolute error."""
    actual, predicted = _pairs(y, forecast)
    return float(np.mean(np.abs(actual - predicted))) if len(actual) else float("nan")


def rmse(y: ArrayLike, forecast: ArrayLike) -> float:
    """Root mean squared error."""
    actual, predicted = _pairs(y, forecast)
    return float(np.sqrt(np.mean((actual - predicted) ** 2))) if len(actual) else float("nan")


def wape(y: ArrayLike, forecast: ArrayLike) -> float:
    """Sum of absolute errors over sum of absolute outcomes; NaN when nothing happened."""
    actual, predicted = _pairs(y, forecast)
    volume = np.abs(actual).sum()
    return float(np.abs(actual - predicted).sum() / volume) if volume > 0 else float("nan")


def smape(y: ArrayLike, forecast: ArrayLike) -> float:
    """Symmetric mean absolute percentage error, 0 to 200: mean of 200 |y - f| / (|y| + |f|); 0 where both are 0 (M4's formula,
    Makridakis, Spiliotis and Assimakopoulos 2020)."""
    actual, predicted = _pairs(y, forecast)
    size = np.abs(actual) + np.abs(predicted)
    part = np.divide(np.abs(actual - predicted), size, out=np.zeros_like(size), where=size > 0)
    return float(200.0 * part.mean()) if len(part) else float("nan")


def owa(smape_: float, mase_: float, naive_smape: float, naive_mase: float) -> float:
    """Overall weighted average of M4: mean of sMAPE and MASE, each over that of Naive2; both averaged over series first. NaN
    where Naive2 has no error."""
    if not (naive_smape > 0 and naive_mase > 0):
        return float("nan")
    return (smape_ / naive_smape + mase_ / naive_mase) / 2.0


def mase_scale(history: ArrayLike, season: int = 1) -> np.ndarray | float:
    """In-sample mean absolute error of the seasonal naive forecast along the last axis; NaN when there is none or it is
    zero."""
    past = np.asarray(history, dtype=float)
    if past.shape[-1] <= season:
        season = 1
    steps = np.abs(past[..., season:] - past[..., :-season])
    count = np.isfinite(steps).sum(axis=-1)
    total = np.nansum(steps, axis=-1)
    scale = np.divide(total, count, out=np.full(np.shape(total), np.nan), where=(count > 0) & (total > 0))
    return float(scale) if scale.ndim == 0 else scale


def mase(y: ArrayLike, forecast: ArrayLike, history: ArrayLike, season: int = 1) -> float:
    """Mean absolute error in units of `mase_scale` of the history; (n, H) arrays are averaged over the series that have a
    scale."""
    actual, predicted = np.asarray(y, dtype=float), np.asarray(forecast, dtype=float)
    missing = ~np.isfinite(actual + predicted)
    count = (~missing).sum(axis=-1)
    total = np.where(missing, 0.0, np.abs(actual - predicted)).sum(axis=-1)
    error = np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
    ratio = np.atleast_1d(error / mase_scale(history, season))
    ratio = ratio[np.isfinite(ratio)]
    return float(ratio.mean()) if len(ratio) else float("nan")


def pinball(y: ArrayLike, quantile: ArrayLike, level: float) -> float:
    """Mean pinball loss of one quantile level."""
    actual, predicted = _pairs(y, quantile)
    miss = actual - predicted
    return float(np.mean(np.maximum(level * miss, (level - 1) * miss))) if len(actual) else float("nan")


def weighted_quantile_loss(y: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> float:
    """Twice the summed pinball loss over the summed absolute outcomes, averaged over levels (GluonTS's mean wQL).

    quantiles: the outcome's shape with one more, last axis for levels. For the median alone it equals WAPE.
    """
    actual, predicted = np.asarray(y, dtype=float), np.asarray(quantiles)  # as floats a level at a time
    scores = []
    for k, level in enumerate(np.asarray(levels, dtype=float)):
        a, p = _pairs(actual, predicted[..., k])
        volume = np.abs(a).sum()
        miss = a - p
        scores.append(2.0 * np.maximum(level * miss, (level - 1) * miss).sum() / volume if volume > 0 else float("nan"))
    return float(np.mean(scores))


def coverage(y: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Share of outcomes inside the closed interval."""
    actual, bottom, top = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (y, low, high)))
    ok = np.isfinite(actual) & np.isfinite(bottom) & np.isfinite(top)
    return float(np.mean((actual[ok] >= bottom[ok]) & (actual[ok] <= top[ok]))) if ok.any() else float("nan")


def calibration_band(y: ArrayLike, quantile: ArrayLike) -> tuple[float, float]:
    """Shares of outcomes strictly below, and at or below, a quantile: a calibrated level lies between the two."""
    actual, predicted = _pairs(y, quantile)
    if not len(actual):
        return float("nan"), float("nan")
    return float(np.mean(actual < predicted)), float(np.mean(actual <= predicted))


def classify(y: ArrayLike) -> str:
    """The kind of demand of one history: smooth, erratic, intermittent or lumpy; `none` without any demand."""
    history = np.asarray(y, dtype=float)
    return str(classify_all(history[None, :])[0])


def classify_all(y: np.ndarray) -> np.ndarray:
    """`classify` for every row of (n, T); NaN = not yet begun."""
    demand = np.isfinite(y) & (np.nan_to_num(y) != 0)
    count = demand.sum(axis=1)
    interval = np.divide(np.isfinite(y).sum(axis=1), count, out=np.full(len(y), np.inf), where=count > 0)
    sizes = np.where(demand, y, 0.0)
    mean = np.divide(sizes.sum(axis=1), count, out=np.ones(len(y)), where=count > 0)
    square = np.divide(
        (np.where(demand, sizes - mean[:, None], 0.0) ** 2).sum(axis=1), count, out=np.zeros(len(y)), where=count > 0
    )
    variation = np.divide(square, mean**2, out=np.full(len(y), np.inf), where=mean != 0)
    often, even = interval < INTERVAL_LIMIT, variation < VARIATION_LIMIT
    kind = np.select([often & even, often & ~even, ~often & even], ["smooth", "erratic", "intermittent"], "lumpy")
    return np.where(count > 0, kind, "none")


def demand_kinds(frame: pl.DataFrame) -> pl.DataFrame:
    """Kind of demand per series of a long frame. Columns in: unique_id, y; out: unique_id, kind; sorted by unique_id."""
    parts = frame.sort(KEY, maintain_order=True).group_by(KEY, maintain_order=True).agg(TARGET)
    kinds = [classify(values) for values in parts[TARGET].to_list()]
    return pl.DataFrame({KEY: parts[KEY], "kind": kinds})


def _pairs(y: ArrayLike, forecast: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    actual, predicted = np.broadcast_arrays(np.asarray(y, dtype=float), np.asarray(forecast, dtype=float))
    ok = np.isfinite(actual) & np.isfinite(predicted)
    return actual[ok], predicted[ok]
