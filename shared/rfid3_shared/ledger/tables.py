"""Where are predictions, outcomes and people's opinions of them written down?

`analytics_predictions` follows mission.md section 3.1, with its faults decided (T-78): business impact holds money, D(15,2),
not 999.99; what makes two predictions the same one is hashed into `prediction_id`, which is unique, so an hourly repetition is
one row; store, request, interval level and role are columns of their own; no foreign key into RFID3's tables.
"""

from sqlalchemy import JSON, Boolean, Column, Date, Index, Integer, Numeric, String, Table, UniqueConstraint

from rfid3_shared.db import Identity, Moment, store_metadata

KEY = (
    "prediction_type", "target_item_id", "target_category", "store", "prediction_date", "horizon_days", "model_version",
    "model_type", "interval_level", "role", "features_digest",
)  # fmt: skip
"""What makes two predictions the same one: `prediction_id` is their hash."""


def _decimal(precision: int, scale: int) -> Numeric[float]:
    return Numeric(precision, scale, asdecimal=False)


analytics_predictions = Table(
    "analytics_predictions", store_metadata,
    Column("id", Identity, primary_key=True),
    Column("prediction_id", String(32), nullable=False, unique=True),
    # "shown" to somebody, or made beside it by a "shadow" version
    Column("role", String(10), nullable=False, default="shown"),
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
    Column("features_digest", String(32), nullable=False, default=""),
    Column("input_features", JSON(none_as_null=True)),
    Column("external_factors", JSON(none_as_null=True)),
    Column("business_impact_score", _decimal(15, 2)),
    Column("request_id", String(36), nullable=False, default=""),
    Column("actual_value", _decimal(15, 4)),
    # predicted minus actual; the mean pinball loss at the interval's two ends; whether the outcome lay between them
    Column("error", _decimal(15, 4)),
    Column("pinball_loss", _decimal(15, 4)),
    Column("inside_interval", Boolean(create_constraint=False)),
    Column("accuracy_score", _decimal(5, 4)),
    Column("feedback_rating", Integer),
    Column("created_at", Moment, nullable=False),
    Column("validated_at", Moment),
    Index(None, "prediction_type", "prediction_date", "target_item_id"),
    Index(None, "prediction_type", "validated_at"),
    Index(None, "created_at"),
)  # fmt: skip

prediction_outcomes = Table(
    "prediction_outcomes", store_metadata,
    Column("id", Identity, primary_key=True),
    Column("prediction_type", String(20), nullable=False),
    Column("target_item_id", String(255), nullable=False, default=""),
    Column("target_category", String(100), nullable=False, default=""),
    Column("store", String(10), nullable=False, default=""),
    Column("prediction_date", Date, nullable=False),
    Column("actual_value", _decimal(15, 4), nullable=False),
    Column("known_at", Moment, nullable=False),
    # how often a later look at the source found another value
    Column("restated", Integer, nullable=False, default=0),
    UniqueConstraint(
        "prediction_type", "prediction_date", "target_item_id", "target_category", "store", name="uq_prediction_outcomes_target"
    ),
    Index(None, "prediction_type", "known_at"),
)  # fmt: skip
"""What happened, one row per target that was predicted."""

prediction_feedback = Table(
    "prediction_feedback", store_metadata,
    Column("id", Identity, primary_key=True),
    Column("prediction_id", String(32), nullable=False),
    Column("rating", Integer),
    Column("override_value", _decimal(15, 4)),
    Column("reason", String(500), nullable=False, default=""),
    Column("given_by", String(100), nullable=False),
    Column("created_at", Moment, nullable=False),
    Index(None, "prediction_id"),
)  # fmt: skip
"""What people thought of a prediction (1 to 5) and what they did instead; never updated or deleted."""
