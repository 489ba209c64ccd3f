"""How is a projection written down, so that it can be held against what was found? One row an item, or a category's mean score."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal

from rfid3_quality.item import Item
from rfid3_quality.snapshot import HORIZONS_DAYS, WITHIN_DAYS
from rfid3_shared.item_life.ledger_rows import digest_of, rows_of_totals
from rfid3_shared.ledger import Prediction

PREDICTION_TYPE: Literal["quality"] = "quality"
ITEM_TYPE, FLEET_TYPE = "grade", "fleet mean"
"""Model types: the score of one item in WITHIN_DAYS, and the mean score of a category."""
_AT = HORIZONS_DAYS.index(WITHIN_DAYS)


def of_item(item: Item, version: str, at: datetime, request_id: str) -> Prediction:
    """The score that is expected in WITHIN_DAYS, as a row; its id goes into the answer."""
    mean, _, low, high = (float(part) for part in item.score[:, _AT])
    digest = digest_of(None if item.reading is None else item.reading.as_dict())
    as_of = item.snapshot.spec.data_as_of
    return Prediction(
        prediction_type=PREDICTION_TYPE, target_item_id=item.item_id, prediction_date=as_of + timedelta(days=WITHIN_DAYS),
        horizon_days=WITHIN_DAYS, predicted_value=round(mean, 4), model_version=version, model_type=ITEM_TYPE, created_at=at,
        interval_level=0.8, confidence_lower=low, confidence_upper=high, request_id=request_id, features_digest=digest,
    )  # fmt: skip


def of_totals(totals: Sequence[dict[str, Any]], as_of: date, version: str, at: datetime) -> list[Prediction]:
    """Mean scores by category in WITHIN_DAYS, with their 80 % intervals."""
    day = as_of + timedelta(days=WITHIN_DAYS)
    return rows_of_totals(PREDICTION_TYPE, FLEET_TYPE, totals, lambda _: (day, WITHIN_DAYS), version, at)
