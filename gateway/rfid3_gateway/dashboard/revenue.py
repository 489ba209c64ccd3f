"""What will the coming weeks bring in dollars, as RFID3's page shows it? Pure.

The demand service forecasts units with an interval and says what the expected units bring: each class's units times its rate. So a
week has a mean rate per unit, of its own mix of classes, and the interval of its units times that rate is the interval in dollars.
"""

from collections.abc import Mapping
from typing import Any

from rfid3_gateway.plain import plain

KEY_FACTORS = ("weather_impact", "economic_confidence", "event_calendar_impact")
NO_RATE = "No rate is known for what is forecast, so nothing can be said in dollars."
NO_TEST = "No past week with demand was tested yet, so the error of the forecast is not known."
BASIS = (
    "predicted_revenue: expected units of each rental class times its rate (what contracts charged, else one week by the rate card), "
    "summed over the classes that have a rate. confidence_lower and confidence_upper: the interval of the week's units times the "
    "week's mean rate per unit; that the mix of classes may turn out otherwise is not in it."
)


def page_forecast(forecast: Mapping[str, Any]) -> dict[str, Any]:
    """The `data` of RFID3's forecast chart, from the `data` of the demand service.

    Raises ValueError for a week without units: that is no forecast.
    """
    weeks: list[dict[str, Any]] = forecast["predictions"]
    mean_rate = _mean_rate(weeks)
    accuracy, unavailable = _accuracy(forecast.get("model_performance"))
    predictions = [_week(week, mean_rate) for week in weeks]
    if any(week["predicted_revenue"] is None for week in predictions):
        unavailable["predicted_revenue"] = NO_RATE
    coverage = [number for week in weeks if (number := _number(week, "business_impact", "revenue_coverage")) is not None]
    return {
        "predictions": predictions,
        "model_accuracy": accuracy,
        "external_factors_considered": [plain(name) for name in _list(forecast.get("external_factors_considered"))],
        "forecast_period": plain(forecast.get("forecast_period")),
        "store": plain(forecast.get("store_filter")),
        "basis": {
            "how": BASIS,
            "revenue_coverage": min(coverage) if coverage else None,
            "accuracy_of": "units per week, on past weeks that the method had not seen",
        },
        "unavailable": unavailable,
    }


def _week(week: Mapping[str, Any], mean_rate: float | None) -> dict[str, Any]:
    units, revenue = _number(week, "predicted_demand"), _number(week, "business_impact", "revenue_opportunity")
    if units is None:
        raise ValueError("a week of the forecast has no units")
    rate = revenue / units if revenue is not None and units else mean_rate
    lower, upper = _number(week, "confidence_lower"), _number(week, "confidence_upper")
    factors = week.get("key_factors")
    factors = factors if isinstance(factors, dict) else {}
    return {
        "week_starting": plain(week.get("week_starting")),
        "predicted_revenue": _dollars(revenue, 1.0),
        "confidence_lower": _dollars(lower, rate) if revenue is not None else None,
        "confidence_upper": _dollars(upper, rate) if revenue is not None else None,
        "key_factors": {
            "seasonal_effect": _number(factors, "seasonal_effect"), **{name: plain(factors.get(name)) for name in KEY_FACTORS}
        },
        "predicted_units": units,
        "units_lower": lower,
        "units_upper": upper,
        "prediction_id": plain(week.get("prediction_id")),
    }  # fmt: skip


def _mean_rate(weeks: list[dict[str, Any]]) -> float | None:
    """Dollars per unit over all weeks, for a week that expects no unit; None without rates."""
    known = [
        (revenue, units)
        for week in weeks
        if (revenue := _number(week, "business_impact", "revenue_opportunity")) is not None
        and (units := _number(week, "predicted_demand")) is not None
    ]
    total = sum(units for _, units in known)
    return sum(revenue for revenue, _ in known) / total if total > 0 else None


def _accuracy(performance: object) -> tuple[dict[str, float], dict[str, str]]:
    performance = performance if isinstance(performance, dict) else {}
    numbers = {name: _number(performance, name) for name in ("mape", "mae", "wape", "coverage_80")}
    known = {name: round(number, 2 if name == "mape" else 4) for name, number in numbers.items() if number is not None}
    return known, {} if "mape" in known else {"model_accuracy.mape": NO_TEST}


def _dollars(units: float | None, rate: float | None) -> float | None:
    return round(units * rate, 2) if units is not None and rate is not None else None


def _number(inside: Mapping[str, Any], *path: str) -> float | None:
    value: Any = inside
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return None if isinstance(value, bool) or not isinstance(value, int | float) else value


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
