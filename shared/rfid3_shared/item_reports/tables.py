"""Where is kept what people and other systems report of single items: faults, services and inspections?

RFID3's own tables are never written to; what is posted to the suite is a label of its own, beside RFID3's thin ones.
"""

from sqlalchemy import JSON, Column, Index, Numeric, String, Table
from sqlalchemy.dialects import mysql

from rfid3_shared.db import Identity, Moment, store_metadata


def _word(length: int) -> String:
    """A text of at most so many characters that equals its own spelling only; MySQL would otherwise take `a` for `A`."""
    return String(length).with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")


maintenance_events = Table(
    "maintenance_events", store_metadata,
    Column("seq", Identity, primary_key=True),
    # 32 hex digits, as the reporter was told
    Column("report_id", String(32), nullable=False, unique=True),
    # BLAKE2b-128 of item, event, kind and moment: the same fact reported twice is one row
    Column("sameness", String(32), nullable=False, unique=True),
    Column("item_id", _word(255), nullable=False),
    # failure | serviced | no_fault
    Column("event", String(20), nullable=False),
    # repair | cleaning | retirement | loss
    Column("kind", String(20), nullable=False),
    # UTC, as every moment of ours
    Column("occurred_at", Moment, nullable=False),
    Column("cost_usd", Numeric(12, 2, asdecimal=False)),
    Column("reported_by", String(64), nullable=False, default=""),
    Column("received_at", Moment, nullable=False),
    Index(None, "item_id", "occurred_at"),
    Index(None, "received_at"),
)  # fmt: skip

inspections = Table(
    "inspections", store_metadata,
    Column("seq", Identity, primary_key=True),
    Column("report_id", String(32), nullable=False, unique=True),
    # BLAKE2b-128 of item, grade and moment
    Column("sameness", String(32), nullable=False, unique=True),
    Column("item_id", _word(255), nullable=False),
    # A+ … F, as RFID3 writes them
    Column("grade", String(5), nullable=False),
    # names of defects, of RFID3's own list
    Column("defects", JSON, nullable=False),
    Column("inspected_at", Moment, nullable=False),
    Column("reported_by", String(64), nullable=False, default=""),
    Column("received_at", Moment, nullable=False),
    Index(None, "item_id", "inspected_at"),
    Index(None, "received_at"),
)  # fmt: skip
