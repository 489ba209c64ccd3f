"""Where are events kept, and how far has each reader of them come?"""

from sqlalchemy import JSON, Column, Index, String, Table
from sqlalchemy.dialects import mysql

from rfid3_shared.db import Identity, Moment, Seconds, store_metadata


def _word(length: int) -> String:
    """A text of at most so many characters that equals its own spelling only; MySQL would otherwise take `a` for `A`."""
    return String(length).with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")


shop_events = Table(
    "shop_events", store_metadata,
    # in order of arrival: writers take turns (see `keeping`), so a lower number never becomes visible after a higher one
    Column("seq", Identity, primary_key=True),
    # as its sender named it: the same id again is the same event
    Column("event_id", _word(64), nullable=False, unique=True),
    # "scan" | "line"
    Column("kind", String(10), nullable=False),
    # BLAKE2b-128 of what makes two events the same fact, whatever their ids
    Column("sameness", String(32), nullable=False, unique=True),
    # "http" | "mqtt"
    Column("origin", String(10), nullable=False),
    Column("received_at", Moment, nullable=False),
    # when it happened: naive shop time, as RFID3 writes its scans
    Column("occurred_at", Seconds, nullable=False),
    Column("tag_id", _word(255), nullable=False, default=""),
    # of the scan, or the line's item number; empty where the event did not say
    Column("rental_class", _word(255), nullable=False, default=""),
    Column("contract", _word(255), nullable=False, default=""),
    # the rest, validated; for a scan scan_type, status, quality, …, for a line its dates and quantity
    Column("facts", JSON, nullable=False),
    Index(None, "received_at"),
    Index(None, "tag_id", "occurred_at"),
    Index(None, "rental_class", "occurred_at"),
    Index(None, "kind", "occurred_at"),
)  # fmt: skip

event_positions = Table(
    "event_positions", store_metadata,
    # e.g. "demand/live", "mqtt"
    Column("consumer", String(50), primary_key=True),
    # what has been taken in, in the consumer's own words
    Column("position", JSON, nullable=False),
    # one process at a time works for a consumer: who, and until when unless it renews
    Column("held_by", String(100), nullable=False, default=""),
    Column("held_until", Moment),
    Column("updated_at", Moment, nullable=False),
)  # fmt: skip
