"""Where are predictions written down? `analytics_predictions` of mission.md section 3.1, with its faults decided.

Decided (T-78): business impact holds money, D(15,2), not 999.99; the key is unique, and none of its columns may be NULL, so
an hourly repetition is one row; store, request and interval level are columns of their own; no foreign key into RFID3's tables.
"""

from sqlalchemy import JSON, Column, Date, Index, Integer, Numeric, String, Table, UniqueConstraint

from rfid3_shared.db import Identity, Moment, store_metadata

KEY = (
    "prediction_type", "target_item_id", "target_category", "store", "prediction_date", "horizon_days", "model_version",
    "model_type", "interval_level",
)  # fmt: skip
"""What makes two predictions the same one."""


def _decimal(precision: int, scale: int) -> Numeric[float]:
    return Numeric(precision, scale, asdecimal=False)


analytics_predictions = Table(
    "analytics_predictions", store_metadata,
    Column("id", Identity, primary_key=True),
    Column("prediction_type", String(20), nullable=False),
    Column("target_item_id", String(255), nullable=False, default=""),
    Column("target_category", String(100), nullable=False, default=""),
    Column("store", String(10), nullable=False, default=""),
    Column("prediction_date", Date, nullable=False),
    Column("horizon_days", Integer, nullable=False),
    Column("predicted_value", _decimal(15, 4), nullable=False),
    Column("interval_level", _decimal(5, 4), nullable=False, default=0.0),
    Column("confidence_lower", _decimal(15, 4)),
    Column("confidence_upper", _decimal(15, 4)),
    Column("confidence_score", _decimal(5, 4)),
    Column("model_version", String(100), nullable=False),
    Column("model_type", String(50), nullable=False),
    Column("input_features", JSON(none_as_null=True)),
    Column("external_factors", JSON(none_as_null=True)),
    Column("business_impact_score", _decimal(15, 2)),
    Column("request_id", String(36), nullable=False, default=""),
    Column("actual_value", _decimal(15, 4)),
    Column("accuracy_score", _decimal(5, 4)),
    Column("feedback_rating", Integer),
    Column("created_at", Moment, nullable=False),
    Column("validated_at", Moment),
    UniqueConstraint(*KEY, name="uq_analytics_predictions_same"),
    Index(None, "prediction_type", "prediction_date", "target_item_id"),
    Index(None, "created_at"),
)  # fmt: skip
