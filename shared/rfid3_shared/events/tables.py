"""Where are events kept, and how far has each reader of them come?"""

from sqlalchemy import JSON, Column, Index, String, Table

from rfid3_shared.db import Identity, Moment, Seconds, store_metadata

shop_events = Table(
    "shop_events", store_metadata,
    # in order of arrival; with several writers a lower number may become visible a moment after a higher one
    Column("seq", Identity, primary_key=True),
    # as its sender named it: the same id again is the same event
    Column("event_id", String(64), nullable=False, unique=True),
    # "scan" | "line"
    Column("kind", String(10), nullable=False),
    # BLAKE2b-128 of what makes two events the same fact, whatever their ids
    Column("sameness", String(32), nullable=False, unique=True),
    # "http" | "mqtt"
    Column("origin", String(10), nullable=False),
    Column("received_at", Moment, nullable=False),
    # when it happened: naive shop time, as RFID3 writes its scans
    Column("occurred_at", Seconds, nullable=False),
    Column("tag_id", String(255), nullable=False, default=""),
    # of the scan, or the line's item number; empty where the event did not say
    Column("rental_class", String(255), nullable=False, default=""),
    Column("contract", String(255), nullable=False, default=""),
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
