"""What did a unit go through while it was out: how much rain, how many hours of running? Pure."""

import numpy as np
import polars as pl

DAY_S = 86_400


def with_rain(spans: pl.DataFrame, rain: pl.DataFrame, start: str, end: pl.Expr) -> pl.DataFrame:
    """The spans with rain_in: inches that fell from the day of `start` up to the day before `end` (the first day at least).

    rain: day, rain_in of measured days. Null where one of the days is not known, or where the span has no end.
    """
    if not len(rain):
        return spans.with_columns(rain_in=pl.lit(None, pl.Float64))
    measured = rain.drop_nulls().unique("day", keep="last")
    number = measured["day"].cast(pl.Int32).to_numpy()
    first, length = int(number.min()), int(number.max()) - int(number.min()) + 1
    fell, known = np.zeros(length + 1), np.zeros(length + 1, np.int64)
    fell[number - first + 1], known[number - first + 1] = measured["rain_in"].to_numpy(), 1
    fell, known = np.cumsum(fell), np.cumsum(known)
    edges = spans.select(low=pl.col(start).dt.date().cast(pl.Int32), high=end.dt.date().cast(pl.Int32))
    ended = edges["high"].is_not_null().to_numpy()
    low = edges["low"].to_numpy() - first
    high = np.maximum(edges["high"].fill_null(0).to_numpy() - first, low + 1)
    inside = ended & (low >= 0) & (high <= length)
    a, b = np.where(inside, low, 0), np.where(inside, high, 0)
    whole = inside & (known[b] - known[a] == high - low)
    total = pl.Series(fell[b] - fell[a]).set(pl.Series(~whole), None)
    return spans.with_columns(total.alias("rain_in"))


def meters(lines: pl.DataFrame) -> pl.DataFrame:
    """Hours of running by contract and class: contract, rental_class, meter_hours. Only lines of one unit say whose meter it was."""
    read = (pl.col("meter_in") >= pl.col("meter_out")) & (pl.col("meter_in") > 0)
    told = lines.group_by("contract", "rental_class").agg(
        pl.col("units").sum(), meter_hours=pl.when(read).then(pl.col("meter_in") - pl.col("meter_out")).sum(), all_read=read.all()
    )  # fmt: skip
    return told.filter((pl.col("units") == 1) & pl.col("all_read")).select("contract", "rental_class", "meter_hours")


def with_meters(spans: pl.DataFrame, hours: pl.DataFrame) -> pl.DataFrame:
    """The spans (tag_id, left_at, contract, rental_class) with meter_hours, on the first span of a unit on a contract; null elsewhere."""
    first = pl.col("left_at") == pl.col("left_at").min().over("tag_id", "contract")
    joined = spans.join(hours, on=["contract", "rental_class"], how="left", maintain_order="left")
    return joined.with_columns(meter_hours=pl.when(first).then("meter_hours"))
