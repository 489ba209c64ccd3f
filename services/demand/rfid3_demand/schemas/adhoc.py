"""In which shape does a caller bring series of their own, and what comes back?

Whatever is wrong with one series is told in its own place; only what concerns all of them refuses the request.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rfid3_demand.schemas.diagnosis import Diagnosis
from rfid3_shared.envelope import ErrorBody

MOST_SERIES = 500
MOST_NUMBERS = 300_000
"""Numbers of an answer: series × steps × (mean + levels)."""
FREQUENCY = r"^(?i:h|D|W(-(MON|TUE|WED|THU|FRI|SAT|SUN))?|MS?|QS?|YS?)$"


class AdhocRequest(BaseModel):
    """POST /demand/forecast/adhoc."""

    model_config = ConfigDict(
        extra="forbid", frozen=True,
        json_schema_extra={"example": {
            "freq": "W-MON", "horizon": 4, "levels": [0.1, 0.5, 0.9], "series": [
                {"id": "chairs", "ds": ["2026-01-05", "2026-01-12", "2026-01-19"], "y": [31, 28, None]},
                {"id": "tents", "ds": ["2026-01-05", "2026-01-12"], "y": [4, 6], "regressors": {"rain_mm": [3.5, 0.0]},
                 "future": {"rain_mm": [0, 2, 8, 1]}},
            ],
        }},
    )  # fmt: skip

    freq: str = Field(pattern=FREQUENCY, description="h, D, W, W-MON, MS, QS or YS, as statsforecast writes them.")
    horizon: int = Field(ge=1, le=365, description="Steps to forecast after each series' own last value.")
    season: int | None = Field(None, ge=1, le=1000, description="Steps in a season; by default that of the frequency.")
    levels: list[float] = Field(
        [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975], min_length=1, max_length=25, description="Quantile levels between 0 and 1."
    )
    series: list[dict[str, Any]] | None = Field(
        None, min_length=1, max_length=MOST_SERIES,
        description="Each {id, ds[], y[], regressors?: {name: []}, future?: {name: []}}; future: `horizon` values, in order.",
    )  # fmt: skip
    rows: list[dict[str, Any]] | None = Field(
        None, min_length=1,
        description="The long form instead: {id, ds, y, regressor…}; rows without y after the last y are the future's regressors.",
    )  # fmt: skip
    deadline_s: float = Field(10.0, ge=1, le=30, description="Seconds after which the answer is a job: 202.")
    respond_async: bool = Field(False, description="True answers 202 at once.")

    @field_validator("levels")
    @classmethod
    def _between(cls, levels: list[float]) -> list[float]:
        if not all(0 < level < 1 for level in levels):
            raise ValueError("levels lie between 0 and 1")
        return sorted(set(levels))

    @model_validator(mode="after")
    def _one_form(self) -> "AdhocRequest":
        if (self.series is None) == (self.rows is None):
            raise ValueError("give either series or rows")
        if self.rows is not None and self.count > MOST_SERIES:
            raise ValueError(f"{self.count} series in one request; at most {MOST_SERIES}")
        numbers = self.count * self.horizon * (1 + len(self.levels))
        if numbers > MOST_NUMBERS:
            raise ValueError(
                f"{self.count} series × {self.horizon} steps × {1 + len(self.levels)} values are {numbers} numbers; "
                f"at most {MOST_NUMBERS}: ask for fewer levels, steps or series"
            )
        return self

    @property
    def count(self) -> int:
        """How many series it brings."""
        if self.series is not None:
            return len(self.series)
        return len({str(row.get("id", row.get("unique_id"))) for row in self.rows or ()})


class Step(BaseModel):
    """One step of a forecast."""

    ds: str | int = Field(description="Date, time stamp (UTC where the input bore a zone) or number, as the input wrote it.")
    mean: float
    quantiles: dict[str, float] = Field(description="By level; whole numbers where every value was a whole number >= 0.")


class OwnForecast(BaseModel):
    """The forecast of one series."""

    id: str
    ok: Literal[True]
    forecast: list[Step]
    kind: str = Field(description="smooth, erratic, intermittent, lumpy, or constant: how it behaves.")
    diagnosis: Diagnosis = Field(description="What its history shows; steps are named as the input wrote them.")
    sufficiency: Literal["full", "short", "pooled"]
    supported_steps: int = Field(description="Steps ahead that its history supports; no more are given.")
    observations: int
    weights: dict[str, float] = Field(description="Share of each method; they sum to 1.")
    warnings: list[str] = Field(description="What was assumed or left out.")


class OwnRefused(BaseModel):
    """Why one series has no forecast; the others have."""

    id: str
    ok: Literal[False]
    error: ErrorBody


class AdhocAnswer(BaseModel):
    """One result a series, in the order they came."""

    job_id: str
    state: Literal["queued", "running", "succeeded"]
    answered: int | None = None
    refused: int | None = None
    seconds: float | None = Field(None, description="How long the forecast took.")
    series: list[OwnForecast | OwnRefused] | None = Field(None, description="Null while the job is not done.")
    result: str = Field(description="Where the answer is, or will be, for an hour.")
