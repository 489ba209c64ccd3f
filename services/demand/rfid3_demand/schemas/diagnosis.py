"""In which shape is it told what a series is like? Of the shop's series and of a caller's own alike."""

from typing import Literal

from pydantic import BaseModel, Field


class Season(BaseModel):
    """A period after which the series repeats."""

    name: str = Field(description="day, week, year, or a number of steps.")
    steps: float
    share_of_variation: float = Field(ge=0, le=1, description="Share of the variance around a straight line that it explains.")


class LevelShift(BaseModel):
    """A step from which on the series keeps another level, at least for a while."""

    at: str | int = Field(description="First step on the new level.")
    before: float
    after: float
    ratio: float | None = Field(description="After over before; null where that has no meaning.")


class Diagnosis(BaseModel):
    """What the history shows, from tests whose false alarms were measured: season, trend and shift are each told of about 1 in 100
    series that lack it (noise, counts, lumpy demand), a trend of 3 in 100 random walks. A level that wanders is told as shifts."""

    kind: Literal["smooth", "erratic", "intermittent", "lumpy", "none"] = Field(
        description="Syntetos, Boylan and Croston: how often and how evenly; none = no demand yet."
    )
    seasons: list[Season] = Field(description="Of the calendar's day, week and year those that stand out from chance.")
    trend_per_step: float | None = Field(
        description="Units by which the level rises (+) or falls (-) a step; null without a trend."
    )
    level_shifts: list[LevelShift] = Field(description="Oldest first, four at most; the last one began the present level.")
    may_be_season: bool = Field(
        description="A trend or shift was found, but a season of the calendar has not been seen twice and may explain it."
    )
    text: str = Field(
        description="The same in plain words.",
        examples=[
            "Smooth demand; repeats every year (58% of its variation); level 12 instead of 40 (×0.30) from 2026-03-16 on."
        ],
    )
