"""Which events stand behind the units: contracts, their baskets, weekends, and the occasions of the year? Frames in; pure.

A contract counts in the week in which its first unit left, with what the POS says of it where the POS knows it (bulk goods
included), else with what was scanned. What kind of party it was nobody records; the season is what can be said.
"""

from datetime import date, timedelta
from typing import Any

import holidays
import numpy as np
import polars as pl

from rfid3_demand.model.panel import Forecast, Hierarchy, Panel
from rfid3_demand.nodes import ALL, Node
from rfid3_shared.series import parse_frequency

GRADUATION, WEDDINGS = ((5, 10), (6, 15)), ((5, 1), (9, 30))
"""Seasons by month and day, both ends included: open houses and weddings in Minnesota."""
STATE_FAIR_DAYS = 12
"""The Minnesota State Fair lasts twelve days and ends on Labor Day."""
WEEKEND_STARTS = (4, 5, 6)
"""Weekdays (ISO) on which goods for the weekend leave last: Thursday to Saturday."""
LEAST_WEEKS = 8


def names(weeks: list[date]) -> list[list[str]]:
    """What happens in each week (Mondays given): public holidays (the Monday after the weekend too), the fair, the seasons."""
    public = holidays.country_holidays("US", years=range(weeks[0].year - 1, weeks[-1].year + 2))
    return [_in_week([week + timedelta(days=k) for k in range(8)], public) for week in weeks]


def _in_week(days: list[date], public: Any) -> list[str]:
    found = [f"{public[day]} ({day.isoformat()})" for day in days if day in public]
    last = {day.year: _labor_day(day.year) for day in days[:7]}
    if any(last[day.year] - timedelta(days=STATE_FAIR_DAYS - 1) <= day <= last[day.year] for day in days[:7]):
        found.append("Minnesota State Fair")
    for label, (first, final) in (("graduation open houses", GRADUATION), ("wedding season", WEDDINGS)):
        if any(first <= (day.month, day.day) <= final for day in days[:7]):
            found.append(label)
    return found


def _labor_day(year: int) -> date:
    first = date(year, 9, 1)
    return first + timedelta(days=-first.weekday() % 7)


def one_row_a_contract(posted: pl.DataFrame, scanned: pl.DataFrame) -> pl.DataFrame:
    """Contracts of both origins, the POS's first. Columns of all three: contract, store, day, units, classes."""
    return pl.concat([posted, scanned.join(posted, on="contract", how="anti")]).sort("day", "contract", "store")


def weekly(contracts: pl.DataFrame) -> pl.DataFrame:
    """Baskets per store and week, the stores together as `all`.

    Columns: store, week (Monday), contracts, units_per_contract, units_90 (90 % have at most so many), classes_per_contract,
    weekend_share (of contracts that left Thursday to Saturday); sorted by store, week.
    """
    both = pl.concat([contracts, contracts.with_columns(store=pl.lit(ALL))])
    weekend = pl.col("day").dt.weekday().is_in(WEEKEND_STARTS)
    return (
        both.group_by("store", pl.col("day").dt.truncate("1w").alias("week"))
        .agg(
            contracts=pl.len().cast(pl.Int64), units_per_contract=pl.col("units").mean(),
            units_90=pl.col("units").quantile(0.9, "higher").cast(pl.Float64),
            classes_per_contract=pl.col("classes").mean(), weekend_share=weekend.mean(),
        )
        .sort("store", "week")
    )  # fmt: skip


def panel(contracts: pl.DataFrame, weeks: list[date], known: dict[str, np.ndarray]) -> tuple[Panel, Hierarchy] | None:
    """Contracts per week as series: one a store, and their sum. None with fewer than LEAST_WEEKS weeks or no contract in them."""
    from scipy.sparse import csr_matrix

    inside = weekly(contracts).filter(pl.col("week").is_in(weeks) & (pl.col("store") != ALL))
    if len(weeks) < LEAST_WEEKS or inside.is_empty():
        return None
    found = sorted(inside["store"].unique().to_list())
    y = np.zeros((len(found), len(weeks)))
    for store, week, count in inside.select("store", "week", "contracts").iter_rows():
        y[found.index(store), (week - weeks[0]).days // 7] = count
    keys = tuple(Node("contracts", ALL, store).key for store in (*found, ALL))
    summing = csr_matrix(np.vstack([np.eye(len(found)), np.ones((1, len(found)))]))
    levels = ("contracts/store",) * len(found) + ("contracts/all",)
    bottom = Panel(keys[:-1], tuple(weeks), y, parse_frequency("W-MON"), season=52, known=known, counts=True)
    return bottom, Hierarchy(keys, summing, levels)


def summary(contracts: pl.DataFrame, forecast: Forecast | None, past: list[date], ahead: list[date]) -> dict[str, Any]:
    """What a reader sees of events, as plain values: weeks past and ahead with their occasions, and contracts per store.

    contracts: store → history (one a past week), baskets (means over the past), mean, low, high (80 % interval, one a week ahead;
    absent without a forecast).
    """
    rows = weekly(contracts).filter(pl.col("week").is_in(past))
    position = {week: k for k, week in enumerate(past)}
    stores: dict[str, Any] = {}
    for (store,), part in rows.group_by("store", maintain_order=True):
        history = [0] * len(past)
        for week, count in part.select("week", "contracts").iter_rows():
            history[position[week]] = count
        share = part["contracts"] / part["contracts"].sum()
        baskets = ("units_per_contract", "classes_per_contract", "weekend_share")
        stores[str(store)] = {"history": history} | {name: round(float((part[name] * share).sum()), 3) for name in baskets}
    for row, key in enumerate(forecast.nodes if forecast else ()):
        variant, levels = forecast.variants["ensemble"], list(forecast.levels)  # type: ignore[union-attr]
        low, high = (variant.quantiles[row, :, levels.index(level)] for level in (0.1, 0.9))
        said = {"mean": variant.mean[row], "low": low, "high": high}
        stores[key.split("|")[2]] |= {name: [round(float(v), 2) for v in values] for name, values in said.items()}
    weeks = [*past, *ahead]
    return {"weeks": [week.isoformat() for week in weeks], "names": names(weeks), "contracts": stores}
