"""Which numbers does the demand model learn from? Weekly units per class and store, their hierarchy, and the calendar.

Pure: frames in, arrays out. Week t holds what left the shop from its Monday to its Sunday; nothing here looks past the last
complete week. From the week of its first out scan on, a class is counted by scans; before that week, and where a class is
never scanned, by POS lines. So one class and week never counts twice.
"""

from datetime import date, timedelta

import holidays
import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from rfid3_demand.model.panel import Hierarchy, Panel
from rfid3_demand.nodes import ALL, Node
from rfid3_shared.clock import week_start
from rfid3_shared.errors import InsufficientData
from rfid3_shared.series import parse_frequency

UNMAPPED = "Unmapped"
SEASON_WEEKS = 52
LEAD_WEEKS = 4
"""A series begins these weeks before its class is first seen, with zeros: to begin with a first rental would make every new class
look as busy as its first week (on a real export that doubles the forecast of a growing shop)."""
NODE_LEVELS = (("class", "rental_class"), ("subcategory", "subcategory"), ("category", "category"), (ALL, None))


def weekly_units(scanned: pl.DataFrame, posted: pl.DataFrame) -> pl.DataFrame:
    """Units leaving per class, store and week, each class and week from one origin only.

    Columns in (both): rental_class, store, week (Monday), units. Columns out: the same and `origin` (scan | pos).
    """
    first_scan = scanned.group_by("rental_class").agg(pl.col("week").min().alias("scanned_from"))
    before = (
        posted.join(first_scan, on="rental_class", how="left")
        .filter(pl.col("scanned_from").is_null() | (pl.col("week") < pl.col("scanned_from")))
        .drop("scanned_from")
    )
    both = pl.concat(
        [scanned.with_columns(origin=pl.lit("scan")), before.with_columns(origin=pl.lit("pos"))], how="diagonal_relaxed"
    )
    return (
        both.group_by("rental_class", "store", "week", "origin")
        .agg(pl.col("units").sum())
        .sort("rental_class", "store", "week")
    )


def demand_units(units: pl.DataFrame, refused: pl.DataFrame, weeks: list[date]) -> pl.DataFrame:
    """Units asked for: those that left and, in complete weeks, those that met an empty shelf, in whole numbers.

    units, refused: rental_class, store, week, units (the latter with fractions); out: the same columns. Each series' refused units
    are rounded by largest remainder, earlier weeks first, so its total is within half a unit of what was estimated.
    """
    keys = ["rental_class", "store"]
    known = refused.filter(pl.col("week").is_in(weeks) & (pl.col("units") > 0)).sort(*keys, "week")
    whole, part = pl.col("units").floor(), pl.col("units") - pl.col("units").floor()
    left_over = pl.col("units").sum().over(keys).round() - whole.sum().over(keys)
    rank = part.rank("ordinal", descending=True).over(keys)
    rounded = known.with_columns(units=(whole + (rank <= left_over)).cast(pl.Int64)).filter(pl.col("units") > 0)
    both = pl.concat([frame.select(*keys, "week", pl.col("units").cast(pl.Int64)) for frame in (units, rounded)])
    return both.group_by(*keys, "week").agg(pl.col("units").sum()).sort(*keys, "week")


