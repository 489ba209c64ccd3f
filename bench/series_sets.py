"""Where are the public sets, and how do they become long frames? Readers only; nothing here is part of the suite."""

import csv
import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from rfid3_demand.evaluation.rolling import Plan

DATA = Path(os.environ.get("RFID3_TEST_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
WEATHER = ("temp", "hum", "windspeed", "weathersit")
CALENDAR = ("holiday", "workingday")


@dataclass(frozen=True)
class SeriesSet:
    """A file, how it is read, how it is cut, and how long each contender may take."""

    path: str
    read: Callable[[Path], pl.DataFrame]
    freq: str
    plan: Plan
    limit_s: float
    about: str

    @property
    def file(self) -> Path:
        """Where it should lie."""
        return DATA / self.path

    def shorter(self) -> "SeriesSet":
        """The same set without its reported part: for choosing, never for reporting."""
        cut = self.plan.horizon + (self.plan.windows - 1) * self.plan.step

        def read(path: Path) -> pl.DataFrame:
            frame = self.read(path).sort("unique_id", "ds")
            return frame.filter(pl.int_range(pl.len()).over("unique_id") < pl.len().over("unique_id") - cut)

        return replace(self, read=read, about=f"WITHOUT ITS REPORTED PART: {self.about}")


def carparts(path: Path) -> pl.DataFrame:
    """Monthly demand of car parts, long format."""
    return pl.read_csv(path, try_parse_dates=True).with_columns(pl.col("unique_id").cast(pl.String))


def wide_rows(path: Path) -> pl.DataFrame:
    """One series a row, name first (M4); hours numbered, because the set gives no calendar."""
    with gzip.open(path, "rt") as lines:
        rows = list(csv.reader(lines))[1:]
    return pl.concat([_numbered(row[0], [float(v) for v in row[1:] if v not in ("", "NA")]) for row in rows])


def tourism(months: int) -> Callable[[Path], pl.DataFrame]:
    """One series a column: length, first year, first period, values (Tcomp); `months` to a step."""

    def read(path: Path) -> pl.DataFrame:
        with gzip.open(path, "rt") as lines:
            header, *rows = list(csv.reader(lines))
        parts = []
        for name, *column in zip(header, *rows, strict=False):
            count, year, period = (int(float(v)) for v in column[:3])
            start = pl.date(year, 1 + (period - 1) * months, 1)
            values = [float(v) for v in column[3 : 3 + count]]
            frame = _numbered(name, values).with_columns(ds=start.dt.offset_by(pl.format("{}mo", pl.col("ds") * months)))
            parts.append(frame)
        return pl.concat(parts)

    return read


def bike(path: Path) -> pl.DataFrame:
    """Daily rentals with weather; casual and registered are left out, they add up to the outcome."""
    frame = pl.read_csv(path, try_parse_dates=True).rename({"dteday": "ds", "cnt": "y"})
    return frame.select(pl.lit("bikes").alias("unique_id"), "ds", pl.col("y").cast(pl.Float64), *WEATHER, *CALENDAR)


def bicimad(path: Path) -> pl.DataFrame:
    """Daily users of Madrid's bikes."""
    frame = pl.read_csv(path, try_parse_dates=True).rename({"date": "ds", "users": "y"})
    return frame.select(pl.lit("madrid").alias("unique_id"), "ds", pl.col("y").cast(pl.Float64))


def _numbered(name: str, values: list[float]) -> pl.DataFrame:
    return pl.DataFrame({"unique_id": [name] * len(values), "ds": range(len(values)), "y": values})


SETS: dict[str, SeriesSet] = {
    "carparts": SeriesSet(
        "carparts/carparts_train.csv.gz", carparts, "MS", Plan(12, 1, 12, 12), 60, "car parts, monthly, last 12 of 39 months"
    ),
    "m4_hourly": SeriesSet("m4_hourly/Hourly-train.csv.gz", wide_rows, "h", Plan(48, 1, 48, 24), 90, "M4 hourly, last 48"),
    "tourism_monthly": SeriesSet(
        "tourism_comp/monthly_in.csv.gz", tourism(1), "MS", Plan(24, 1, 24, 12), 60, "tourism monthly, last 24"
    ),
    "tourism_quarterly": SeriesSet(
        "tourism_comp/quarterly_in.csv.gz", tourism(3), "QS", Plan(8, 1, 8, 4), 45, "tourism quarterly, last 8"
    ),
    "bike_weather": SeriesSet(
        "bike_sharing_uci/day.csv", bike, "D", Plan(28, 5, 28, 7, None, (*WEATHER, *CALENDAR)), 45,
        "bike sharing, daily, weather known ahead, 5 origins × 28 days",
    ),
    "bike_no_forecast": SeriesSet(
        "bike_sharing_uci/day.csv", bike, "D", Plan(28, 5, 28, 7, None, CALENDAR), 45,
        "bike sharing, daily, weather of the past only, 5 origins × 28 days",
    ),
    "bicimad": SeriesSet(
        "bicimad/bicimad_users.csv", bicimad, "D", Plan(28, 8, 152, 7), 60, "bicimad, daily, 8 origins × 28 days from October 2019"
    ),
}  # fmt: skip
