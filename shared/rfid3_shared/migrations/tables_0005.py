"""What do the tables look like at revision 0005? Frozen from its release on: never edit it then, write 0006.

A table that is new at this revision is defined here and named in `NEW`; that is all there is to adding one.
"""

from sqlalchemy import JSON, Column, Index, MetaData, String, Table
from sqlalchemy.dialects import mysql

from rfid3_shared.migrations import tables_0004 as before
from rfid3_shared.migrations.tables_0001 import NAMING, Identity, Moment, Seconds

metadata = MetaData(naming_convention=NAMING)
for unchanged in before.metadata.sorted_tables:
    unchanged.to_metadata(metadata)


def _word(length: int) -> String:
    return String(length).with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")


shop_events = Table(
    "shop_events", metadata,
    Column("seq", Identity, primary_key=True),
    Column("event_id", _word(64), nullable=False, unique=True),
    Column("kind", String(10), nullable=False),
    Column("sameness", String(32), nullable=False, unique=True),
    Column("origin", String(10), nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("occurred_at", Seconds, nullable=False),
    Column("tag_id", _word(255), nullable=False, default=""),
    Column("rental_class", _word(255), nullable=False, default=""),
    Column("contract", _word(255), nullable=False, default=""),
    Column("facts", JSON, nullable=False),
    Index(None, "received_at"),
    Index(None, "tag_id", "occurred_at"),
    Index(None, "rental_class", "occurred_at"),
    Index(None, "kind", "occurred_at"),
)  # fmt: skip

event_positions = Table(
    "event_positions", metadata,
    Column("consumer", String(50), primary_key=True),
    Column("position", JSON, nullable=False),
    Column("held_by", String(100), nullable=False, default=""),
    Column("held_until", Moment),
    Column("updated_at", Moment, nullable=False),
)  # fmt: skip

NEW = tuple(table for table in metadata.sorted_tables if table.name not in before.metadata.tables)
"""What revision 0004 did not have."""
