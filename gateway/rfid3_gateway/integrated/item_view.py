"""What is shown of an item: what RFID3 knows, and what the suite predicts of it? Pure.

Of a single item only its rental class is forecast so far. A service that the suite does not have is named as missing.
"""

from collections.abc import Collection, Mapping
from typing import Any

from rfid3_gateway.integrated.item_rows import ItemRow
from rfid3_gateway.plain import plain
from rfid3_shared.flags import Flag

URGENCY = ((0.5, "critical"), (0.25, "high"), (0.1, "medium"), (0.0, "low"))
"""Least chance that the class runs short, and what that is called."""
OF_ITEMS = (
    Flag.MAINTENANCE_PREDICTION, Flag.QUALITY_ANALYTICS, Flag.PRICING_OPTIMIZATION, Flag.INVENTORY_AUTOMATION, Flag.PACK_MANAGEMENT,
)  # fmt: skip
"""Abilities that will have something to say of a single item."""
NO_CLASS = "This item has no rental class, so it has no demand of its own."
NO_WEEK = "The demand service gave no usable answer."
SUBJECT = "Units of the item's rental class expected to leave in that week, all stores together."


def item_info(item: ItemRow) -> dict[str, Any]:
    """What RFID3 knows of the item."""
    return {
        "tag_id": item.tag_id, "common_name": _text(item.common_name), "status": _text(item.status), "quality": _text(item.quality),
        "current_location": _text(item.bin_location), "rental_class": _text(item.rental_class), "store": _text(item.store),
    }  # fmt: skip


def item_view(
    item: ItemRow, forecasts: Mapping[str, Any], reason: str | None, as_of: str | None, services: Collection[str]
) -> dict[str, Any]:
    """The `data` about one item.

    forecasts: rental class → its result of the demand service's batch. reason: why there are none at all. as_of: day that the forecasts
    rest on. services: those of this suite.
    """
    unavailable = missing_services(services)
    found: list[dict[str, Any]] = []
    if item.rental_class is None:
        unavailable["demand"] = NO_CLASS
    elif reason is not None:
        unavailable["demand"] = reason
    else:
        try:
            found = [_demand(forecasts[item.rental_class]["data"]["predictions"][0])]
        except (KeyError, IndexError, TypeError):
            unavailable["demand"] = _refused(forecasts.get(item.rental_class))
    return {
        "item_info": item_info(item), "predictions": found, "last_updated": as_of if found else None, "unavailable": unavailable
    }  # fmt: skip


def missing_services(services: Collection[str]) -> dict[str, str]:
    """Services that would speak of items and do not, each with why."""
    return {
        str(flag.about.service): f"The {flag.about.service} service says nothing of single items yet."
        if flag.about.service in services else f"This suite has no {flag.about.service} service."
        for flag in OF_ITEMS
    }  # fmt: skip


def urgency(stockout_risk: float | None) -> str | None:
    """How urgent a chance of running short is; None where it is not known."""
    return None if stockout_risk is None else next(name for least, name in URGENCY if stockout_risk >= least)


def _demand(week: Mapping[str, Any]) -> dict[str, Any]:
    risk = week["business_impact"]["stockout_risk"]
    return {
        "prediction_type": "demand", "urgency": urgency(risk), "value": week["predicted_demand"], "confidence": week["confidence_score"],
        "week_starting": plain(week["week_starting"]), "lower": week["confidence_lower"], "upper": week["confidence_upper"],
        "stockout_risk": risk, "prediction_id": plain(week["prediction_id"]), "about": SUBJECT,
    }  # fmt: skip


def _refused(result: object) -> str:
    """Why a class has no forecast, in our words."""
    error = result.get("error") if isinstance(result, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    words = {
        "INSUFFICIENT_DATA": "There is not enough history yet for a forecast of its rental class.",
        "NOT_FOUND": "The demand service does not know its rental class.",
    }
    return words.get(str(code), NO_WEEK)


def _text(text: str | None) -> str | None:
    return None if text is None else plain(text)
