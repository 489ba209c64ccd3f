"""What do the tables look like at revision 0002? Frozen from its release on: never edit it then, write 0003.

A table that is new at this revision is defined here and named in `NEW`; that is all there is to adding one.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, Float, Index, Integer, MetaData, String, Table, UniqueConstraint

from rfid3_shared.migrations import tables_0001 as before
from rfid3_shared.migrations.tables_0001 import NAMING, Identity, Moment, Seconds, decimal

metadata = MetaData(naming_convention=NAMING)
for unchanged in (before.api_keys, before.registry_current):
    unchanged.to_metadata(metadata)

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
    Column("seconds", Float),
    Column("rerun_of", String(32)),
    Index(None, "service", "state", "run_after"),
    Index(None, "created_at"),
)  # fmt: skip

job_schedules = Table(
    "job_schedules", metadata,
    Column("service", String(50), primary_key=True),
    Column("kind", String(50), primary_key=True),
    Column("cron", String(100), nullable=False),
    Column("last_slot", Moment, nullable=False),
    Column("last_job_id", String(32)),
    Column("last_note", String(200), nullable=False),
    Column("updated_at", Moment, nullable=False),
)  # fmt: skip

analytics_predictions = Table(
    "analytics_predictions", metadata,
    Column("id", Identity, primary_key=True),
    Column("prediction_id", String(32), nullable=False, unique=True),
    Column("role", String(10), nullable=False, default="shown"),
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
    Column("features_digest", String(32), nullable=False, default=""),
    Column("input_features", JSON),
    Column("external_factors", JSON),
    Column("business_impact_score", decimal(15, 2)),
    Column("request_id", String(36), nullable=False),
    Column("actual_value", decimal(15, 4)),
    Column("error", decimal(15, 4)),
    Column("pinball_loss", decimal(15, 4)),
    Column("inside_interval", Boolean(create_constraint=False)),
    Column("accuracy_score", decimal(5, 4)),
    Column("feedback_rating", Integer),
    Column("created_at", Moment, nullable=False),
    Column("validated_at", Moment),
    Index(None, "prediction_type", "prediction_date", "target_item_id"),
    Index(None, "prediction_type", "validated_at"),
    Index(None, "created_at"),
)  # fmt: skip

prediction_outcomes = Table(
    "prediction_outcomes", metadata,
    Column("id", Identity, primary_key=True),
    Column("prediction_type", String(20), nullable=False),
    Column("target_item_id", String(255), nullable=False),
    Column("target_category", String(100), nullable=False),
    Column("store", String(10), nullable=False),
    Column("prediction_date", Date, nullable=False),
    Column("actual_value", decimal(15, 4), nullable=False),
    Column("known_at", Moment, nullable=False),
    Column("restated", Integer, nullable=False),
    UniqueConstraint(
        "prediction_type", "prediction_date", "target_item_id", "target_category", "store", name="uq_prediction_outcomes_target"
    ),
    Index(None, "prediction_type", "known_at"),
)  # fmt: skip

prediction_feedback = Table(
    "prediction_feedback", metadata,
    Column("id", Identity, primary_key=True),
    Column("prediction_id", String(32), nullable=False),
    Column("rating", Integer),
    Column("override_value", decimal(15, 4)),
    Column("reason", String(500), nullable=False),
    Column("given_by", String(100), nullable=False),
    Column("created_at", Moment, nullable=False),
    Index(None, "prediction_id"),
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
    Column("feature_spec", JSON),
    Column("code_version", String(100), nullable=False, default=""),
    Column("artefact_digest", String(64), nullable=False),
    Column("artefact_bytes", BigInteger, nullable=False),
    Column("job_id", String(32), unique=True),
    Column("state", String(10), nullable=False, default="candidate"),
    Column("state_since", Moment, nullable=False),
    Column("state_reason", String(500), nullable=False, default=""),
    Column("evidence", JSON),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("service_name", "model_version"),
    Index(None, "service_name", "state"),
)  # fmt: skip

registry_events = Table(
    "registry_events", metadata,
    Column("id", Identity, primary_key=True),
    Column("service", String(100), nullable=False),
    Column("model_version", String(100), nullable=False),
    Column("from_state", String(10), nullable=False),
    Column("to_state", String(10), nullable=False),
    Column("changed_by", String(100), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("changed_at", Moment, nullable=False),
    Index(None, "service", "id"),
)  # fmt: skip

shadow_tallies = Table(
    "shadow_tallies", metadata,
    Column("service", String(100), primary_key=True),
    Column("model_version", String(100), primary_key=True),
    Column("answers", BigInteger, nullable=False),
    Column("faults", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("absolute_difference", Float, nullable=False),
    Column("champion_absolute", Float, nullable=False),
    Column("updated_at", Moment, nullable=False),
)  # fmt: skip

feature_flags = Table(
    "feature_flags", metadata,
    Column("name", String(64), primary_key=True),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    Column("percent", decimal(5, 2), nullable=False),
    Column("entities", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_by", String(100), nullable=False),
    Column("updated_at", Moment, nullable=False),
)  # fmt: skip

feature_flag_audit = Table(
    "feature_flag_audit", metadata,
    Column("id", Identity, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("before", JSON),
    Column("after", JSON, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("changed_by", String(100), nullable=False),
    Column("request_id", String(36), nullable=False),
    Column("changed_at", Moment, nullable=False),
    Index(None, "name", "id"),
)  # fmt: skip

alerts = Table(
    "alerts", metadata,
    Column("id", Identity, primary_key=True),
    Column("service", String(50), nullable=False),
    Column("monitor", String(20), nullable=False),
    Column("subject", String(100), nullable=False),
    Column("open_key", String(180), unique=True),
    Column("level", String(10), nullable=False),
    Column("message", String(500), nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("model_version", String(100), nullable=False),
    Column("retrain_job_id", String(32)),
    Column("opened_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("closed_by", String(100)),
    Column("closed_reason", String(500)),
    Index(None, "service", "closed_at"),
)  # fmt: skip

ml_feature_store = Table(
    "ml_feature_store", metadata,
    Column("id", Identity, primary_key=True),
    Column("feature_name", String(100), nullable=False),
    Column("feature_category", String(50), nullable=False),
    Column("target_entity", String(255), nullable=False),
    Column("feature_value", decimal(15, 6), nullable=False),
    Column("feature_timestamp", Moment, nullable=False),
    Column("data_source", String(100), nullable=False),
    Column("computation_method", String(100), nullable=False),
    Column("is_real_time", Boolean(create_constraint=False), nullable=False),
    Column("quality_score", decimal(3, 2), nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("feature_name", "target_entity", "feature_timestamp", name="uq_ml_feature_store_value"),
    Index(None, "feature_category", "feature_timestamp"),
)  # fmt: skip

api_usage = Table(
    "api_usage", metadata,
    Column("hour", Seconds, primary_key=True),
    Column("service", String(100), primary_key=True),
    Column("key_id", String(40), primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("cache_hits", BigInteger, nullable=False),
    Column("cache_misses", BigInteger, nullable=False),
)  # fmt: skip

api_uptime = Table(
    "api_uptime", metadata,
    Column("hour", Seconds, primary_key=True),
    Column("minutes", BigInteger, nullable=False),
)  # fmt: skip

NEW = tuple(table for table in metadata.sorted_tables if table.name not in before.metadata.tables)
"""What revision 0001 did not have."""
