"""What did the tables look like at revision 0001? Frozen: never edit."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql, sqlite

NAMING = {"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
Seconds = DateTime().with_variant(sqlite.DATETIME(truncate_microseconds=True), "sqlite")  # type: ignore[no-untyped-call]
Moment = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
Identity = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(naming_convention=NAMING)


def decimal(precision: int, scale: int) -> Numeric[float]:
    """A decimal that Python reads as a float."""
    return Numeric(precision, scale, asdecimal=False)


api_keys = Table(
    "api_keys", metadata,
    Column("id", String(12), primary_key=True),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("owner", String(100), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Seconds, nullable=False),
    Column("expires_at", Seconds),
    Column("revoked_at", Seconds),
)  # fmt: skip

prediction_jobs = Table(
    "prediction_jobs", metadata,
    Column("id", String(32), primary_key=True),
    Column("service", String(50), nullable=False),
    Column("kind", String(50), nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("requested_by", String(100), nullable=False),
    Column("idempotency_key", String(200), unique=True),
    Column("active_key", String(101), unique=True),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("run_after", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("lease_owner", String(100)),
    Column("lease_until", Moment),
    Column("progress", Float, nullable=False),
    Column("stage", String(200), nullable=False),
    Column("result", JSON),
    Column("error", JSON),
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Index(None, "service", "state", "run_after"),
    Index(None, "created_at"),
)  # fmt: skip

analytics_predictions = Table(
    "analytics_predictions", metadata,
    Column("id", Identity, primary_key=True),
    Column("prediction_type", String(20), nullable=False),
    Column("target_item_id", String(255), nullable=False),
    Column("target_category", String(100), nullable=False),
    Column("store", String(10), nullable=False),
    Column("prediction_date", Date, nullable=False),
    Column("horizon_days", Integer, nullable=False),
    Column("predicted_value", decimal(15, 4), nullable=False),
    Column("interval_level", decimal(5, 4), nullable=False),
    Column("confidence_lower", decimal(15, 4)),
    Column("confidence_upper", decimal(15, 4)),
    Column("confidence_score", decimal(5, 4)),
    Column("model_version", String(100), nullable=False),
    Column("model_type", String(50), nullable=False),
    Column("input_features", JSON),
    Column("external_factors", JSON),
    Column("business_impact_score", decimal(15, 2)),
    Column("request_id", String(36), nullable=False),
    Column("actual_value", decimal(15, 4)),
    Column("accuracy_score", decimal(5, 4)),
    Column("feedback_rating", Integer),
    Column("created_at", Moment, nullable=False),
    Column("validated_at", Moment),
    UniqueConstraint(
        "prediction_type", "target_item_id", "target_category", "store", "prediction_date", "horizon_days", "model_version",
        "model_type", "interval_level", name="uq_analytics_predictions_same",
    ),
    Index(None, "prediction_type", "prediction_date", "target_item_id"),
    Index(None, "created_at"),
)  # fmt: skip

ml_model_performance = Table(
    "ml_model_performance", metadata,
    Column("id", Identity, primary_key=True),
    Column("service_name", String(100), nullable=False),
    Column("model_type", String(50), nullable=False),
    Column("model_version", String(100), nullable=False),
    Column("training_date", Moment, nullable=False),
    Column("data_from", Date),
    Column("data_to", Date),
    Column("performance_metrics", JSON, nullable=False),
    Column("hyperparameters", JSON, nullable=False),
    Column("feature_importance", JSON),
    Column("artefact_digest", String(64), nullable=False),
    Column("artefact_bytes", BigInteger, nullable=False),
    Column("job_id", String(32), unique=True),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("service_name", "model_version"),
)  # fmt: skip

registry_current = Table(
    "registry_current", metadata,
    Column("service", String(100), primary_key=True),
    Column("model_version", String(100), nullable=False),
    Column("switched_at", Moment, nullable=False),
    Column("switched_by", String(100), nullable=False),
)  # fmt: skip
