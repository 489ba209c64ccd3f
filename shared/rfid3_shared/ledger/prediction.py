"""What is one prediction that was shown to somebody?"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

import orjson

PredictionType = Literal["demand", "maintenance", "quality", "pricing", "restock", "pack"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One predicted value with its interval.

    `prediction_date` is the day (or the week's Monday) it speaks of, `horizon_days` how far that lay ahead of the data.
    `interval_level` is the nominal coverage of [confidence_lower, confidence_upper], 0 for none. `target_item_id` names the
    class, item or pack, `target_category` the category; both empty means everything, an empty `store` all stores.
    """

    prediction_type: PredictionType
    prediction_date: date
    horizon_days: int
    predicted_value: float
    model_version: str
    model_type: str
    created_at: datetime
    target_item_id: str = ""
    target_category: str = ""
    store: str = ""
    interval_level: float = 0.0
    confidence_lower: float | None = None
    confidence_upper: float | None = None
    confidence_score: float | None = None
    business_impact_score: float | None = None
    request_id: str = ""
    input_features: Mapping[str, Any] | None = None
    external_factors: Mapping[str, Any] | None = None

    @property
    def key(self) -> int:
        """Equal for the same prediction (the table's unique key), in 64 bits: two different ones meet once in 10^14 pairs."""
        return hash((
            self.prediction_type, self.target_item_id, self.target_category, self.store, self.prediction_date,
            self.horizon_days, self.model_version, self.model_type, self.interval_level,
        ))  # fmt: skip

    def as_row(self) -> dict[str, Any]:
        """Its row of `analytics_predictions`."""
        row = {name: getattr(self, name) for name in NAMES}
        row["created_at"] = self.created_at.astimezone(UTC).replace(tzinfo=None)
        return row

    def as_line(self) -> bytes:
        """It as one line of JSON."""
        return orjson.dumps({name: getattr(self, name) for name in NAMES}, default=_plain) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Prediction":
        """The prediction of a line; raises ValueError, KeyError or TypeError for anything else."""
        kept = orjson.loads(line)
        kept["prediction_date"] = date.fromisoformat(kept["prediction_date"])
        kept["created_at"] = datetime.fromisoformat(kept["created_at"])
        return cls(**kept)


NAMES = tuple(field.name for field in dataclasses.fields(Prediction))


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
