"""What is known about one published model?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import RowMapping

FOLDER_DIGITS = 16


@dataclass(frozen=True)
class Version:
    """One published model; times are aware, in UTC. `digest` is the SHA-256 of its content."""

    service: str
    model_version: str
    model_type: str
    digest: str
    bytes: int
    metrics: dict[str, Any]
    parameters: dict[str, Any]
    feature_importance: dict[str, Any] | None
    data_from: date | None
    data_to: date | None
    trained_at: datetime
    published_at: datetime
    job_id: str | None

    @property
    def folder_name(self) -> str:
        """Name of its folder below the service's."""
        return self.digest[:FOLDER_DIGITS]

    @classmethod
    def from_row(cls, row: RowMapping) -> "Version":
        """The version of a row of `ml_model_performance`."""
        return cls(
            service=row["service_name"], model_version=row["model_version"], model_type=row["model_type"],
            digest=row["artefact_digest"], bytes=row["artefact_bytes"], metrics=row["performance_metrics"],
            parameters=row["hyperparameters"], feature_importance=row["feature_importance"], data_from=row["data_from"],
            data_to=row["data_to"], trained_at=row["training_date"].replace(tzinfo=UTC),
            published_at=row["created_at"].replace(tzinfo=UTC), job_id=row["job_id"],
        )  # fmt: skip

    def as_row(self) -> dict[str, Any]:
        """Its row of `ml_model_performance`."""
        return {
            "service_name": self.service, "model_version": self.model_version, "model_type": self.model_type,
            "artefact_digest": self.digest, "artefact_bytes": self.bytes, "performance_metrics": self.metrics,
            "hyperparameters": self.parameters, "feature_importance": self.feature_importance, "data_from": self.data_from,
            "data_to": self.data_to, "training_date": _naive(self.trained_at), "created_at": _naive(self.published_at),
            "job_id": self.job_id,
        }  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON values; `from_dict` reads it back."""
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Version":
        """The version that `as_dict` wrote."""
        values = {field.name: kept[field.name] for field in fields(cls)}
        for name in ("data_from", "data_to"):
            values[name] = values[name] and date.fromisoformat(values[name])
        for name in ("trained_at", "published_at"):
            values[name] = datetime.fromisoformat(values[name])
        return cls(**values)


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)
