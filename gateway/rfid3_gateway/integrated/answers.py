"""In which shapes are items, their predictions and alerts asked for and answered?"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from rfid3_shared.envelope import ErrorBody

MOST_ITEMS = 1_000


class ItemInfo(BaseModel):
    """What RFID3 knows of an item."""

    tag_id: str
    common_name: str | None
    status: str | None
    quality: str | None
    current_location: str | None = Field(description="RFID3's bin_location.")
    rental_class: str | None
    store: str | None


class ItemPrediction(BaseModel):
    """One prediction that concerns the item."""

    prediction_type: Literal["demand", "maintenance", "quality"]
    urgency: Literal["low", "medium", "high", "critical"] | None = Field(
        description="By the chance that the class runs short or the item fails: from 0.5 critical, 0.25 high, 0.1 medium; of quality by "
        "the fall of the score: from 0.2, 0.1, 0.05; null where it is not known."
    )
    value: float = Field(description="Units, a chance or a score, as `about` says.")
    confidence: float | None = Field(ge=0, le=1)
    week_starting: str | None = Field(None, description="Of demand: the week it speaks of.")
    horizon_days: int | None = Field(None, description="Of a single item: how far ahead it speaks.")
    lower: float
    upper: float
    stockout_risk: float | None = Field(None, description="Of demand.")
    prediction_id: str
    about: str


class ItemAnswer(BaseModel):
    """An item and what the suite predicts of it."""

    item_info: ItemInfo
    predictions: list[ItemPrediction]
    last_updated: str | None = Field(description="Day of the data that the predictions rest on; null without any.")
    unavailable: dict[str, str] = Field(description="Services that say nothing of it, and why.")


class ItemsRequest(BaseModel):
    """Up to 1,000 items."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"item_ids": ["482C3D87DE2B9B0634EAC37B"]}})

    item_ids: list[str] = Field(
        min_length=1, max_length=MOST_ITEMS, description="Tag ids; one that is asked for twice is answered once."
    )

    @field_validator("item_ids")
    @classmethod
    def _written(cls, item_ids: list[str]) -> list[str]:
        # half a character, as JSON may escape it, can be neither looked up nor sent back
        if any("\ud800" <= letter <= "\udfff" for item_id in item_ids for letter in item_id):
            raise ValueError("every id is text in Unicode")
        return item_ids


class Answered(BaseModel):
    """What the GET of this item would have answered in `data`."""

    ok: Literal[True]
    data: ItemAnswer


class NotAnswered(BaseModel):
    """Why this item has no answer; the others have."""

    ok: Literal[False]
    error: ErrorBody


class ItemsAnswer(BaseModel):
    """One result an item, by the id as it was asked for; `meta.answered` and `meta.refused` count them."""

    results: dict[str, Answered | NotAnswered]


class DashboardAlert(BaseModel):
    """An alert of RFID3 (`health_…`) or of the suite (`pred_…`); texts without markup."""

    id: str
    type: Literal["existing_system", "predictive"]
    severity: Literal["critical", "high", "medium", "low"]
    message: str
    item_id: str | None
    created_at: str | None
    source: str
    rental_class: str | None


class AlertSummary(BaseModel):
    """All active alerts, whether shown or not."""

    total_alerts: int
    critical_alerts: int
    predictive_alerts: int
    existing_alerts: int


class AlertsAnswer(BaseModel):
    """Critical first, then newest."""

    alerts: list[DashboardAlert]
    summary: AlertSummary
    unavailable: dict[str, str] = Field(description="existing_alerts or predictive_alerts that cannot be shown, and why.")
