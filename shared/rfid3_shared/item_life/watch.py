"""Which events of a unit would have been seen, and how long after each moment did the next one come? Pure.

Entered late (left truncation): a unit is watched from its first sight on, or from its creation where RFID3 knows it; what happened before
is not known. It is watched to the end of the data while it is at home, since whatever happens to it next begins with a scan; and to its
departure while it is out and nobody has seen it since, for a fault is found at home. Ending the watch at the last sighting of every unit
would be wrong: faults are sightings, so units would be watched until they fail and not while they do not (with two sightings a unit
hazards come out half as large again). A unit that is gone is watched until then; one of which nobody knows when it went, not at all.
"""

from dataclasses import replace
from datetime import datetime, time, timedelta

import numpy as np
import polars as pl

from rfid3_shared.item_life.life import Life
from rfid3_shared.source.vocabulary import Condition

EVENT_KINDS = ("repair", "cleaning", "retirement", "loss")
EPOCH = datetime.fromisoformat("1970-01-01")
DAY_US = 86_400_000_000
SECOND_US = 1_000_000
"""RFID3's times, and those of reports, are whole seconds."""


def watched_to(life: Life) -> Life:
    """The life with under_watch_to of each unit."""
    last = life.stays.sort("tag_id", "left_at").group_by("tag_id", maintain_order=True).last()
    open_ = last.filter(pl.col("back_upper").is_null()).select("tag_id", out_since="left_at")
    units = life.units.join(open_, on="tag_id", how="left", maintain_order="left")
    home = (
        pl.col("condition")
        .is_in([Condition.AVAILABLE.value, Condition.TURNAROUND.value, Condition.COMMITTED.value])
        .fill_null(False)
    )
    end = pl.when(home).then(pl.lit(life.data_to)).otherwise(pl.coalesce("out_since", pl.lit(life.data_to)))
    end = pl.min_horizontal(pl.when(pl.col("gone").is_not_null()).then("gone_at"), end, pl.lit(life.data_to))
    known = _entered(life).is_not_null() & (pl.col("gone").is_null() | pl.col("gone_at").is_not_null())
    watched = pl.when(known).then(end).cast(pl.Datetime("us"))
    return replace(life, units=units.with_columns(under_watch_to=watched).drop("out_since"))


def events_of(life: Life, kind: str) -> pl.DataFrame:
    """Events of a kind, one row each: tag_id, at; sorted. Goods for sale have none. Raises ValueError for an unknown kind.

    repair and cleaning: each fault. retirement and loss: a unit's end, at the earliest it can be.
    """
    if kind not in EVENT_KINDS:
        raise ValueError(f"kinds are {', '.join(EVENT_KINDS)}")
    if kind in ("repair", "cleaning"):
        found = life.faults.filter(pl.col("kind") == kind).select("tag_id", "at")
    else:
        found = life.units.filter((pl.col("gone") == kind) & pl.col("gone_at").is_not_null()).select("tag_id", at="gone_at")
    rented = life.units.filter(~pl.col("for_sale")).select("tag_id")
    return found.join(rented, on="tag_id", how="semi").sort("tag_id", "at")


def observed(life: Life) -> pl.DataFrame:
    """The span in which an event of each unit would have been seen: tag_id, entered_at, left_at, gone; sorted by tag.

    Units that were never under watch and goods for sale have no row.
    """
    found = life.units.filter(~pl.col("for_sale")).select(
        "tag_id", entered_at=_entered(life), left_at="under_watch_to", gone="gone"
    )  # fmt: skip
    return found.filter(pl.col("left_at") >= pl.col("entered_at")).sort("tag_id")


def landmarks(life: Life, kind: str, every_days: float = 28.0) -> pl.DataFrame:
    """From each landmark to the next event of the kind: tag_id, at, after_days, event; by tag and time.

    Landmarks are every `every_days` days from the midnight before the data begin, the same for all units (so that units are met at any
    moment of their cycle, as they are when they are scored); a unit has those from its entry on and before its watch ends. after_days runs
    to its next event after the landmark, or to the end of its watch (event False). Raises ValueError for an unknown kind or no step.
    """
    if not every_days > 0:
        raise ValueError("landmarks need a step of more than nothing")
    seen = observed(life).filter(pl.col("left_at") > pl.col("entered_at"))
    origin = datetime.combine(life.data_from.date(), time.min)
    step = max(1, round(every_days * DAY_US))
    low, high = (_us(seen[name]) - _us_of(origin) for name in ("entered_at", "left_at"))
    first, count = -(-low // step), np.maximum(-(-high // step) - -(-low // step), 0)
    unit = np.repeat(np.arange(len(seen)), count)
    at = (np.repeat(first, count) + _within(count)) * step
    number = pl.DataFrame({"tag_id": seen["tag_id"], "unit": np.arange(len(seen))})
    events = events_of(life, kind).join(number, on="tag_id")
    event_us = _us(events["at"]) - _us_of(origin)
    upcoming = _next(events["unit"].to_numpy(), event_us, unit, at)
    end = high[unit]
    happened = upcoming <= end
    after = (np.where(happened, upcoming, end) - at) / DAY_US
    moments = pl.Series((at + _us_of(origin)).astype("datetime64[us]"))
    return pl.DataFrame({"tag_id": seen["tag_id"].gather(unit), "at": moments, "after_days": after, "event": happened})


def _entered(life: Life) -> pl.Expr:
    """When the watch over a unit began: its creation (not before the data), else its first sight."""
    made = pl.max_horizontal("created_at", pl.lit(life.data_from))
    made = pl.when(pl.col("created_at").is_not_null() & (made <= life.data_to)).then(made)
    return pl.min_horizontal(made, "first_seen")


def _next(event_unit: np.ndarray, event_us: np.ndarray, unit: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The time of the unit's first event after each moment; the largest integer where there is none. Events are sorted by unit, time."""
    never = np.iinfo(np.int64).max
    order = np.lexsort((event_us, event_unit))
    event_unit, event_us = event_unit[order], event_us[order]
    # one key that sorts by unit, then second: no time is further from the first than `base`
    seconds, moments = event_us // SECOND_US, at // SECOND_US
    every = np.concatenate([seconds, moments, np.zeros(1, np.int64)])
    low, base = int(every.min()), int(every.max()) - int(every.min()) + 1
    place = np.searchsorted(event_unit * base + (seconds - low), unit * base + (moments - low), side="right")
    found: np.ndarray = np.append(event_us, never)[place]
    return np.asarray(np.where(np.append(event_unit, -1)[place] == unit, found, never))


def _within(count: np.ndarray) -> np.ndarray:
    """0, 1, 2 … within each run of that length."""
    return np.asarray(np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count))


def _us(times: pl.Series) -> np.ndarray:
    return times.cast(pl.Datetime("us")).to_physical().to_numpy().astype(np.int64)


def _us_of(at: datetime) -> int:
    return round((at - EPOCH) / timedelta(microseconds=1))
