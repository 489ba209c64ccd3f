"""What was wrong with each unit, and since when? Repeated scans of one fault are one fault. Pure.

A scan shows a fault where a defect is flagged, service is required, a place of repair is named, or the status says Repair. It is a
`repair` unless nothing but DIRT is flagged: then it is a `cleaning`. Being wet or washed is no fault: linen is washed after each rental.
Scans of one kind within REPEAT_DAYS of the one before, without an out scan of the unit between, are the same fault: it waits to be mended
and is seen again. Whether a scan begins a fault rests on what came before it alone.
"""

from datetime import timedelta

import polars as pl

from rfid3_shared.item_life.sources import PLACE_NAMED, SERVICE_REQUIRED
from rfid3_shared.source.vocabulary import DEFECTS, Movement

DIRT = ("dirty_or_mud", "leaves", "oil", "mold", "stain", "oxidation")
NO_FAULT = ("wet",)
DAMAGE = tuple(name for name in DEFECTS if name not in DIRT + NO_FAULT)
REPEAT_DAYS = 30
"""A fault seen again after a month without a rental is taken for a new one: repairs of a shop take days, not months."""
_BITS = {name: 1 << at for at, name in enumerate(DEFECTS)}


def flagged(scans: pl.DataFrame) -> pl.DataFrame:
    """Signs of faults in scans: tag_id, at, kind, defects (names), source, cost_usd."""
    damaged = sum(_BITS[name] for name in DAMAGE) | SERVICE_REQUIRED | PLACE_NAMED
    dirty = sum(_BITS[name] for name in DIRT)
    is_repair = _any(damaged) | (pl.col("shop") == "repair").fill_null(False)
    is_dirt = _any(dirty)
    names = pl.concat_list(
        [pl.when(_any(bit)).then(pl.lit(name)) for name, bit in _BITS.items() if name not in NO_FAULT]
    ).list.drop_nulls()  # fmt: skip
    return scans.filter(is_repair | is_dirt).select(
        "tag_id", "at", kind=pl.when(is_repair).then(pl.lit("repair")).otherwise(pl.lit("cleaning")), defects=names,
        source=pl.lit("scan"), cost_usd=pl.lit(None, pl.Float64),
    )  # fmt: skip


def told(events: pl.DataFrame, inspections: pl.DataFrame) -> pl.DataFrame:
    """Signs of faults that people reported: failures that need repair or cleaning, and inspections that found defects."""
    failed = events.filter((pl.col("event") == "failure") & pl.col("kind").is_in(["repair", "cleaning"])).select(
        "tag_id", "at", "kind", defects=pl.lit([], pl.List(pl.String)), source=pl.lit("report"), cost_usd="cost_usd"
    )  # fmt: skip
    real = pl.col("defects").list.set_difference(list(NO_FAULT))
    broken = pl.col("defects").list.set_intersection(list(DAMAGE)).list.len() > 0
    found = inspections.filter(real.list.len() > 0).select(
        "tag_id", "at", kind=pl.when(broken).then(pl.lit("repair")).otherwise(pl.lit("cleaning")), defects=real, source=pl.lit("report"),
        cost_usd=pl.lit(None, pl.Float64),
    )  # fmt: skip
    return pl.concat([failed, found])


def faults(signs: pl.DataFrame, scans: pl.DataFrame) -> pl.DataFrame:
    """One row a fault, as `Life.faults`: at its first sign, with every defect that was seen and when; the last cost that was said."""
    outs = scans.filter(pl.col("move") == Movement.OUT.value).select("tag_id", out_at="at").sort("out_at")
    rows = signs.sort("tag_id", "kind", "at", maintain_order=True).with_row_index("sign")
    rows = rows.sort("at").join_asof(
        outs, left_on="at", right_on="out_at", by="tag_id", check_sortedness=False, coalesce=False
    ).sort("sign")  # fmt: skip
    before = pl.col("at").shift(1).over("tag_id", "kind")
    new = (
        before.is_null()
        | (pl.col("at") - before > timedelta(days=REPEAT_DAYS))
        | (pl.col("out_at") > before).fill_null(False)
    )  # fmt: skip
    rows = rows.with_columns(fault=new.cum_sum())
    first = rows.group_by("fault", maintain_order=True).agg(
        pl.col("tag_id", "at", "kind", "source").first(), pl.col("cost_usd").drop_nulls().last()
    )  # fmt: skip
    each = rows.select("fault", "at", "defects").explode("defects").drop_nulls("defects")
    seen = (
        each.unique(["fault", "defects"], keep="first", maintain_order=True).group_by("fault").agg("defects", defects_at="at")
    )
    nothing = {"defects": pl.lit([], pl.List(pl.String)), "defects_at": pl.lit([], pl.List(pl.Datetime("us")))}
    joined = first.join(seen, on="fault", how="left", maintain_order="left")
    joined = joined.with_columns(pl.coalesce(name, empty).alias(name) for name, empty in nothing.items())
    return joined.select("tag_id", "at", "kind", "defects", "defects_at", "source", "cost_usd").sort("tag_id", "at")


def _any(bits: int) -> pl.Expr:
    return (pl.col("flags") & bits) != 0
