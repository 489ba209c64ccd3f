"""How RFID3's own predictive page reads an answer: the fields it takes, and what would break or be invented where one is missing.

Written after the page's behaviour, as issue 5 D lists it: it reads `success`, then `data` or the text `error`; it calls number
methods on numbers and text methods on texts, inserts texts as HTML, adds up every entry of the summary, and shows an example of its
own where a list is not there.
"""

import math
from datetime import date
from typing import Any

import httpx

MARKUP = set("<>\"'`")


def body_of(reply: httpx.Response) -> dict[str, Any]:
    """The JSON of an answer, good or bad."""
    found: dict[str, Any] = reply.json()
    assert isinstance(found["success"], bool)
    assert found["success"] is (reply.status_code < 400)
    if not found["success"]:
        text(found["error"])
    return found


def data_of(reply: httpx.Response) -> dict[str, Any]:
    """`data` of a good answer."""
    body = body_of(reply)
    assert body["success"], body
    everywhere_plain(body["data"])
    return body["data"]  # type: ignore[no-any-return]


def number(value: Any) -> float:
    """What `.toFixed` works on."""
    assert isinstance(value, int | float), value
    assert not isinstance(value, bool)
    assert math.isfinite(value)
    return float(value)


def text(value: Any) -> str:
    """What `.replace` works on, and innerHTML takes without harm."""
    assert isinstance(value, str), value
    assert value
    assert not MARKUP & set(value), value
    return value


def everywhere_plain(value: Any) -> None:
    """No text anywhere in it, and no key, could begin markup."""
    if isinstance(value, dict):
        for name, inner in value.items():
            assert not MARKUP & set(name), name
            everywhere_plain(inner)
    elif isinstance(value, list):
        for inner in value:
            everywhere_plain(inner)
    elif isinstance(value, str):
        assert not MARKUP & set(value), value


def factors_loaded(data: dict[str, Any]) -> int:
    """The number beside `factors loaded`: every entry of every type is a factor with a count."""
    return sum(int(number(factor["record_count"])) for kind in data.values() for factor in kind.values())


def correlation_chart(data: dict[str, Any]) -> dict[str, float]:
    """Bars of the correlation chart, and the list beside it; without the list the page shows an example as if it were true."""
    summary = data["data_summary"]
    number(summary["total_factors"])
    text(summary["date_range"])
    bars = {}
    for one in data["insights"]["strong_correlations"]:
        assert -1 <= number(one["correlation"]) <= 1
        text(one["interpretation"])
        bars[text(one["factor"])] = number(one["correlation"])
    return bars


def indicator_cards(data: dict[str, Any]) -> list[tuple[str, float, int, str]]:
    """Factor, correlation, lead and metric of each card; the recommendations below them are texts."""
    for words in data["recommendations"]:
        text(words)
    return [
        (text(one["factor"]), number(one["correlation"]), int(number(one["lead_weeks"])), text(one["business_metric"]))
        for one in data["leading_indicators"]
        if text(one["interpretation"])
    ]


def forecast_chart(data: dict[str, Any]) -> list[tuple[date, float, float, float]]:
    """Week, revenue and its interval for each point of the chart, and the figures beside it."""
    if (mape := data["model_accuracy"].get("mape")) is not None:
        assert number(mape) > 0
    for factor in data["external_factors_considered"]:
        text(factor)
    points = []
    for week in data["predictions"]:
        assert "seasonal_effect" in week["key_factors"]
        values = [number(week[name]) for name in ("predicted_revenue", "confidence_lower", "confidence_upper")]
        points.append((date.fromisoformat(week["week_starting"]), *values))
    return points  # type: ignore[return-value]


def optimization_cards(data: dict[str, Any]) -> tuple[dict[str, float], dict[str, float], list[str], dict[str, Any]]:
    """Dollars by category in high demand, resale value by category, seasonal actions, and the financial figures shown."""
    shown = data["inventory_optimization"]
    for row in [*shown["high_demand_categories"], *shown["underperforming_items"]]:
        text(row["current_utilization"])
        text(row["recommendation"])
    high = {text(row["category"]): number(row["expected_revenue_impact"]) for row in shown["high_demand_categories"]}
    low = {text(row["category"]): number(row["potential_resale_value"]) for row in shown["underperforming_items"]}
    actions = [text(one) for one in shown["seasonal_adjustments"].get("recommended_actions", [])]
    if actions:
        text(shown["seasonal_adjustments"]["next_month"])
    money = data["financial_impact"]
    for name in ("potential_revenue_increase", "inventory_investment_needed", "payback_period_months"):
        if name in money:
            number(money[name])
    if "roi_estimate" in money:
        text(money["roi_estimate"])
    return high, low, actions, money
