"""What may be asked about a training run, and in which shape is it answered? Source: mission.md endpoint 3."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from rfid3_demand.schemas.forecast import ModelType


class RetrainRequest(BaseModel):
    """POST /demand/retrain."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model_types: list[ModelType] = Field(["prophet", "random_forest", "linear"], min_length=1, description="Families to train.")
    training_period_days: int = Field(730, ge=30, le=3650, description="Days of history to learn from.")
    validation_split: float = Field(0.2, ge=0.05, le=0.5, description="Share of the history that rolling origins forecast.")
    hyperparameter_tuning: bool = Field(True, description="Choose the tree model's settings by rolling-origin error.")
    force_retrain: bool = Field(False, description="Publish even when no better than a naive forecast.")


class RetrainAnswer(BaseModel):
    """The job that was scheduled."""

    model_config = ConfigDict(protected_namespaces=())

    training_job_id: str
    models_scheduled: list[str]
    estimated_completion: datetime | None = Field(description="From the last runs' durations; null before the first.")
    training_data_size: int | None = Field(
        description="Weekly observations of the current model's history; null before the first."
    )
    validation_data_size: int | None