def complete_weeks(first_day: date, last_day: date) -> list[date]:
    """Mondays of the weeks that lie wholly between the two days, both included."""
    first, last = week_start(first_day + timedelta(days=6)), week_start(last_day + timedelta(days=1)) - timedelta(days=7)
    return [first + timedelta(days=7 * k) for k in range((last - first).days // 7 + 1)]


def panel(
    units: pl.DataFrame, begun: pl.DataFrame, classes: pl.DataFrame, weeks: list[date], horizon: int,
    external: dict[str, np.ndarray],
) -> tuple[Panel, pl.DataFrame]:  # fmt: skip
    """The bottom series and their labels.

    units: rental_class, store, week, units. begun: rental_class, first_week (first sign of life of the class).
    classes: rental_class, name, category, subcategory. external: past-only weekly series, (T,) each.
    Labels out, one row per series in the panel's order: rental_class, store, name, category, subcategory.
    Raises InsufficientData when no class has left the shop in any complete week.
    """
    inside = units.filter(pl.col("week").is_between(weeks[0], weeks[-1])) if weeks else units.clear()
    if inside.is_empty():
        raise InsufficientData(
            "No unit has left the shop in a complete week, so nothing can be forecast.",
            found_weeks=len(weeks), needed_weeks=8, missing="scans of type Rental or Delivery, or POS contract lines",
        )  # fmt: skip
    labels = (
        inside.select("rental_class", "store").unique()
        .join(classes, on="rental_class", how="left")
        .with_columns(
            pl.col("category").fill_null(UNMAPPED), pl.col("subcategory").fill_null(UNMAPPED),
            pl.col("name").fill_null(pl.col("rental_class")),
        )
        .sort("category", "subcategory", "rental_class", "store")
    )  # fmt: skip
    position = {week: at for at, week in enumerate(weeks)}
    row_of = {key: at for at, key in enumerate(labels.select("rental_class", "store").iter_rows())}
    first_week = dict(begun.select("rental_class", "first_week").iter_rows())
    units_of = np.zeros((len(row_of), len(weeks)))
    for rental_class, store, week, count in inside.select("rental_class", "store", "week", "units").iter_rows():
        units_of[row_of[rental_class, store], position[week]] += count
    # the first sign of life of the class, or of the series where a unit left before it
    starts = [((first_week.get(rental_class) or weeks[0]) - weeks[0]).days // 7 for rental_class, _ in row_of]
    seen = np.clip(np.minimum(starts, (units_of > 0).argmax(axis=1)), 0, None)
    y = np.where(np.arange(len(weeks)) >= seen[:, None] - LEAD_WEEKS, units_of, np.nan)
    codes = {
        name: labels[name].rank("dense").to_numpy().astype(int) - 1
        for name in ("category", "subcategory", "rental_class", "store")
    }
    bottom = Panel(
        ids=tuple(Node("class", row["rental_class"], row["store"]).key for row in labels.iter_rows(named=True)),
        dates=tuple(weeks), y=y, frequency=parse_frequency("W-MON"), season=SEASON_WEEKS, groups=codes,
        known=calendar(weeks, horizon), past=external, seen=seen, counts=True,
    )  # fmt: skip
    return bottom, labels


def hierarchy(bottom: Panel, labels: pl.DataFrame) -> tuple[Hierarchy, list[Node]]:
    """Every node above the bottom series and the bottom series themselves, bottom first."""
    nodes = [Node("class", row["rental_class"], row["store"]) for row in labels.iter_rows(named=True)]
    members: dict[Node, list[int]] = {node: [at] for at, node in enumerate(nodes)}
    for level, column in NODE_LEVELS:
        for at, row in enumerate(labels.iter_rows(named=True)):
            name = row[column] if column else ALL
            if level == "subcategory":
                name = f"{row['category']} / {name}"
            for store in (ALL,) if level == "class" else (row["store"], ALL):
                members.setdefault(Node(level, name, store), []).append(at)
    ordered = list(members)
    indices = np.concatenate([np.asarray(members[node]) for node in ordered])
    starts = np.concatenate([[0], np.cumsum([len(members[node]) for node in ordered])])
    summing = csr_matrix((np.ones(len(indices)), indices, starts), shape=(len(ordered), len(bottom.ids)))
    levels = tuple(f"{node.level}/{'all' if node.store == ALL else 'store'}" for node in ordered)
    return Hierarchy(tuple(node.key for node in ordered), summing, levels), ordered


def calendar(weeks: list[date], horizon: int) -> dict[str, np.ndarray]:
    """What is known of every week, past and future, (T + horizon,) each.

    holiday_days: US public holidays in the week; long_weekend: 1 when one falls on Friday to Monday of its weekend, which
    moves party rentals; summer_weeks: share of the week's days from the Saturday before Memorial Day to Labor Day, between which
    Americans marry and feast outdoors; graduation_weeks: share of its days from two weeks before Memorial Day to three after it.
    Holidays, and so both seasons, are those of the package `holidays`: they move with the year.
    """
    every = [weeks[0] + timedelta(days=7 * k) for k in range(len(weeks) + horizon)]
    public = holidays.country_holidays("US", years=range(every[0].year, every[-1].year + 2))
    days = [[week + timedelta(days=k) for k in range(7)] for week in every]
    begins, ends = (sorted(public.get_named(name)) for name in ("Memorial Day", "Labor Day"))
    summers = {begun.year: (begun, ended) for begun, ended in zip(begins, ends, strict=True)}
    return {
        "holiday_days": np.array([sum(day in public for day in week) for week in days], float),
        # the Monday after the weekend belongs to the next ISO week, yet moves this week's deliveries
        "long_weekend": np.array([float(any(week[0] + timedelta(days=k) in public for k in (4, 5, 6, 7))) for week in days]),
        "summer_weeks": _share(days, {year: (begun - timedelta(days=2), ended) for year, (begun, ended) in summers.items()}),
        "graduation_weeks": _share(
            days, {year: (begun - timedelta(weeks=2), begun + timedelta(weeks=3)) for year, (begun, _) in summers.items()}
        ),
    }


def _share(weeks: list[list[date]], season: dict[int, tuple[date, date]]) -> np.ndarray:
    """Share of each week's days that lie in the season of their year, first and last day included; (weeks,)."""
    return np.array([sum(season[day.year][0] <= day <= season[day.year][1] for day in week) / 7 for week in weeks])


def holiday_names(weeks: list[date]) -> list[list[str]]:
    """Names of the public holidays of each week, the following Monday included."""
    public = holidays.country_holidays("US", years=range(weeks[0].year, weeks[-1].year + 2))
    return [[public[day] for k in range(8) if (day := week + timedelta(days=k)) in public] for week in weeks]
