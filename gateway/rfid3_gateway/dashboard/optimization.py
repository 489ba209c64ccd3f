"""What should the shop have more of, what less, and what does that cost and bring? As RFID3's page shows it. Pure.

More: where the forecast expects units to be asked for in vain. Less: where units were seen but never went out, and the category is
little used. Season: the coming weeks beside the last ones. Numbers come from scans, forecasts, rates and prices; what cannot be known
is left out, and `unavailable` says why.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from rfid3_gateway.dashboard.shortage import Shortage
from rfid3_gateway.dashboard.utilization import IDLE_WEEKS, ClassUse, Measured

WEEKS = 4
MONTH_DAYS = 365.25 / 12
LOW_USE = 0.2
"""RFID3's own rule (`inventory_config`): below it a category is little used."""
MOST_ROWS, MOST_NAMED, MOST_ACTIONS = 10, 3, 6
LEAST_UNITS_SHORT = 0.5
"""Units that a category must be expected to lack over the weeks before it is named."""
SEASON_RATIO, SEASON_UNITS = 0.15, 5
"""A category's change against the last weeks that is worth an action: this share, and at least so many units."""
BASIS = {
    "current_utilization": "Days that units were out divided by units in service times days, over the last {recent_days} days "
    "of scans (to {as_of}). A unit counts as out until its next scan, at most 28 days; one not scanned again as long as others "
    "stayed ({usual_stay_days} days on average), or until now where its status says out.",
    "high_demand_categories": "Units expected to be asked for in vain over the coming 4 weeks, by class, from the forecast's "
    "80 % interval and its chance of running short (normal curve), times the class's rate.",
    "underperforming_items": "Units that were scanned in the last {idle_weeks} weeks and never went out, in categories used "
    "less than 20 %, times the class's sell price in RFID3; a used unit may bring less.",
    "seasonal_adjustments": "Forecast of the coming 4 weeks beside the units of the last 4 weeks.",
    "financial_impact": "Increase: of all that is named, over the coming 4 weeks. Investment: units that the worst week lacks, of classes "
    "that lack at least half a unit, times the retail price, else the sell price; return and payback: what those classes would bring, "
    "as if every month were like those weeks.",
}


def page_optimization(
    measured: Measured | None, store: str | None, shortages: list[Shortage] | None, series: list[dict[str, Any]] | None,
    unavailable: Mapping[str, str],
) -> dict[str, Any]:  # fmt: skip
    """The `data` of optimization/inventory.

    shortages: classes that may run short; None when the forecast cannot be had. series: demand by category as the demand service lists
    it. unavailable: why one of these is missing.
    """
    missing = dict(unavailable)
    used = measured.of(store) if measured else []
    if measured is not None and measured.told and not used:
        missing["current_utilization"] = "No unit in service is known to stand there."
    shown = _high_demand(measured, used, shortages or [], missing)
    return {
        "inventory_optimization": {
            "high_demand_categories": [row for row, _ in shown],
            "underperforming_items": _underperforming(measured, used, missing) if measured else [],
            "seasonal_adjustments": {} if series is None else _season(series, missing),
        },
        "financial_impact": {} if shortages is None else _finance(measured, [one for _, own in shown for one in own], missing),
        "basis": _basis(measured),
        "unavailable": missing,
    }


def _high_demand(
    measured: Measured | None, used: list[ClassUse], shortages: list[Shortage], missing: dict[str, str]
) -> list[tuple[dict[str, Any], list[Shortage]]]:  # fmt: skip
    """Rows with the shortages behind each, by dollars; categories without a rate are named in `missing`."""
    by_category: dict[str, list[Shortage]] = {}
    for one in shortages:
        by_category.setdefault(one.category, []).append(one)
    rows: list[tuple[float, dict[str, Any], list[Shortage]]] = []
    unrated = []
    for category, own in by_category.items():
        if sum(one.units for one in own) < LEAST_UNITS_SHORT:
            continue
        rated = sorted((one for one in own if one.usd is not None), key=lambda one: (-(one.usd or 0.0), one.rental_class))
        if not rated:
            unrated.append(category)
            continue
        usd = sum(one.usd or 0.0 for one in rated)
        row = {
            "category": category, "current_utilization": _percent(measured, used, category),
            "recommendation": _have_more(rated), "expected_revenue_impact": round(usd, 2),
            "units_short": round(sum(one.units for one in rated), 1), "units_to_add": sum(one.add_units for one in rated),
        }  # fmt: skip
        rows.append((usd, row, rated))
    if unrated:
        missing["high_demand_categories"] = f"These may run short, but no rate is known for them: {_named(unrated)}."
    rows.sort(key=lambda one: (-one[0], one[1]["category"]))
    return [(row, own) for _, row, own in rows[:MOST_ROWS]]


def _have_more(own: list[Shortage]) -> str:
    buy = [one for one in own if one.add_units]
    shown = buy or own
    named = ", ".join(f"{one.add_units} {one.label}" if buy else one.label for one in shown[:MOST_NAMED])
    more = f" and {len(shown) - MOST_NAMED} more classes" if len(shown) > MOST_NAMED else ""
    what = (
        f"Buy, move or sub-rent for the coming {WEEKS} weeks"
        if buy
        else "Too little to buy for, so move or sub-rent if it comes to it"
    )
    return f"{what}: {named}{more}."


