"""Where are published versions and the current one of each service written down?

`ml_model_performance` follows mission.md section 3.1 without the columns that one table cannot hold for six kinds of model
(accuracy_score, f1_score, … are keys of performance_metrics) and without is_active: one row of `registry_current` a service
cannot say two things.
"""

from sqlalchemy import JSON, BigInteger, Column, Date, String, Table, UniqueConstraint

from rfid3_shared.db import Identity, Moment, store_metadata

ml_model_performance = Table(
    "ml_model_performance", store_metadata,
    Column("id", Identity, primary_key=True),
    Column("service_name", String(100), nullable=False),
    Column("model_type", String(50), nullable=False),
    Column("model_version", String(100), nullable=False),
    Column("training_date", Moment, nullable=False),
    Column("data_from", Date),
    Column("data_to", Date),
    Column("performance_metrics", JSON, nullable=False),
    Column("hyperparameters", JSON, nullable=False),
    Column("feature_importance", JSON(none_as_null=True)),
    Column("artefact_digest", String(64), nullable=False),
    Column("artefact_bytes", BigInteger, nullable=False),
    Column("job_id", String(32), unique=True),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("service_name", "model_version"),
)  # fmt: skip

registry_current = Table(
    "registry_current", store_metadata,
    Column("service", String(100), primary_key=True),
    Column("model_version", String(100), nullable=False),
    Column("switched_at", Moment, nullable=False),
    Column("switched_by", String(100), nullable=False),
)  # fmt: skip
