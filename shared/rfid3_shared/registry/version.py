"""What is known about one published model, and in which state is it?

candidate → shadow → champion → retired; candidate | shadow → rejected. A candidate was published and nothing more. A shadow
answers beside the champion, unseen. The champion answers. A person may make anything but the champion itself champion.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import RowMapping

State = Literal["candidate", "shadow", "champion", "retired", "rejected"]
FOLDER_DIGITS = 16
DAYS, MOMENTS = ("data_from", "data_to"), ("trained_at", "published_at", "state_since")


@dataclass(frozen=True)
class Version:
    """One published model; times are aware, in UTC. `digest` is the SHA-256 of its content.

    `evidence` holds the comparison that decided its state, `feature_spec` what its features are called and how they were spread
    when it learned, `code_version` the digest of the code that trained it.
    """

    service: str
    model_version: str
    model_type: str
    digest: str
    bytes: int
    metrics: dict[str, Any]
    parameters: dict[str, Any]
    feature_importance: dict[str, Any] | None
    feature_spec: dict[str, Any] | None
    code_version: str
    data_from: date | None
    data_to: date | None
    trained_at: datetime
    published_at: datetime
    job_id: str | None
    state: State
    state_since: datetime
    state_reason: str
    evidence: dict[str, Any] | None

    @property
    def folder_name(self) -> str:
        """Name of its folder below the service's."""
        return folder_name(self.digest)

    @classmethod
    def from_row(cls, row: RowMapping) -> "Version":
        """The version of a row of `ml_model_performance`."""
        return cls(
            service=row["service_name"], model_version=row["model_version"], model_type=row["model_type"],
            digest=row["artefact_digest"], bytes=row["artefact_bytes"], metrics=row["performance_metrics"],
            parameters=row["hyperparameters"], feature_importance=row["feature_importance"], feature_spec=row["feature_spec"],
            code_version=row["code_version"], data_from=row["data_from"], data_to=row["data_to"], trained_at=aware(row["training_date"]),
            published_at=aware(row["created_at"]), job_id=row["job_id"], state=row["state"], state_since=aware(row["state_since"]),
            state_reason=row["state_reason"], evidence=row["evidence"],
        )  # fmt: skip

    def as_row(self) -> dict[str, Any]:
        """Its row of `ml_model_performance`."""
        return {
            "service_name": self.service, "model_version": self.model_version, "model_type": self.model_type,
            "artefact_digest": self.digest, "artefact_bytes": self.bytes, "performance_metrics": self.metrics,
            "hyperparameters": self.parameters, "feature_importance": self.feature_importance, "feature_spec": self.feature_spec,
            "code_version": self.code_version, "data_from": self.data_from, "data_to": self.data_to,
            "training_date": naive(self.trained_at), "created_at": naive(self.published_at), "job_id": self.job_id,
            "state": self.state, "state_since": naive(self.state_since), "state_reason": self.state_reason,
            "evidence": self.evidence,
        }  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON values; `from_dict` reads it back."""
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Version":
        """The version that `as_dict` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        values = {field.name: kept[field.name] for field in fields(cls)}
        for name in DAYS:
            values[name] = values[name] and date.fromisoformat(values[name])
        for name in MOMENTS:
            values[name] = datetime.fromisoformat(values[name])
        return cls(**values)


def folder_name(digest: str) -> str:
    """Name of the folder with this content."""
    return digest[:FOLDER_DIGITS]


def naive(at: datetime) -> datetime:
    """An aware time as the tables keep it: UTC without zone, with microseconds."""
    return at.astimezone(UTC).replace(tzinfo=None)


def aware(at: datetime) -> datetime:
    """A time of the tables, aware again."""
    return at.replace(tzinfo=UTC)
