"""What do the tables look like at revision 0006? Frozen from its release on: never edit it then, write 0007.

A table that is new at this revision is defined here and named in `NEW`; that is all there is to adding one.
"""

from sqlalchemy import JSON, Column, Index, MetaData, Numeric, String, Table
from sqlalchemy.dialects import mysql

from rfid3_shared.migrations import tables_0005 as before
from rfid3_shared.migrations.tables_0001 import NAMING, Identity, Moment

metadata = MetaData(naming_convention=NAMING)
for unchanged in before.metadata.sorted_tables:
    unchanged.to_metadata(metadata)


def _word(length: int) -> String:
    return String(length).with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")


maintenance_events = Table(
    "maintenance_events", metadata,
    Column("seq", Identity, primary_key=True),
    Column("report_id", String(32), nullable=False, unique=True),
    Column("sameness", String(32), nullable=False, unique=True),
    Column("item_id", _word(255), nullable=False),
    Column("event", String(20), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("occurred_at", Moment, nullable=False),
    Column("cost_usd", Numeric(12, 2, asdecimal=False)),
    Column("reported_by", String(64), nullable=False, default=""),
    Column("received_at", Moment, nullable=False),
    Index(None, "item_id", "occurred_at"),
    Index(None, "received_at"),
)  # fmt: skip

inspections = Table(
    "inspections", metadata,
    Column("seq", Identity, primary_key=True),
    Column("report_id", String(32), nullable=False, unique=True),
    Column("sameness", String(32), nullable=False, unique=True),
    Column("item_id", _word(255), nullable=False),
    Column("grade", String(5), nullable=False),
    Column("defects", JSON, nullable=False),
    Column("inspected_at", Moment, nullable=False),
    Column("reported_by", String(64), nullable=False, default=""),
    Column("received_at", Moment, nullable=False),
    Index(None, "item_id", "inspected_at"),
    Index(None, "received_at"),
)  # fmt: skip

NEW = tuple(table for table in metadata.sorted_tables if table.name not in before.metadata.tables)
"""What revision 0005 did not have."""
