"""What do ledger rows of services of items have in common? Totals by category, and a digest of what was reported of an item."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from hashlib import blake2b
from typing import Any

import orjson

from rfid3_shared.ledger import Prediction
from rfid3_shared.ledger.prediction import PredictionType


def rows_of_totals(
    prediction_type: PredictionType, model_type: str, totals: Iterable[Mapping[str, Any]],
    due: Callable[[Mapping[str, Any]], tuple[date, int]], version: str, at: datetime,
) -> list[Prediction]:  # fmt: skip
    """Totals of a snapshot's spec ({category, mean, lower, upper}, 80 % interval) as rows. due: a total's day and horizon in days."""
    rows = []
    for one in totals:
        day, horizon_days = due(one)
        rows.append(Prediction(
            prediction_type=prediction_type, target_category=one["category"], prediction_date=day, horizon_days=horizon_days,
            predicted_value=one["mean"], interval_level=0.8, confidence_lower=one["lower"], confidence_upper=one["upper"],
            model_version=version, model_type=model_type, created_at=at,
        ))  # fmt: skip
    return rows


def digest_of(report: Mapping[str, Any] | None) -> str:
    """What was reported of an item and moved its answer, as 32 hex digits; empty for nothing."""
    return "" if report is None else blake2b(orjson.dumps(report), digest_size=16).hexdigest()
