"""How do the rows that were read become lives? Each part from its own module, put together here. Pure."""

from datetime import datetime

import polars as pl

from rfid3_shared.item_life import exposure, faults, gone, grades, shop, stays, units
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.sightings import bare, reported, sightings
from rfid3_shared.item_life.sources import Sources
from rfid3_shared.item_life.watch import watched_to


def assemble(sources: Sources) -> Life:
    """The lives of all units. Nothing that is left out is left out silently: `counts` says how much and why."""
    master, of_items = units.master(sources)
    scans, of_scans = sightings(sources, master["tag_id"])
    every = units.units(master, scans, sources)
    events, inspections, of_reports = reported(sources, every["tag_id"])
    data_from, data_to = _span(scans, sources.until)
    end = pl.lit(data_to, pl.Datetime("us"))
    lines, dues, hours = _lines(sources.lines)
    promises = sources.contracts.select("contract", "promised_at").drop_nulls().unique("contract", keep="none")
    outs = stays.out_scans(_classed(scans, every), dues, promises)
    absent = exposure.with_rain(stays.absences(outs), sources.rain, "left_at", pl.col("back_at"))
    rented = exposure.with_rain(stays.stays(outs, scans, master, end), sources.rain, "left_at", pl.col("back_at"))
    absent, rented = exposure.with_meters(absent, hours), exposure.with_meters(rented, hours)
    steps = shop.steps(scans)
    visits = shop.visits(steps, master, absent, end)
    read = grades.readings(scans, inspections, master, data_to)
    away = gone.gone(every, rented, events, data_to)
    rented = rented.drop("rental_class").join(
        every.select("tag_id", "rental_class"), on="tag_id", how="left", maintain_order="left"
    )
    life = Life(
        units=_finished(every, rented, read, away), stays=rented,
        absences=absent.select("tag_id", "left_at", "known_at", "days", "rain_in", "meter_hours"), visits=visits,
        steps=steps.select("tag_id", "kind", "begun_at", "last_at"),
        faults=faults.faults(pl.concat([faults.flagged(scans), faults.told(events, inspections)]), scans),
        services=shop.services(visits, events), inspections=_inspections(steps, inspections, events), grades=read,
        sightings=pl.concat([scans.select("tag_id", "at"), events.select("tag_id", "at"), inspections.select("tag_id", "at")]),
        lines=lines, data_from=data_from, data_to=data_to, counts={**of_items, **of_scans, **of_reports},
    )  # fmt: skip
    return watched_to(life)


def _span(scans: pl.DataFrame, until: datetime) -> tuple[datetime, datetime]:
    first, last = scans["at"].min(), scans["at"].max()
    return (first, last) if isinstance(first, datetime) and isinstance(last, datetime) else (until, until)


def _classed(scans: pl.DataFrame, every: pl.DataFrame) -> pl.DataFrame:
    """The scans with their unit's class where they name none."""
    own = every.select("tag_id", _class="rental_class")
    joined = scans.join(own, on="tag_id", how="left", maintain_order="left")
    return joined.with_columns(rental_class=pl.coalesce("rental_class", "_class")).drop("_class")


def _lines(read: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Priced lines; when goods are due by contract and class; hours of running by contract and class."""
    named = read.with_columns(bare(pl.col("contract")), bare(pl.col("rental_class")), pl.col("units").fill_null(1)).drop_nulls(
        ["contract", "rental_class"]
    )  # fmt: skip
    dues = named.group_by("contract", "rental_class").agg(pl.col("due_at").max())
    priced = named.filter((pl.col("price_usd") > 0) & (pl.col("units") > 0)).drop("meter_out", "meter_in")
    return priced, dues, exposure.meters(named)


def _inspections(steps: pl.DataFrame, inspections: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Moments at which a unit was or had to be looked at: tag_id, at. Found to have no fault is looked at, too."""
    waiting = steps.filter(pl.col("kind") == "inspect").select("tag_id", at="begun_at")
    fine = events.filter(pl.col("event") == "no_fault").select("tag_id", "at")
    return pl.concat([waiting, inspections.select("tag_id", "at"), fine]).sort("tag_id", "at")


def _finished(every: pl.DataFrame, rented: pl.DataFrame, read: pl.DataFrame, away: pl.DataFrame) -> pl.DataFrame:
    """The units with grade, contract and why they are gone, as their lives say."""
    grade = read.group_by("tag_id").agg(_grade=pl.col("grade").sort_by("at").last())
    contract = (
        rented.filter(pl.col("contract").is_not_null())
        .group_by("tag_id")
        .agg(contract=pl.col("contract").sort_by("left_at").last())
    )
    joined = (
        every.join(grade, on="tag_id", how="left").join(contract, on="tag_id", how="left").join(away, on="tag_id", how="left")
    )
    return joined.with_columns(grade=pl.coalesce("_grade", "grade"), contract=pl.coalesce("contract", "last_contract")).select(
        "tag_id", "rental_class", "name", "category", "subcategory", "store", "store_inferred", "status", "condition", "grade", "for_sale",
        "pack", "listed", "gone", "gone_at", "created_at", "first_seen", "last_seen", "purchase_usd", "day_rate_usd", "rental_usd",
        "repair_cost_usd", "contract",
    ).sort("tag_id")  # fmt: skip
