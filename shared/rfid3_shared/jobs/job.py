"""What is known about one job?

States: queued → running → succeeded | failed; running → queued when it is to be tried again or its worker was lost;
queued or running → cancelled. A failed job that was begun as often as it may be is quarantined: nothing runs it again by itself,
somebody looks at it and has it run again or not.
"""

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

from rfid3_shared.jobs.lanes import BATCH

ACTIVE = ("queued", "running")
STATES = (*ACTIVE, "succeeded", "failed", "cancelled")
MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class Job:
    """One row of `prediction_jobs`; times are aware, in UTC.

    `progress` runs from 0 to 1; `error` is {code, message}; `attempts` counts runs that were begun; `seconds` is how long the
    last of them took; `rerun_of` is the finished job that this one runs again;
    `lane` says which other jobs it may run beside.
    """

    id: str
    service: str
    kind: str
    arguments: dict[str, Any]
    requested_by: str
    idempotency_key: str | None
    state: str
    attempts: int
    max_attempts: int
    progress: float
    stage: str
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    lease_owner: str | None
    lease_until: datetime | None
    seconds: float | None = None
    rerun_of: str | None = None
    lane: str = BATCH

    @property
    def quarantined(self) -> bool:
        """Whether it failed with all its attempts used: what it meets, or does, is not passing.

        A job that failed early, because its error said that trying again is of no use, is failed and not quarantined.
        """
        return self.state == "failed" and self.attempts >= self.max_attempts

    @property
    def finished(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.state not in ACTIVE

    @classmethod
    def from_row(cls, row: RowMapping) -> "Job":
        """The job of a row read from the table."""
        return cls(**{field.name: _aware(row[field.name]) for field in fields(cls)})

    def as_dict(self) -> dict[str, Any]:
        """What a caller is shown: JSON values, times in ISO 8601 with Z; leases stay inside."""
        shown = {name: value for name, value in asdict(self).items() if not name.startswith("lease_")}
        shown = {name: _iso(value) if isinstance(value, datetime) else value for name, value in shown.items()}
        return {**shown, "quarantined": self.quarantined}


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
