"""What may be asked about the past beside the forecast, of one series or of many, as numbers or as a picture?"""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rfid3_demand.schemas.diagnosis import Diagnosis
from rfid3_demand.schemas.forecast import Advice, Basis, ForecastQuery

MOST_HISTORY_WEEKS = 520
Level = Literal["class", "subcategory", "category", "all"]
Sort = Literal["name", "demand", "change", "stockout_risk", "accuracy"]


class PictureQuery(ForecastQuery):
    """What the series and its chart have in common: a forecast, and how much of the past beside it."""

    history_weeks: int = Field(52, ge=0, le=MOST_HISTORY_WEEKS, description="Weeks of the past beside the forecast.")


class SeriesQuery(PictureQuery):
    """GET /demand/series: one series, or with `level` a page of many."""

    level: Level | None = Field(
        None, description="Lists every series of this level below category, subcategory and store; without it: the one series."
    )
    limit: int = Field(50, ge=1, le=200, description="With level: series on a page.")
    offset: int = Field(0, ge=0, le=1_000_000_000, description="With level: where the page begins.")
    sort: Sort = Field("name", description="With level: by what; series without the figure come last.")
    order: Literal["asc", "desc"] | None = Field(None, description="With level: names ascend and figures descend unless told.")
    min_demand: float | None = Field(None, ge=0, description="With level: least units expected over the weeks asked for.")
    min_stockout_probability: float | None = Field(
        None, ge=0, le=1, description="With level: least chance of running short in any of the weeks."
    )
    search: str | None = Field(None, min_length=1, max_length=100, description="With level: part of the name or label.")

    @model_validator(mode="after")
    def _one_form(self) -> "SeriesQuery":
        if self.level is None:
            given = self.model_fields_set & {
                "limit",
                "offset",
                "sort",
                "order",
                "min_demand",
                "min_stockout_probability",
                "search",
            }
            if given:
                raise ValueError(f"{', '.join(sorted(given))}: only with level, which lists several series")
        elif self.rental_class is not None:
            raise ValueError("rental_class names one series: leave level out, or the class")
        return self


class ChartQuery(PictureQuery):
    """GET /demand/forecast.png and .svg."""

    width: int = Field(1000, ge=400, le=2400, description="Pixels at 100 dpi.")
    height: int = Field(500, ge=280, le=1600, description="Pixels at 100 dpi.")
    dpi: int = Field(100, ge=50, le=200, description="PNG: 200 doubles the pixels. SVG has none.")
    theme: Literal["light", "dark"] = Field("light", description="Colours for a light or a dark page; both are opaque.")


class Place(BaseModel):
    """Which series it is."""

    level: Level
    name: str
    label: str = Field(description="What people call it.")
    store: str


class PastWeek(BaseModel):
    """What left in one week of the past."""

    week_starting: date
    units: float | None = Field(description="Units that left; null before the series began.")
    refused_estimate: float | None = Field(description="Units asked for and not there, estimated; null where nobody can tell.")
    events: list[str]


class Band(BaseModel):
    """A central prediction interval."""

    level: float
    lower: float
    upper: float


class ComingWeek(BaseModel):
    """One week of the forecast, and what can be done about it."""

    prediction_id: str = Field(description="Names it in the ledger.")
    week_starting: date
    mean: float = Field(ge=0, description="Expected units.")
    bands: list[Band] = Field(description="The level asked for and 50 %, wide ones first.")
    stock_available: float | None = Field(
        description="Units that can leave, those that have left already among them; null where no tag is known."
    )
    booked: float | None = Field(description="Units on contracts already written; null where contracts carry no future dates.")
    stockout_risk: float | None = Field(description="Chance that a unit asked for is of a class that runs short.")
    events: list[str] = Field(description="Public holidays of the week, the following Monday included.")
    observed_so_far: float | None = Field(None, description="For the week in progress: units that have left already.")


