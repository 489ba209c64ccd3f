"""Which features of the present are declared, and what are they of a class now?"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rfid3_demand.schemas.forecast import STORE_TEXT

FeatureState = Literal["FRESH", "STALE", "MISSING"]


class FeaturesQuery(BaseModel):
    """GET /demand/features."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rental_class: str | None = Field(None, max_length=255, description="One rental class number: its present values.")
    store: str = Field("all", max_length=20, description=f"With rental_class. {STORE_TEXT}")


class DeclaredFeature(BaseModel):
    """A feature, as code declares it."""

    name: str
    unit: str
    window: str = Field(description="Which facts count at a moment.", examples=["since Monday"])
    fresh_for_s: float = Field(description="Seconds for which a value may be used after it was last found to be right.")
    source: str = Field(description="RFID3's tables behind it, and events.")
    meaning: str


class PresentFeature(BaseModel):
    """What is known of a feature now."""

    value: float | None = Field(description="Null where it is not known, or too old to be used.")
    state: FeatureState


class PresentOfStore(BaseModel):
    """A class in one store."""

    rental_class: str
    store: str
    values: dict[str, PresentFeature] = Field(description="By the feature's name.")


class FeaturesAnswer(BaseModel):
    """Declared features and, where a class was named, their present values."""

    features: list[DeclaredFeature]
    state: FeatureState | None = Field(description="The worst of the states; null where no class was named.")
    moment: datetime | None = Field(description="Shop time up to which the shop is known.")
    age_s: float | None = Field(description="Seconds since everything was last checked.")
    why: str = Field(description="Why values are not known; empty when they are.")
    present: list[PresentOfStore]
