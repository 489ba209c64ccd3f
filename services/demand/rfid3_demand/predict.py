"""What will go out, how sure is that, why, and what does it mean for the shop? Answers read off a snapshot and the present.

Pure: no clock, no database; the same snapshot, present and query give the same answer.
"""

import math
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np

from rfid3_demand import performance, recommendations, resolve
from rfid3_demand.bands import confidence_scores, interval
from rfid3_demand.nodes import ALL, Node
from rfid3_demand.schemas import DEPRECATED_MODEL_TYPES, AccuracyQuery, ForecastQuery
from rfid3_demand.served import Served
from rfid3_demand.snapshot import Snapshot
from rfid3_shared.errors import InsufficientData, ModelUnavailable

EXTERNAL_CAUSES = ("holidays", "weather", "outside")


def variant_name(model_type: str) -> str:
    """The variant behind a model type, deprecated names included."""
    return DEPRECATED_MODEL_TYPES.get(model_type, model_type)


def variant_of(snapshot: Snapshot, model_type: str) -> int:
    """Position of the variant asked for; raises ModelUnavailable when the current version was trained without it."""
    name = variant_name(model_type)
    if name not in snapshot.spec.variants:
        raise ModelUnavailable(f"The current version was trained without {name!r}.", available=snapshot.spec.variants)
    return snapshot.spec.variants.index(name)


def forecast(served: Served, query: ForecastQuery) -> dict[str, Any]:
    """The `data` of GET /demand/forecast.

    Raises UnknownCategory, UnknownStore, UnknownClass, InvalidParameters, InsufficientData.
    """
    snapshot, spec = served.snapshot, served.spec
    node, row = resolve.node(snapshot, query)
    _check_horizon(served, row, node, query.weeks)
    variant = variant_of(snapshot, query.model_type)
    weeks, name = served.weeks[: query.weeks], spec.variants[variant]
    said = recommendations.advise(
        served, node, row, *distribution(served, variant, row, query), confidence_level=query.confidence_level
    )
    return {
        "forecast_period": f"{weeks[0]} to {weeks[-1] + timedelta(days=6)}",
        "store_filter": node.store,
        "category_filter": node.name,
        "model_ensemble": {name: shares[row] for name, shares in spec.weights[variant].items() if shares[row] > 0},
        "predictions": weeks_of(served, variant, row, query),
        "external_factors_considered": spec.external_factors if query.include_external_factors else [],
        "model_performance": _kept(snapshot, ("performance", row, name), lambda: _performance(snapshot, row, name)),
        "recommendations": [advice["text"] for advice in said],
        "advice": said,
        "basis": {
            "history_weeks": int(np.isfinite(snapshot.history[row]).sum()),
            "history_units": float(np.nansum(snapshot.history[row])),
            "sufficiency": spec.sufficiency[row],
        },
    }


def weeks_of(served: Served, variant: int, row: int, query: ForecastQuery) -> list[dict[str, Any]]:
    """The `predictions` of a node, one a week; what the ledger keeps is made of them."""
    mean, quantiles = distribution(served, variant, row, query)
    lower, upper = interval(quantiles, served.spec.levels, query.confidence_level)
    scores = confidence_scores(mean, quantiles, served.spec.levels)
    causes = served.contributions(np.array([row]), len(mean))[:, 0]
    impact, begun = _Impact(served, row, len(mean)), served.in_progress(row)
    return [
        {
            "week_starting": week,
            "predicted_demand": _rounded(mean[k]),
            "confidence_score": _rounded(scores[k]),
            "confidence_lower": _rounded(lower[k]),
            "confidence_upper": _rounded(upper[k]),
            "key_factors": _key_factors(served, causes[:, k], k, query.include_external_factors),
            "business_impact": impact.of(k, float(mean[k]), float(upper[k])),
            **({"observed_so_far": begun[0]} if begun and k == 0 else {}),
        }
        for k, week in enumerate(served.weeks[: query.weeks])
    ]


def _rounded(value: float) -> float:
    """Four decimals: what is beyond is the rounding of stored numbers."""
    return round(float(value), 4)


