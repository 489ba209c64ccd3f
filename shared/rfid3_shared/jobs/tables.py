"""Where do jobs live, and when is the next one due? One row a job and one a schedule, in the suite's own store."""

from sqlalchemy import JSON, Column, Float, Index, Integer, String, Table

from rfid3_shared.db import Moment, store_metadata

prediction_jobs = Table(
    "prediction_jobs", store_metadata,
    Column("id", String(32), primary_key=True),
    Column("service", String(50), nullable=False),
    Column("kind", String(50), nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("requested_by", String(100), nullable=False),
    Column("idempotency_key", String(200), unique=True),
    # "service/kind" while queued or running, NULL afterwards: the unique index admits one active job of each kind
    Column("active_key", String(101), unique=True),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("max_attempts", Integer, nullable=False),
    Column("run_after", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("lease_owner", String(100)),
    Column("lease_until", Moment),
    Column("progress", Float, nullable=False, default=0.0),
    Column("stage", String(200), nullable=False, default=""),
    Column("result", JSON(none_as_null=True)),
    Column("error", JSON(none_as_null=True)),
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    # from the lease of the last attempt to its end, by a clock that is never set back
    Column("seconds", Float),
    # the quarantined job that this one runs again
    Column("rerun_of", String(32)),
    # "interactive" for what somebody waits for, else "batch": each has slots of its own
    Column("lane", String(12), nullable=False, default="batch"),
    Index(None, "service", "state", "run_after"),
    Index(None, "created_at"),
)  # fmt: skip

job_schedules = Table(
    "job_schedules", store_metadata,
    Column("service", String(50), primary_key=True),
    Column("kind", String(50), primary_key=True),
    Column("cron", String(100), nullable=False),
    # the latest slot that was enqueued or passed over, in UTC: whoever moves it on first owns the next one
    Column("last_slot", Moment, nullable=False),
    Column("last_job_id", String(32)),
    Column("last_note", String(200), nullable=False, default=""),
    Column("updated_at", Moment, nullable=False),
)  # fmt: skip
