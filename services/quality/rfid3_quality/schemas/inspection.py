"""What do people find who look at an item? Source: mission.md A4."""

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class InspectionRequest(BaseModel):
    """POST /quality/inspection-result."""

    model_config = ConfigDict(
        extra="forbid", frozen=True,
        json_schema_extra={"example": {"item_id": "300F4F573AD0004043E86E10", "grade": "B+", "defects": ["stain"]}},
    )  # fmt: skip

    item_id: str = Field(min_length=1, max_length=255)
    grade: str = Field(min_length=1, max_length=5, description="A+, A, A-, B+ … C-, D, F, as RFID3 writes them.")
    defects: list[str] = Field(
        default_factory=list, max_length=12, description="RFID3's own names, such as stain or rip_or_tear."
    )
    inspector: str | None = Field(None, max_length=100, description="Read by nobody and not kept: it is a person's name.")
    inspected_at: AwareDatetime | datetime | None = Field(None, description="By default now. Without a zone it is shop time.")


class InspectionAnswer(BaseModel):
    """The finding as it is kept."""

    inspection_id: str
    item_id: str
    quality_score: float = Field(ge=0, le=1)
    known_before: bool = Field(description="True when the same was reported before: nothing was added.")
    takes_effect: str
