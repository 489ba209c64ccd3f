"""What is one prediction, and when are two of them the same one?

A prediction is the same as another when they agree in every column of `tables.KEY`: kind, target, day, horizon, version, model,
interval level, role and the digest of what it was made from; from other inputs it is another prediction. Its `id` is a hash of
those, so whoever shows it can name it before it is written, and any process, today or next year, gives it the same name. Showing it
again is no new prediction: the first showing is the row, its request that of the first caller. A version's snapshot does not
change, so neither does the value. Rows that were written before the digest was part of the key keep their ids.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import blake2b
from math import isfinite
from typing import Any, Literal

import orjson

PredictionType = Literal["demand", "maintenance", "quality", "pricing", "restock", "pack"]
Role = Literal["shown", "shadow"]
ROLES: tuple[Role, ...] = ("shown", "shadow")
PLACES = {
    "predicted_value": 4, "interval_level": 4, "confidence_lower": 4, "confidence_upper": 4, "confidence_score": 4,
    "business_impact_score": 2,
}  # fmt: skip
"""Decimals the table keeps. Rounding here makes a SQLite store, which keeps floats, hold what MariaDB holds."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One predicted value with its interval.

    `prediction_date` is the day (or the week's Monday) it speaks of, `horizon_days` how far that lay ahead of the data.
    `interval_level` is the nominal coverage of [confidence_lower, confidence_upper], 0 for none. `target_item_id` names the
    class, item or pack, `target_category` the category; both empty means everything, an empty `store` all stores. `role` is
    "shown" for what somebody was answered, "shadow" for what a version on trial said beside it. `features_digest` names the
    inputs it was made from (32 hex, empty when unknown).
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
    role: Role = "shown"
    features_digest: str = ""
    _id: str = dataclasses.field(default="", init=False, repr=False, compare=False)

    @property
    def id(self) -> str:
        """32 hex digits, equal for the same prediction: BLAKE2b-128 of the values of `tables.KEY`, worked out once.

        Hashed is their JSON array without spaces, as RFC 8785 writes it: text in UTF-8, the day as YYYY-MM-DD, the horizon as a
        whole number, the interval level as text with four decimals, a digest only where there is one. JSON quotes text, so two
        different keys never look alike.
        """
        if not self._id:
            key = orjson.dumps((
                self.prediction_type, self.target_item_id, self.target_category, self.store, self.prediction_date,
                self.horizon_days, self.model_version, self.model_type, f"{self.interval_level:.4f}", self.role,
                *filter(None, [self.features_digest]),
            ))  # fmt: skip
            object.__setattr__(self, "_id", blake2b(key, digest_size=16).hexdigest())
        return self._id

    def as_row(self) -> dict[str, Any]:
        """Its row of `analytics_predictions`; numbers that are none (NaN, infinite) are NULL.

        Raises TypeError or ValueError for what is no prediction.
        """
        row = {name: getattr(self, name) for name in NAMES}
        for name, places in PLACES.items():
            if row[name] is not None:
                row[name] = round(row[name], places) if isfinite(row[name]) else None
        row["prediction_id"] = self.id
        row["created_at"] = self.created_at.astimezone(UTC).replace(tzinfo=None)
        return row

    def as_line(self) -> bytes:
        """It as one line of JSON."""
        return orjson.dumps({name: getattr(self, name) for name in NAMES}, default=_plain) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Prediction":
        """The prediction of a line, also of one that an older or a newer version of the suite wrote.

        Raises ValueError, KeyError or TypeError for anything else.
        """
        kept = orjson.loads(line)
        kept["prediction_date"] = date.fromisoformat(kept["prediction_date"])
        kept["created_at"] = datetime.fromisoformat(kept["created_at"])
        return cls(**{name: value for name, value in kept.items() if name in NAMES})


LONGEST_REQUEST_ID = 36
"""Characters of a request id that the ledger keeps; a caller's own may be longer."""
NAMES = tuple(field.name for field in dataclasses.fields(Prediction) if field.init)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
