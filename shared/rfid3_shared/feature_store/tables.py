"""Where do feature values live? `ml_feature_store` of mission.md section 3.1, without a foreign key into RFID3's tables."""

from sqlalchemy import Boolean, Column, Index, Numeric, String, Table, UniqueConstraint

from rfid3_shared.db import Identity, Moment, store_metadata

ml_feature_store = Table(
    "ml_feature_store", store_metadata,
    Column("id", Identity, primary_key=True),
    Column("feature_name", String(100), nullable=False),
    Column("feature_category", String(50), nullable=False),
    # "class:…", "store:…", "global"; never NULL, or the unique key would let doubles through
    Column("target_entity", String(255), nullable=False),
    Column("feature_value", Numeric(15, 6, asdecimal=False), nullable=False),
    # the moment the value speaks of, UTC; one value a feature, entity and moment
    Column("feature_timestamp", Moment, nullable=False),
    Column("data_source", String(100), nullable=False),
    Column("computation_method", String(100), nullable=False),
    Column("is_real_time", Boolean(create_constraint=False), nullable=False),
    Column("quality_score", Numeric(3, 2, asdecimal=False), nullable=False, default=1.0),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("feature_name", "target_entity", "feature_timestamp", name="uq_ml_feature_store_value"),
    Index(None, "feature_category", "feature_timestamp"),
)  # fmt: skip
