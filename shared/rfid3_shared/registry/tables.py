"""Where are published versions, their states and the champion of each service written down?

`ml_model_performance` follows mission.md section 3.1 without the columns that one table cannot hold for six kinds of model
(accuracy_score, f1_score, … are keys of performance_metrics) and without is_active: one row of `registry_current` a service
cannot say two things.
"""

from sqlalchemy import JSON, BigInteger, Column, Date, Float, Index, String, Table, UniqueConstraint

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
    # names of the features, and per feature the bins and shares its drift is measured against
    Column("feature_spec", JSON(none_as_null=True)),
    Column("code_version", String(100), nullable=False, default=""),
    Column("artefact_digest", String(64), nullable=False),
    Column("artefact_bytes", BigInteger, nullable=False),
    Column("job_id", String(32), unique=True),
    Column("state", String(10), nullable=False, default="candidate"),
    Column("state_since", Moment, nullable=False),
    Column("state_reason", String(500), nullable=False, default=""),
    # the comparison that the gate decided on
    Column("evidence", JSON(none_as_null=True)),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("service_name", "model_version"),
    Index(None, "service_name", "state"),
)  # fmt: skip

registry_current = Table(
    "registry_current", store_metadata,
    Column("service", String(100), primary_key=True),
    Column("model_version", String(100), nullable=False),
    Column("switched_at", Moment, nullable=False),
    Column("switched_by", String(100), nullable=False),
)  # fmt: skip

registry_events = Table(
    "registry_events", store_metadata,
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
"""Every change of a version's state, never updated or deleted."""

shadow_tallies = Table(
    "shadow_tallies", store_metadata,
    Column("service", String(100), primary_key=True),
    Column("model_version", String(100), primary_key=True),
    Column("answers", BigInteger, nullable=False, default=0),
    Column("faults", BigInteger, nullable=False, default=0),
    Column("seconds", Float, nullable=False, default=0.0),
    # sums over answers, of |shadow - champion| and |champion|: their quotient says how far apart the two are
    Column("absolute_difference", Float, nullable=False, default=0.0),
    Column("champion_absolute", Float, nullable=False, default=0.0),
    Column("updated_at", Moment, nullable=False),
)  # fmt: skip
"""What came of answering live requests with the shadow version beside the champion."""
