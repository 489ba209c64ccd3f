"""Where do alerts live?"""

from sqlalchemy import JSON, Column, Index, String, Table

from rfid3_shared.db import Identity, Moment, store_metadata

OF_ITEM = "item"
"""Monitor of the alerts about a single item, whose subject is its tag; all others speak of a service's model, inputs or data."""

alerts = Table(
    "alerts", store_metadata,
    Column("id", Identity, primary_key=True),
    Column("service", String(50), nullable=False),
    # error, coverage, drift or freshness; item for single items
    Column("monitor", String(20), nullable=False),
    # what it speaks of: a feature, an item, "all"
    Column("subject", String(100), nullable=False),
    # "service/monitor/subject" while open, NULL once closed: the unique index admits one open alert of each
    Column("open_key", String(180), unique=True),
    Column("level", String(10), nullable=False),
    Column("message", String(500), nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("model_version", String(100), nullable=False, default=""),
    Column("retrain_job_id", String(32)),
    Column("opened_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("closed_by", String(100)),
    Column("closed_reason", String(500)),
    Index(None, "service", "closed_at"),
)  # fmt: skip