def _kept(snapshot: Snapshot, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """What does not depend on the rest of the question is worked out once per snapshot."""
    if key not in snapshot.kept:
        snapshot.kept[key] = make()
    return snapshot.kept[key]


def _performance(snapshot: Snapshot, row: int, variant: str) -> dict[str, Any]:
    return performance.summary(performance.tested(snapshot, row, variant))


def _check_horizon(served: Served, row: int, node: Node, weeks: int) -> None:
    honest = int(served.supported(np.array([row]))[0])
    if weeks > honest:
        found = int(np.isfinite(served.snapshot.history[row]).sum())
        passed = f" after {served.offset} that have passed since" if served.offset else ""
        raise InsufficientData(
            f"{found} weeks of history of {node.name!r} support a forecast of {honest} weeks{passed}, not of {weeks}.",
            found_weeks=found, supported_weeks=honest, asked_weeks=weeks, needed_weeks=2 * weeks,
            missing="more weeks of rental scans or POS contract lines",
            suggestion=f"ask for weeks={honest} or fewer" if honest else "train the model anew: POST /api/predictive/demand/retrain",
        )  # fmt: skip


def distribution(served: Served, variant: int, row: int, query: ForecastQuery) -> tuple[np.ndarray, np.ndarray]:
    """Mean (weeks,) and quantiles (weeks, levels) of a node as the query wants them, in units a week."""
    rows = np.array([row])
    mean = means_of(served, variant, rows, query.weeks, query.include_external_factors)[0]
    quantiles = served.quantiles(variant, rows, query.weeks)[0]
    if query.include_external_factors:
        return mean, quantiles
    least, effect = (
        values[0][:, None] for values in (served.least(rows, len(mean)), _external_effect(served, rows, len(mean)))
    )
    return mean, np.maximum(quantiles - effect, least)


def means_of(served: Served, variant: int, rows: np.ndarray, weeks: int, external: bool) -> np.ndarray:
    """Expected units of nodes, (rows, weeks), with or without what holidays, weather and other outside series do."""
    mean = served.mean(variant, rows, weeks)
    if external:
        return mean
    return np.asarray(np.maximum(mean - _external_effect(served, rows, mean.shape[1]), served.least(rows, mean.shape[1])))


def _external_effect(served: Served, rows: np.ndarray, weeks: int) -> np.ndarray:
    causes = [served.spec.causes.index(cause) for cause in EXTERNAL_CAUSES if cause in served.spec.causes]
    return np.asarray(served.contributions(rows, weeks)[causes].sum(axis=0))


def _key_factors(served: Served, causes: np.ndarray, k: int, external: bool) -> dict[str, Any]:
    """causes (causes,): units of the week by cause."""
    units = {cause: round(float(part), 3) for cause, part in zip(served.spec.causes, causes, strict=True)}
    names = ", ".join(served.holiday_names[k]) or "no public holiday near"
    used = _outside_series(served.snapshot)
    weather, economy = used.get("weather", []), used.get("economic", []) + used.get("market", [])
    local = [name for kind, found in used.items() if kind not in ("weather", "economic", "market") for name in found]
    if not external:
        units = {cause: value for cause, value in units.items() if cause not in EXTERNAL_CAUSES}
    outside = f"{units.get('outside', 0.0):+.1f} units of outside series other than weather"
    return {
        "seasonal_effect": units.get("season", 0.0),
        "weather_impact": f"{units['weather']:+.1f} units ({', '.join(weather)})" if external and weather and "weather" in units
        else "not used: no weather series covers the history" if external else "left out as asked",
        "economic_confidence": "left out as asked" if not external
        else f"{outside} ({', '.join(economy + local)})" if economy
        else "not used: no economic series covers the history",
        "event_calendar_impact": "left out as asked" if not external
        else f"{units.get('holidays', 0.0):+.1f} units ({names})" + (f"; {outside} ({', '.join(economy + local)})" if local else ""),
        "contributions_units": units,
    }  # fmt: skip


def _outside_series(snapshot: Snapshot) -> dict[str, list[str]]:
    """Names of the outside series the model used, by type; of a version that noted no types all are weather."""
    used = [name for name in snapshot.spec.external_factors if name != "holidays"]
    kinds = {each["factor_name"]: each["factor_type"] for each in snapshot.spec.notes.get("external", [])}
    found: dict[str, list[str]] = {}
    for name in used:
        found.setdefault(kinds.get(name, "weather"), []).append(name)
    return found


class _Impact:
    """What the weeks of a node mean for the shop."""

    def __init__(self, served: Served, row: int, weeks: int) -> None:
        rows = np.array([row])
        self._base = served.mean(served.snapshot.ensemble, rows, weeks)[0]
        self._dollars, self._risk = served.revenue(rows, weeks)[0], served.stockout(rows, weeks)[0]
        self._units, self._fleet = served.at_hand(rows, weeks)[0], int(served.fleet(rows)[0])
        if (begun := served.in_progress(row)) is not None:
            self._units = np.concatenate([np.maximum(self._units[:1] - begun[0], 0.0), self._units[1:]])
        self._covered = served.spec.rate_coverage[row]

    def of(self, k: int, mean: float, upper: float) -> dict[str, Any]:
        """The k-th week, whose mean and upper bound are given as they are answered."""
        risk, units, base = float(self._risk[k]), float(self._units[k]), float(self._base[k])
        scale = mean / base if base > 0 else 0.0
        return {
            "revenue_opportunity": round(scale * float(self._dollars[k]), 2) if self._covered > 0 else None,
            "revenue_coverage": self._covered,
            "inventory_requirement": math.ceil(upper - 1e-9),
            "units_in_service": self._fleet,
            "units_at_hand": None if math.isnan(units) else _rounded(units),
            "stockout_risk": None if math.isnan(risk) else _rounded(risk),
        }


def accuracy(snapshot: Snapshot, query: AccuracyQuery) -> dict[str, Any]:
    """The `data` of GET /demand/accuracy as far as the back-test tells.

    Raises UnknownCategory; InsufficientData when no tested week lies in the span.
    """
    as_of = snapshot.spec.data_as_of
    name = resolve.category(snapshot, query.category)
    variant = snapshot.spec.variants[variant_of(snapshot, query.model_type)]
    since = performance.span_start(as_of, query.days_back)
    row = snapshot.rows.get(performance.node_of(name), -1)
    rows = performance.tested(snapshot, row, variant, since)
    if not rows.actual.sum() > 0:
        raise InsufficientData(
            f"No week of the last {query.days_back} days with demand was back-tested for {name!r}.",
            missing="tested weeks", asked_days=query.days_back, suggestion="a longer days_back, or a category with more history",
        )  # fmt: skip
    metrics = performance.summary(rows)
    overall = performance.accuracy(rows.actual, rows.mean)
    recent, earlier = performance.recent_accuracy(performance.tested(snapshot, row, variant), as_of)
    chosen = overall if query.metric == "accuracy_score" else metrics[query.metric]
    return {
        "tested_from": _day(rows.day.min()), "tested_to": _day(rows.day.max()) + timedelta(days=6),
        "tested_forecasts": len(rows.actual),
        "selected_metric": {query.metric: chosen},
        "accuracy_metrics": {
            "overall_accuracy": overall, **{key: metrics[key] for key in ("mae", "rmse", "mape", "coverage_80")},
        },
        "accuracy_by_category": performance.by_category(snapshot, variant, since, None if name == ALL else name),
        "accuracy_trend": {
            "last_30_days": recent, "previous_30_days": earlier, "trend": performance.trend(recent, earlier),
        },
        "prediction_distribution": _distribution_of_confidence(snapshot, rows),
        "baselines": {
            "seasonal_naive": performance.accuracy(rows.actual, rows.seasonal_naive),
            "four_week_mean": performance.accuracy(rows.actual, rows.four_week_mean),
        },
    }  # fmt: skip


def _day(number: float) -> date:
    return performance.EPOCH + timedelta(days=int(number))


def _distribution_of_confidence(snapshot: Snapshot, rows: performance.Tested) -> dict[str, float]:
    scores = confidence_scores(rows.mean, rows.quantiles, snapshot.spec.backtest_levels)
    high, low = float(np.mean(scores > 0.8)), float(np.mean(scores < 0.6))
    return {"high_confidence": high, "medium_confidence": 1.0 - high - low, "low_confidence": low}
