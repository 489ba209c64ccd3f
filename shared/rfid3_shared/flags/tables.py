"""Where do flags and the record of their changes live?"""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, Numeric, String, Table

from rfid3_shared.db import Identity, Moment, store_metadata

feature_flags = Table(
    "feature_flags", store_metadata,
    Column("name", String(64), primary_key=True),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    # share of keys for which an enabled flag is on, 0 to 100
    Column("percent", Numeric(5, 2, asdecimal=False), nullable=False),
    # "key:…", "store:…", "category:…", "item:…" for which an enabled flag is on whatever the share
    Column("entities", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_by", String(100), nullable=False),
    Column("updated_at", Moment, nullable=False),
)  # fmt: skip

feature_flag_audit = Table(
    "feature_flag_audit", store_metadata,
    Column("id", Identity, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("changed_by", String(100), nullable=False),
    Column("request_id", String(36), nullable=False, default=""),
    Column("changed_at", Moment, nullable=False),
    Index(None, "name", "id"),
)  # fmt: skip
"""Every change, in the transaction that made it; never updated or deleted."""
