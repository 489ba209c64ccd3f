"""Do units still live as those that a model learned from? What a quarter brought them, beside the same quarter a year before. Pure.

A rental shop is seasonal: a quiet winter says nothing about a model that learned from a summer. So a look is held against the same days
of earlier years, to the weekday, and where the records do not reach back so far nothing is said. Looked at are units that somebody saw in
the quarter: what a unit lost or sold brings no more does not count, then as now, and neither does one that nobody has met yet.
Units of a rental class go out together and are alike; what is independent are the classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from rfid3_shared.feature_store.compute import values_at
from rfid3_shared.item_life.definitions import QUARTER, WATCHED
from rfid3_shared.item_life.frames import facts_of
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.snapshot import UNMAPPED
from rfid3_shared.monitor import feature_spec
from rfid3_shared.monitor.feature_spec import Seen
from rfid3_shared.monitor.findings import Finding

YEAR = timedelta(days=364)
"""Whole weeks, so that a Friday is held against Fridays."""
YEARS = 3
RUN_UP = QUARTER.span
"""An absence counts when it is over: of those of the first weeks of records nobody knows, for they had begun before."""
AHEAD_DAYS = (0, 14, 28)
"""Training keeps references for the days to come, since it does not know on which day somebody will look."""
NEAR_DAYS = 7
MOST_UNITS = 20_000
"""Of more, every n-th unit is looked at: what this many tell is not moved by chance."""


def spec_of(life: Life) -> dict[str, Any]:
    """What the registry keeps: bins of WATCHED by category, for the days from the data's last one on; none without a year of records."""
    earlier = {
        life.data_to + timedelta(days=ahead): _earlier(life, life.data_to + timedelta(days=ahead)) for ahead in AHEAD_DAYS
    }
    moments = sorted({moment for of_day in earlier.values() for moment in of_day})
    if not moments:
        return feature_spec.spec_of({})
    asked, seen = _seen(life, moments)
    by_season = {
        str(day.date()): feature_spec.learned(_of(seen, np.isin(asked, np.array(of_day, "datetime64[us]"))))
        for day, of_day in earlier.items() if of_day
    }  # fmt: skip
    return feature_spec.spec_of(by_season)


def references_of(spec: Mapping[str, Any] | None, day: date) -> dict[str, Mapping[str, Any]]:
    """Name → its bins for a day; empty when the nearest day that is kept is more than NEAR_DAYS away."""
    near = {abs((date.fromisoformat(season) - day).days): season for season in feature_spec.seasons(spec)}
    return feature_spec.of_season(spec, near[min(near)]) if near and min(near) <= NEAR_DAYS else {}


def live(life: Life, references: Mapping[str, Mapping[str, Any]], at: datetime | None = None) -> dict[str, np.ndarray]:
    """Values at a moment (naive shop time; the data's last one) of whatever has a reference."""
    return feature_spec.live(_seen(life, [at or life.data_to])[1], references) if references else {}


def abstained(life: Life) -> Finding:
    """What is said where there is nothing to hold live features against."""
    days, needed = (life.data_to - life.data_from).days, (YEAR + QUARTER.span + RUN_UP).days
    words = (
        f"Features are held against the same days a year before: that takes {needed} days of records and a model of this month."
    )
    return Finding("drift", "items", "too little data", words, {"found_days": days, "needed_days": needed})


def _earlier(life: Life, day: datetime) -> list[datetime]:
    """The same moment of earlier years, as far as the records know the quarter before it and what had begun before that."""
    found = [day - YEAR * years for years in range(1, YEARS + 1)]
    return [one for one in found if life.data_from <= one - QUARTER.span - RUN_UP]


def _seen(life: Life, moments: Sequence[datetime]) -> tuple[np.ndarray, Seen]:
    """When each row was (n,) datetime64[us], and the units seen in the quarter before each of the moments."""
    few, units = _few(life)
    parts = [
        few.sightings.filter((pl.col("at") > moment - QUARTER.span) & (pl.col("at") <= moment)).select("tag_id").unique()
        .sort("tag_id").with_columns(at=pl.lit(moment, pl.Datetime("us"))) for moment in moments
    ]  # fmt: skip
    nobody = pl.DataFrame(schema={"tag_id": pl.String, "at": pl.Datetime("us")})
    asked = pl.concat([nobody, *parts]).join(units, on="tag_id", how="inner", maintain_order="left")
    rows = asked["unit"].to_numpy().astype(np.int64)
    at = asked["at"].to_numpy().astype("datetime64[us]")
    found = values_at(WATCHED, facts_of(few), units["tag_id"].to_list(), rows, at.astype("datetime64[s]"))
    values = {name: found[:, column] for column, name in enumerate(WATCHED.names)}
    return at, Seen(values, asked["category"].to_numpy(), asked["rental_class"].rank("dense").to_numpy().astype(np.int64))


def _few(life: Life) -> tuple[Life, pl.DataFrame]:
    """The lives of at most MOST_UNITS units for rent, and the units: tag_id, rental_class, category, unit (their number)."""
    rented = life.units.filter(~pl.col("for_sale")).sort("tag_id").gather_every(-(-life.units.height // MOST_UNITS) or 1)
    units = rented.select(
        "tag_id", pl.col("rental_class").fill_null(UNMAPPED), pl.col("category").fill_null(UNMAPPED)
    ).with_row_index("unit")  # fmt: skip
    frames = {one.name: getattr(life, one.name) for one in fields(life) if one.type in (pl.DataFrame, "pl.DataFrame")}
    mine = {name: frame.join(units, on="tag_id", how="semi") for name, frame in frames.items() if "tag_id" in frame.columns}
    return replace(life, **mine), units


def _of(seen: Seen, chosen: np.ndarray) -> Seen:
    return Seen({name: values[chosen] for name, values in seen.values.items()}, seen.part[chosen], seen.cluster[chosen])
