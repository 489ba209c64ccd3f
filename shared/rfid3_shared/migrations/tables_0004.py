"""What do the tables look like at revision 0004? Frozen from its release on: never edit it then, write 0005.

A table that is new at this revision is defined here and named in `NEW`; that is all there is to adding one.
"""

from sqlalchemy import JSON, Boolean, Column, Date, Float, Index, Integer, MetaData, String, Table, UniqueConstraint

from rfid3_shared.migrations import tables_0003 as before
from rfid3_shared.migrations.tables_0001 import NAMING, Identity, Moment, decimal

metadata = MetaData(naming_convention=NAMING)
for unchanged in before.metadata.sorted_tables:
    unchanged.to_metadata(metadata)

external_data_factors = Table(
    "external_data_factors", metadata,
    Column("id", Identity, primary_key=True),
    Column("factor_type", String(50), nullable=False),
    Column("factor_name", String(100), nullable=False),
    Column("factor_value", decimal(15, 6), nullable=False),
    Column("measurement_date", Date, nullable=False),
    Column("location", String(50), nullable=False),
    Column("data_source", String(100), nullable=False),
    Column("is_forecast", Boolean(create_constraint=False), nullable=False),
    Column("quality_confidence", decimal(3, 2), nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint(
        "measurement_date", "factor_type", "factor_name", "location", "data_source", name="uq_external_data_factors_value"
    ),
    Index("ix_external_data_factors_factor", "factor_type", "factor_name", "measurement_date"),
)  # fmt: skip

external_correlations = Table(
    "external_correlations", metadata,
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

external_analyses = Table(
    "external_analyses", metadata,
    Column("id", Identity, primary_key=True),
    Column("computed_at", Moment, nullable=False),
    Column("data_as_of", Date, nullable=False),
    Column("total_factors", Integer, nullable=False),
    Column("first_date", Date),
    Column("last_date", Date),
    Column("tried", Integer, nullable=False),
    Column("not_enough", JSON, nullable=False),
    Column("method", String(500), nullable=False),
)  # fmt: skip

external_fetches = Table(
    "external_fetches", metadata,
    Column("provider", String(50), primary_key=True),
    Column("last_attempt_at", Moment),
    Column("last_success_at", Moment),
    Column("state", String(10), nullable=False),
    Column("note", String(500), nullable=False),
    Column("stored", Integer, nullable=False),
    Column("validators", JSON, nullable=False),
)  # fmt: skip

NEW = tuple(table for table in metadata.sorted_tables if table.name not in before.metadata.tables)
"""What revision 0003 did not have."""
