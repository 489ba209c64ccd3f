"""How is a chance written down, so that it can be held against what happened? One row an item, or a category and week.

The window is part of the target: what an item does in the 7 days before a day is another outcome than what it does in the 30 before.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal

from rfid3_maintenance.item import Item
from rfid3_maintenance.kinds import WITHIN
from rfid3_shared.item_life.ledger_rows import digest_of, rows_of_totals
from rfid3_shared.ledger import Prediction

PREDICTION_TYPE: Literal["maintenance"] = "maintenance"
ITEM_TYPE, FLEET_TYPE = "failure", "fleet total"
"""Model types: the chance of one item (0 or 1 happens), and expected failures of a category in a week."""


def of_item(item: Item, days: int, version: str, at: datetime, request_id: str, *, impact: float | None = None) -> Prediction:
    """The chance of a wear failure within so many days, as a row; its id goes into the answer. impact: dollars at risk, where known."""
    return Prediction(
        prediction_type=PREDICTION_TYPE, target_item_id=item.item_id, target_category=WITHIN.format(days=days),
        prediction_date=item.snapshot.spec.data_as_of + timedelta(days=days), horizon_days=days,
        predicted_value=round(item.chance(days), 4), model_version=version, model_type=ITEM_TYPE, business_impact_score=impact,
        request_id=request_id, created_at=at, features_digest=digest_of(None if item.report is None else item.report.as_dict()),
    )  # fmt: skip


def of_totals(totals: list[dict[str, Any]], as_of: date, version: str, at: datetime) -> list[Prediction]:
    """Expected failures by category and week, with their 80 % intervals."""

    def due(one: Mapping[str, Any]) -> tuple[date, int]:
        monday = date.fromisoformat(str(one["week"]))
        return monday, (monday - as_of).days + 7

    return rows_of_totals(PREDICTION_TYPE, FLEET_TYPE, totals, due, version, at)
