"""Where do outside factors, what goes with them, and the record of who was asked for them live? Source: mission.md section 3."""

from sqlalchemy import JSON, Boolean, Column, Date, Float, Index, Integer, Numeric, String, Table, UniqueConstraint

from rfid3_shared.db import Identity, Moment, store_metadata

FACTOR_TYPES = ("weather", "economic", "holiday", "seasonal", "market", "events")
"""The kinds of factors; RFID3's own table knows all of them but events."""

external_data_factors = Table(
    "external_data_factors", store_metadata,
    Column("id", Identity, primary_key=True),
    Column("factor_type", String(50), nullable=False),
    Column("factor_name", String(100), nullable=False),
    Column("factor_value", Numeric(15, 6, asdecimal=False), nullable=False),
    Column("measurement_date", Date, nullable=False),
    # '' = everywhere; never NULL, or the unique key would let doubles through
    Column("location", String(50), nullable=False),
    Column("data_source", String(100), nullable=False),
    # said before the day came; the measured value of the same source takes its place
    Column("is_forecast", Boolean(create_constraint=False), nullable=False),
    Column("quality_confidence", Numeric(3, 2, asdecimal=False), nullable=False),
    # when it was last stored: a forecast said again is younger
    Column("created_at", Moment, nullable=False),
    UniqueConstraint(
        "measurement_date", "factor_type", "factor_name", "location", "data_source", name="uq_external_data_factors_value"
    ),
    Index("ix_external_data_factors_factor", "factor_type", "factor_name", "measurement_date"),
)  # fmt: skip

external_correlations = Table(
    "external_correlations", store_metadata,
    Column("id", Identity, primary_key=True),
    Column("factor_type", String(50), nullable=False),
    Column("factor_name", String(100), nullable=False),
    Column("metric", String(50), nullable=False),
    Column("lag_weeks", Integer, nullable=False),
    Column("effect", Float, nullable=False),
    Column("lower", Float, nullable=False),
    Column("upper", Float, nullable=False),
    Column("p_value", Float, nullable=False),
    Column("q_value", Float, nullable=False),
    Column("overlap_weeks", Integer, nullable=False),
    Column("tried", Integer, nullable=False),
    Column("computed_at", Moment, nullable=False),
    Column("data_as_of", Date, nullable=False),
    UniqueConstraint("factor_type", "factor_name", "metric", "lag_weeks", name="uq_external_correlations_pair"),
)  # fmt: skip
"""The last analysis, whole: each factor, metric and lag that was tried."""

external_analyses = Table(
    "external_analyses", store_metadata,
    Column("id", Identity, primary_key=True),
    Column("computed_at", Moment, nullable=False),
    Column("data_as_of", Date, nullable=False),
    Column("total_factors", Integer, nullable=False),
    Column("first_date", Date),
    Column("last_date", Date),
    Column("tried", Integer, nullable=False),
    # [[factor_type, factor_name, overlap_weeks], …] of factors with too few weeks beside demand
    Column("not_enough", JSON, nullable=False),
    # how the season was taken out, from which weeks, in plain words
    Column("method", String(500), nullable=False),
)  # fmt: skip
"""When correlations were computed, and of what; the newest row speaks of what `external_correlations` holds."""

external_fetches = Table(
    "external_fetches", store_metadata,
    Column("provider", String(50), primary_key=True),
    Column("last_attempt_at", Moment),
    Column("last_success_at", Moment),
    # ok | off | failed (it did not answer) | refused (what it answered cannot be taken)
    Column("state", String(10), nullable=False),
    Column("note", String(500), nullable=False),
    Column("stored", Integer, nullable=False),
    # digest of a request → the ETag and Last-Modified of its last answer
    Column("validators", JSON, nullable=False),
)  # fmt: skip
