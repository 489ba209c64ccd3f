"""What was asked for, where a shelf was empty? Demand of each shelf and day given what left and what stood there.

On a day on which not everything left, demand is what left. Where everything left, demand is at least that. How full a shelf was is
itself uncertain, so each day is a mixture of the two, weighted by how likely either makes what was seen. Rates, lump sizes and
mixture are found together by expectation–maximisation. Source: Dempster, Laird & Rubin 1977; for stock-outs Nahmias 1994.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from rfid3_demand.censoring.compound import tails
from rfid3_demand.censoring.lumps import Contracts, cut_short, lump_sizes
from rfid3_demand.censoring.rates import Days, rates
from rfid3_demand.censoring.shelf import Shelves, shelves
from rfid3_demand.censoring.spells import Sources, series_of, spells
from rfid3_shared.clock import week_start

LEAST_CHANCE = 1e-4
"""Days on which a shelf was empty with a smaller chance count as not empty."""
ROUNDS, STEPS = 6, 8
BIG = 1 << 20
"""Lump sizes are found anew so often, rates so often in between."""


@dataclass(frozen=True)
class Refused:
    """What was asked for and not there.

    weeks: rental_class, store, week, units (refused, expected), error (standard), empty (share of the week's requests, by weekday,
    that came on a day whose shelf was empty at closing); weeks without any have no row. at_hand: (series, days) units at opening of
    the shelves in `series` (rental_class, store, series).
    """

    weeks: pl.DataFrame
    series: pl.DataFrame
    at_hand: np.ndarray


SCHEMA = {
    "rental_class": pl.String, "store": pl.String, "week": pl.Date, "units": pl.Float64, "error": pl.Float64, "empty": pl.Float64,
}  # fmt: skip


def refused_demand(sources: Sources, categories: dict[str, str], first: date, last: date) -> Refused:
    """Refused units by class, store and week from `first` to `last`. categories: rental class → category, where there is one."""
    names, days = series_of(sources), (last - first).days + 1
    if names.is_empty():
        return Refused(pl.DataFrame(schema=SCHEMA), names, np.zeros((0, days)))
    found = shelves(spells(sources, names, first, days), names.height, first, days)
    taken = _contracts(sources.departures, names, first, days)
    class_of = names["rental_class"].rank("dense").to_numpy().astype(int) - 1
    category = pl.Series([categories.get(one, "") for one in names["rental_class"]]).rank("dense").to_numpy().astype(int) - 1
    weeks = _estimate(found, taken, class_of, category, names, first)
    return Refused(weeks, names, found.at_hand)


def _contracts(departures: pl.DataFrame, names: pl.DataFrame, first: date, days: int) -> Contracts:
    """Units by shelf, day and contract; a unit that left without a contract is one of its own."""
    alone = pl.coalesce("contract", pl.concat_str("tag_id", pl.col("left_at").cast(pl.String)))
    day = (pl.col("left_at").dt.date() - pl.lit(first)).dt.total_days().cast(pl.Int64)
    keyed = departures.join(names.cast({"series": pl.Int64}), on=["rental_class", "store"]).select(
        "series", shelf_day=pl.col("series") * days + day, contract=alone
    )
    taken = keyed.group_by("series", "shelf_day", "contract").agg(units=pl.len().cast(pl.Int64)).sort("shelf_day", "contract")
    return Contracts(*(taken[name].to_numpy() for name in ("series", "units", "shelf_day")))


def _estimate(
    found: Shelves, taken: Contracts, class_of: np.ndarray, category: np.ndarray, names: pl.DataFrame, first: date
) -> pl.DataFrame:  # fmt: skip
    count, days = found.served.shape
    lumps = np.bincount(taken.shelf_day, minlength=count * days)
    at = np.flatnonzero(found.empty.ravel() > LEAST_CHANCE)
    chance, served, seen = found.empty.ravel()[at], found.served.ravel()[at].astype(np.int64), lumps[at].astype(float)
    shape = _days(at, lumps.reshape(count, days), first)
    odds = np.log(chance) - np.log1p(-np.minimum(chance, 1 - 1e-9))
    keys, pair = np.unique(shape.series * BIG + served, return_inverse=True)
    fullest = np.round(found.at_hand.max(axis=1, initial=1.0))
    emptied, position = np.zeros(count * days), pair.ravel()
    blocked, contracts, sizes = chance, seen, None
    excess = variance = np.zeros(len(at))
    daily = rates(shape, contracts, np.where(served > 0, 0.0, blocked), category)
    for _ in range(ROUNDS):
        emptied[at] = blocked
        sizes = lump_sizes(taken, cut_short(taken, emptied[taken.shelf_day], sizes), class_of, fullest)
        table = tails(sizes, keys // BIG, keys % BIG)
        for _ in range(STEPS):
            daily = rates(shape, contracts, np.where(served > 0, 0.0, blocked), category)
            log_ratio, excess, variance, arrivals = table.read(position, daily.on(shape))
            blocked = 1 / (1 + np.exp(-(odds + log_ratio)))
            contracts = np.where(served > 0, seen + blocked * (arrivals - seen), 0.0)
    return _weeks(shape, blocked, excess, variance, daily.usual / daily.usual.sum(), names, first)


def _days(at: np.ndarray, lumps: np.ndarray, first: date) -> Days:
    """The calendar of the span, and its days in doubt; at: flat positions of these in (series, days)."""
    count, days = lumps.shape
    week_of = (np.arange(days) + first.weekday()) // 7
    weekday = (np.arange(days) + first.weekday()) % 7
    sure = lumps.astype(float)
    sure.ravel()[at] = 0.0
    weeks = int(week_of[-1]) + 1
    by_week, open_days = np.zeros((count, weeks)), np.zeros((weeks, 7))
    np.add.at(by_week.T, week_of, sure.T)
    np.add.at(open_days, (week_of, weekday), 1.0)
    series, day = at // days, at % days
    return Days(series, week_of[day], weekday[day], by_week, np.bincount(weekday, sure.sum(axis=0), 7), open_days)


def _weeks(
    days: Days, blocked: np.ndarray, excess: np.ndarray, variance: np.ndarray, share: np.ndarray, names: pl.DataFrame, first: date
) -> pl.DataFrame:  # fmt: skip
    """Days added up to weeks, as `Refused.weeks`. share: (7,) of a week's requests by weekday."""
    spread = blocked * variance + blocked * (1 - blocked) * excess**2
    rows = pl.DataFrame({
        "series": days.series, "at": days.week, "units": blocked * excess, "error": spread, "empty": blocked * share[days.weekday],
    }).group_by("series", "at").agg(pl.col("units").sum(), pl.col("error").sum().sqrt(), pl.col("empty").sum())  # fmt: skip
    named = rows.join(names.cast({"series": pl.Int64}), on="series").with_columns(
        week=pl.lit(week_start(first)) + pl.duration(days=7 * pl.col("at"))
    )
    return named.select(*SCHEMA).cast(SCHEMA).sort("rental_class", "store", "week")  # type: ignore[arg-type]