def _underperforming(measured: Measured, used: list[ClassUse], missing: dict[str, str]) -> list[dict[str, Any]]:
    if not measured.told:
        missing["underperforming_items"] = missing["current_utilization"] = "There are too few scans to tell how much was used."
        return []
    rows: list[tuple[float, dict[str, Any]]] = []
    unpriced = []
    for category, own in _by_category(used).items():
        ratio, idle = measured.ratio(own), sum(one.idle for one in own)
        if ratio is None or ratio > LOW_USE or not idle:
            continue
        value = sum(one.idle * measured.sell_usd.get(one.rental_class, 0.0) for one in own)
        if not value:
            unpriced.append(category)
            continue
        row = {
            "category": category, "current_utilization": f"{ratio:.0%}", "recommendation": _have_less(measured, own),
            "potential_resale_value": round(value, 2), "idle_units": idle,
            "priced_units": sum(one.idle for one in own if one.rental_class in measured.sell_usd),
        }  # fmt: skip
        rows.append((value, row))
    if unpriced:
        missing["underperforming_items"] = f"No sell price is known for idle units of: {_named(unpriced)}."
    rows.sort(key=lambda one: (-one[0], one[1]["category"]))
    return [row for _, row in rows[:MOST_ROWS]]


def _have_less(measured: Measured, own: list[ClassUse]) -> str:
    units, seen, idle = (sum(getattr(one, name) for one in own) for name in ("units", "seen", "idle"))
    said = (
        f"{idle} of {units} units were seen but never went out in {measured.idle_weeks} weeks: "
        "sell them, or move them to a store that lacks them."
    )
    if seen < units:
        said += f" {units - seen} more were not scanned at all: look for them first."
    if measured.idle_weeks < IDLE_WEEKS:
        said += " The records hold no whole year yet: think of the season before selling."
    return said


def _season(series: list[dict[str, Any]], missing: dict[str, str]) -> dict[str, Any]:
    """What changes against the last weeks, category by category."""
    weeks: list[dict[str, Any]] = max((one["forecast"] for one in series), key=len, default=[])
    if not weeks:
        missing["seasonal_adjustments"] = "No category has enough history for a forecast."
        return {}
    first = date.fromisoformat(weeks[0]["week_starting"])
    last = date.fromisoformat(weeks[-1]["week_starting"]) + timedelta(days=6)
    changes = []
    for one in series:
        if one["change"] is None or len(one["forecast"]) < len(weeks):
            continue
        before = one["demand"] / (1 + one["change"]) if one["change"] > -1 else 0.0
        if abs(one["change"]) >= SEASON_RATIO and abs(one["demand"] - before) >= SEASON_UNITS:
            changes.append((abs(one["demand"] - before), one, before))
    changes.sort(key=lambda found: (-found[0], found[1]["name"]))
    actions = [_adjust(one, before, len(weeks)) for _, one, before in changes[:MOST_ACTIONS]]
    return {
        "next_month": f"{last - timedelta(days=6):%B %Y}", "from": first.isoformat(), "to": last.isoformat(),
        "recommended_actions": actions or [f"No category is expected to change by more than {SEASON_RATIO:.0%}: keep as it is."],
    }  # fmt: skip


def _adjust(one: Mapping[str, Any], before: float, weeks: int) -> str:
    more = one["change"] > 0
    do = "have more ready, and put off service that can wait" if more else "use the time for service, cleaning and repair"
    return (
        f"{one['label']}: about {one['demand']:.0f} units in the coming {weeks} weeks, {before:.0f} in the last {weeks} "
        f"({one['change']:+.0%}): {do}."
    )


def _finance(measured: Measured | None, shortages: list[Shortage], missing: dict[str, str]) -> dict[str, Any]:
    """Dollars of what is shown as in high demand."""
    found: dict[str, Any] = {"potential_revenue_increase": round(sum(one.usd or 0.0 for one in shortages), 2)}
    prices, buy = measured.buy_usd if measured else {}, [one for one in shortages if one.add_units]
    unpriced = [one.label for one in buy if one.rental_class not in prices]
    if unpriced:
        why = f"No price is known for: {_named(unpriced)}."
        return found | _without(missing, why, "inventory_investment_needed", "roi_estimate", "payback_period_months")
    gain, cost = sum(one.usd or 0.0 for one in buy), sum(one.add_units * prices[one.rental_class] for one in buy)
    found["inventory_investment_needed"] = round(cost, 2)
    if not cost or not gain:
        return found | _without(missing, "No class lacks enough to buy for.", "roi_estimate", "payback_period_months")
    found["roi_estimate"] = f"{gain / cost:.0%}"
    found["payback_period_months"] = round(cost / (gain * MONTH_DAYS / (7 * WEEKS)), 1)
    return found


def _without(missing: dict[str, str], why: str, *names: str) -> dict[str, Any]:
    missing.update({f"financial_impact.{name}": why for name in names})
    return {}


def _basis(measured: Measured | None) -> dict[str, str]:
    known = {"recent_days": "?", "as_of": "?", "usual_stay_days": "?", "idle_weeks": "?"}
    if measured is not None and measured.usual_stay_days is not None:
        known = {
            "recent_days": str(measured.recent_days), "as_of": str(measured.as_of), "idle_weeks": str(measured.idle_weeks),
            "usual_stay_days": f"{measured.usual_stay_days:.1f}",
        }  # fmt: skip
    return {name: text.format(**known) for name, text in BASIS.items()}


def _percent(measured: Measured | None, used: list[ClassUse], category: str) -> str:
    ratio = measured.ratio(one for one in used if one.category == category) if measured else None
    return "not known" if ratio is None else f"{ratio:.0%}"


def _by_category(used: Iterable[ClassUse]) -> dict[str, list[ClassUse]]:
    found: dict[str, list[ClassUse]] = {}
    for one in used:
        if one.category is not None:
            found.setdefault(one.category, []).append(one)
    return found


def _named(names: list[str]) -> str:
    told = ", ".join(sorted(names)[:MOST_NAMED])
    return f"{told} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else told
