"""Which services speak of single items, how are they asked, and what of their answers is shown? One entry a service; pure.

Another service joins with one more entry of `SOURCES`: its batch route, the question, and how a result becomes a prediction.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from rfid3_gateway.insights import MANY, Source
from rfid3_gateway.integrated.item_rows import ItemRow
from rfid3_gateway.plain import plain
from rfid3_shared.flags import Flag

OF_RISK = ((0.5, "critical"), (0.25, "high"), (0.1, "medium"), (0.0, "low"))
"""Least chance of what nobody wants (the class runs short, the item fails), and what that is called."""
OF_LOSS = ((0.2, "critical"), (0.1, "high"), (0.05, "medium"), (0.0, "low"))
"""Least fall of the score within the horizon; a grade is 0.1."""
SHORT = "30_days"
Rows = Collection[ItemRow]
Result = Mapping[str, Any]


@dataclass(frozen=True)
class ItemSource:
    """A service that says something of an item.

    key: under which result of the answer an item's stands (None: this item has none, `none` says why). question: the body that asks
    for these keys. prediction: what is shown of a good result.
    """

    source: Source
    key: Callable[[ItemRow], str | None]
    question: Callable[[list[str]], dict[str, Any]]
    prediction: Callable[[Result], dict[str, Any]]
    none: str
    too_little: str
    unknown: str

    @property
    def service(self) -> str:
        """Who is asked."""
        return self.source.service


def urgency(value: float | None, scale: tuple[tuple[float, str], ...] = OF_RISK) -> str | None:
    """How urgent that is; None where it is not known."""
    return None if value is None else next((name for least, name in scale if value >= least), "low")


def _of_class(item: ItemRow) -> str | None:
    return item.rental_class


def _of_tag(item: ItemRow) -> str | None:
    return item.tag_id


def _weeks(classes: list[str]) -> dict[str, Any]:
    # by position: a class's number may be longer than a key may be
    return {"queries": [{"key": str(at), "rental_class": name, "weeks": 1} for at, name in enumerate(classes)]}


def _items(tags: list[str]) -> dict[str, Any]:
    return {"item_ids": tags}


def _demand(data: Result) -> dict[str, Any]:
    week = data["predictions"][0]
    risk = week["business_impact"]["stockout_risk"]
    return {
        "prediction_type": "demand", "urgency": urgency(risk), "value": week["predicted_demand"], "confidence": week["confidence_score"],
        "week_starting": plain(week["week_starting"]), "lower": week["confidence_lower"], "upper": week["confidence_upper"],
        "stockout_risk": risk, "prediction_id": plain(week["prediction_id"]),
        "about": "Units of the item's rental class expected to leave in that week, all stores together.",
    }  # fmt: skip


def _maintenance(data: Result) -> dict[str, Any]:
    chance, days = data["failure_probability"], data["horizon_days"]
    then = next(each for each in data["timeline"] if each["days"] == days)
    return {
        "prediction_type": "maintenance", "urgency": urgency(chance), "value": chance, "confidence": data["confidence"],
        "horizon_days": days, "lower": then["lower"], "upper": then["upper"],
        "prediction_id": plain(data["prediction_id"]), "about": "Chance that the item needs repair, or is worn out, within the horizon.",
    }  # fmt: skip


def _quality(data: Result) -> dict[str, Any]:
    then, band = data["degradation_prediction"][SHORT], data["degradation_intervals"][SHORT]
    return {
        "prediction_type": "quality", "urgency": urgency(data["current_quality_score"] - then, OF_LOSS), "value": then,
        "confidence": data["confidence"], "horizon_days": 30, "lower": band["lower"], "upper": band["upper"],
        "prediction_id": plain(data["prediction_id"]), "about": "Quality score (A+ = 1) expected within the horizon.",
    }  # fmt: skip


SOURCES = (
    ItemSource(
        MANY, _of_class, _weeks, _demand, "This item has no rental class, so it has no demand of its own.",
        "There is not enough history yet for a forecast of its rental class.", "The demand service does not know its rental class.",
    ),
    ItemSource(
        Source(
            "maintenance_of_items", "chances of failure", "maintenance", Flag.MAINTENANCE_PREDICTION,
            "/api/predictive/maintenance/probability/batch", "results", kind=dict, method="POST",
        ),
        _of_tag, _items, _maintenance, "", "Too little is known of this item for a chance of failure.",
        "The maintenance service has not seen this item yet.",
    ),
    ItemSource(
        Source(
            "quality_of_items", "projections of quality", "quality", Flag.QUALITY_ANALYTICS,
            "/api/predictive/quality/degradation/batch", "results", kind=dict, method="POST",
        ),
        _of_tag, _items, _quality, "", "This item was never graded, and nothing like it was.",
        "The quality service has not seen this item yet.",
    ),
)  # fmt: skip


def keys_of(one: ItemSource, items: Rows) -> list[str]:
    """What the service is asked for, each once, sorted."""
    return sorted({key for item in items if (key := one.key(item))})


def results_by_key(one: ItemSource, keys: list[str], data: Result | None) -> dict[str, Any]:
    """The service's result for each key; {} without an answer."""
    if not data:
        return {}
    named = one.source is not MANY
    return {key: data["results"].get(key if named else str(at)) for at, key in enumerate(keys)}
