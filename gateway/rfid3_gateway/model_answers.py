"""In which shape do the model routes answer? Source: mission.md endpoint 14 and A13 to A18. What nothing supports is null."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rfid3_shared.registry.version import State

Status = Literal["healthy", "degraded", "unhealthy"]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
VERSION = "demand_v20261122_003100_1f0c9a2b"


class _Shown(BaseModel):
    model_config = ConfigDict(protected_namespaces=())


class ModelPerformance(_Shown):
    """How good a service's champion is, by the back-test it was published with, and whether it answers."""

    service: str = Field(examples=["demand"])
    model_version: str | None = Field(examples=[VERSION], description="The champion; null before the first.")
    accuracy: float | None = Field(examples=[0.79], description="1 − WAPE of the back-test, not below 0.")
    mae: float | None = Field(description="Mean absolute error of the back-test, in the model's unit.")
    precision: float | None = Field(description="Of a model that says yes or no.")
    recall: float | None = Field(description="Of a model that says yes or no.")
    metrics: dict[str, Any] = Field(examples=[{"wape": 0.21, "naive_wape": 0.34, "coverage_80": 0.81}])
    last_trained: datetime | None
    prediction_volume_24h: int = Field(description="Predictions written to the ledger; one shown again counts once.")
    status: Literal["healthy", "degraded", "untrained"]
    status_reason: str = Field(examples=["The champion answers, and no alert is open."])


class SystemHealth(_Shown):
    """How well the suite answered during the last 24 hours; `overall_status` is that of now."""

    overall_status: Status
    prediction_latency_avg_ms: float | None = Field(
        description="From the gateway's door and back, over good answers of services."
    )
    cache_hit_rate: float | None = Field(description="Of the answers that say where they came from.")
    error_rate_24h: float | None = Field(description="Share of calls answered 5xx; null without calls.")
    uptime_percentage: float = Field(
        description="Minutes in which a gateway was up, since the first one was.", examples=[99.93]
    )


class UsageStatistics(_Shown):
    """Calls with a key during the last 24 hours, counted by the hour over all gateways; a few seconds behind."""

    total_predictions_24h: int
    api_calls_24h: int
    unique_users_24h: int = Field(description="Keys that were used.")
    most_requested_service: str | None


class PerformanceAnswer(_Shown):
    """Endpoint 14."""

    model_performance: dict[str, ModelPerformance] = Field(description="By task: demand_forecasting, maintenance_prediction, …")
    system_health: SystemHealth
    usage_statistics: UsageStatistics


class ShadowTallies(_Shown):
    """What came of answering live requests with the shadow, unseen, beside the champion."""

    answers: int
    faults: int
    mean_ms: float | None
    relative_difference: float | None = Field(
        description="Sum of |shadow − champion| over the sum of |champion|.", examples=[0.04]
    )


class ServiceModels(_Shown):
    """Which versions a service has on duty, and what its processes hold."""

    version: str | None = Field(examples=[VERSION], description="The champion.")
    state: Literal["champion", "untrained"]
    loaded: bool = Field(description="Whether every instance that answers holds the champion, and at least one answers.")
    loaded_versions: list[str | None] = Field(
        examples=[[VERSION]], description="By instance that answers; null = holds none yet."
    )
    last_trained: datetime | None
    since: datetime | None = Field(description="When the champion became it.")
    shadow: str | None
    shadow_tallies: ShadowTallies | None


class PublishedVersion(_Shown):
    """One version and how it fared."""

    service: str = Field(examples=["demand"])
    version: str = Field(examples=[VERSION])
    model_type: str = Field(examples=["ensemble"])
    state: State
    state_since: datetime
    state_reason: str
    metrics: dict[str, Any]
    active: bool = Field(description="Whether it is the champion.")
    trained_at: datetime
    deployed_at: datetime | None = Field(description="When it became champion last; null when it never was.")
    promoted_by: str | None = Field(description="Who or what made it champion.")
    data_from: date | None
    data_to: date | None
    evidence: dict[str, Any] | None = Field(description="The comparison that its state was decided on.")
    code_version: str
    job_id: str | None


class HistoryAnswer(_Shown):
    """Published versions, newest first."""

    versions: list[PublishedVersion]
    total: int = Field(description="How many there are in all pages.")
    limit: int
    offset: int


class StateChange(_Shown):
    """One change of a version's state."""

    service: str
    model_version: str
    from_state: str
    to_state: str
    changed_by: str
    reason: str
    changed_at: datetime


class EventsAnswer(_Shown):
    """Changes of state, newest first."""

    events: list[StateChange]
    limit: int
    offset: int


class PromoteRequest(_Shown):
    """Which version shall be champion, and why."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model_version: str = Field(max_length=100, examples=[VERSION])
    reason: Reason = Field(examples=["The buyer checked its tent forecasts."])


class RollbackRequest(_Shown):
    """Why, and back to which version."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    reason: Reason = Field(examples=["Forecasts for tents look too high since Monday."])
    to: str | None = Field(None, max_length=100, description="A retired version; unset = the champion before this one.")


class HistoryQuery(BaseModel):
    """Which versions to list."""

    model_config = ConfigDict(extra="forbid")

    service: str | None = Field(None, max_length=100, description="Only versions of this service, e.g. demand.")
    state: State | None = Field(None, description="Only versions in this state.")
    limit: int = Field(20, ge=1, le=200)
    offset: int = Field(0, ge=0, le=1_000_000)


class EventsQuery(BaseModel):
    """Which page of events."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0, le=1_000_000)