class InProgress(BaseModel):
    """The week that has begun."""

    week_starting: date
    observed_so_far: float
    share_ahead: float = Field(description="Share of a usual week's units that is still to come.")


class SeriesAnswer(BaseModel):
    """Past and future of one series."""

    model_config = ConfigDict(protected_namespaces=())

    series: Place
    history: list[PastWeek] = Field(description="Oldest first.")
    forecast: list[ComingWeek]
    interval_level: float
    units_in_service: float = Field(description="Units of the fleet neither sold nor missing.")
    week_in_progress: InProgress | None
    past_events_known: bool = Field(description="False when the serving version kept no names of past holidays.")
    diagnosis: Diagnosis | None = Field(
        description="What the weeks asked for (left or refused) show; null when the serving version kept none."
    )
    model_ensemble: dict[str, float]
    basis: Basis
    recommendations: list[str]
    advice: list[Advice]


class ListedWeek(BaseModel):
    """One week of a listed series."""

    prediction_id: str
    week_starting: date
    mean: float
    lower: float
    upper: float


class ListedSeries(Place):
    """One series of a page."""

    demand: float = Field(description="Expected units over the weeks shown.")
    change: float | None = Field(
        description="That beside as many latest weeks of the past, as a ratio less 1; null after none."
    )
    stockout_risk: float | None = Field(description="Greatest chance of running short among the weeks.")
    accuracy: float | None = Field(description="1 − WAPE of the back-test; null where no week was tested.")
    stock_available: float | None = Field(description="Units that can leave in the first week.")
    sufficiency: Literal["full", "short", "pooled"]
    supported_weeks: int = Field(description="Weeks ahead that the history supports; no more are shown.")
    forecast: list[ListedWeek]


class SeriesPage(BaseModel):
    """A page of series."""

    items: list[ListedSeries]
    total: int = Field(description="Series that pass the filters, on all pages.")
    limit: int
    offset: int
    next_offset: int | None = Field(description="Where the next page begins; null on the last one.")
    interval_level: float
    suggestions: list[str] = Field(description="For a search that finds nothing: names that look like it.")


SERIES_EXAMPLE: dict[str, Any] = {
    "series": {"level": "category", "name": "Tables", "label": "Tables", "store": "all"},
    "history": [{"week_starting": "2026-05-25", "units": 290.0, "refused_estimate": 4.2, "events": ["Memorial Day"]}],
    "forecast": [{
        "prediction_id": "5b0c3a61d2f04d0b8b7e7a8e5d6c1f20", "week_starting": "2026-06-01", "mean": 320.4,
        "bands": [{"level": 0.8, "lower": 250.0, "upper": 410.0}, {"level": 0.5, "lower": 285.0, "upper": 360.0}],
        "stock_available": 280.0, "booked": 120.0, "stockout_risk": 0.21, "events": [], "observed_so_far": None,
    }],
    "interval_level": 0.8, "units_in_service": 410.0, "week_in_progress": None, "past_events_known": True,
    "diagnosis": {
        "kind": "smooth", "seasons": [{"name": "year", "steps": 52.1786, "share_of_variation": 0.58}], "trend_per_step": None,
        "level_shifts": [{"at": "2025-03-17", "before": 240.0, "after": 310.0, "ratio": 1.292}], "may_be_season": False,
        "text": "Smooth demand; repeats every year (58% of its variation); level 310 instead of 240 (×1.29) from 2025-03-17 on.",
    },
    "model_ensemble": {"lightgbm": 0.6, "theta": 0.4},
    "basis": {"history_weeks": 156, "history_units": 40210.0, "sufficiency": "full"},
    "recommendations": ["Expect 320 of Tables in the week of 2026-06-01 (80 %: 250 to 410)."],
    "advice": [{"kind": "expectation", "text": "Expect 320 of Tables in the week of 2026-06-01 (80 %: 250 to 410).",
                "numbers": {"expected": 320.4, "lower": 250.0, "upper": 410.0}, "weeks": ["2026-06-01"], "confidence": 0.8}],
}  # fmt: skip
