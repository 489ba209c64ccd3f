"""What does a service take off each unit, as the turns of all of them tell? From lives, for `decisions.service_effect`; pure."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from rfid3_maintenance.decisions.service_effect import Effect, service_effect
from rfid3_maintenance.kinds import KINDS
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.watch import events_of

MENDED = ("repair", "cleaning", "retirement")
"""Kinds whose hazard a service may lower. Nothing makes a lost item less lost."""


def turns_of(life: Life) -> pl.DataFrame:
    """Every rental of a unit for rent: tag_id, rental_class, left_at, number (0 is its first), since (rentals since the last repair that
    was seen to be over, or since the first), serviced (whether there was such a repair)."""
    rented = life.units.filter(~pl.col("for_sale")).select("tag_id", "rental_class")
    turns = life.stays.select("tag_id", "left_at").join(rented, on="tag_id", how="inner").sort("tag_id", "left_at")
    turns = turns.with_columns(number=pl.int_range(pl.len(), dtype=pl.Int64).over("tag_id"))
    services = life.services.filter(pl.col("kind") == "repair").select("tag_id", service_at="at").sort("service_at")
    told = turns.sort("left_at").join_asof(
        services, left_on="left_at", right_on="service_at", by="tag_id", check_sortedness=False, coalesce=False
    )  # fmt: skip
    begun = pl.col("number").min().over("tag_id", "service_at")
    return told.with_columns(since=pl.col("number") - begun, serviced=pl.col("service_at").is_not_null()).select(
        "tag_id", "rental_class", "left_at", "number", "since", "serviced"
    ).sort("tag_id", "number")  # fmt: skip


def effects_of(life: Life) -> dict[str, Effect]:
    """By kind, what a service does to its hazard. A fault belongs to the last rental that began before it."""
    turns = turns_of(life)
    stratum = turns["rental_class"].fill_null("").rank("dense").cast(pl.Int64).to_numpy() - 1
    since = turns["since"].cast(pl.Float64).to_numpy()
    services = turns.filter("serviced").select("tag_id", pl.col("number") - pl.col("since")).n_unique()
    return {kind: service_effect(stratum, since, _failed(life, turns, kind), services) for kind in MENDED}


def since_service(life: Life, tags: pl.Series) -> np.ndarray:
    """(tags,) rentals of each unit since its last repair that was seen to be over, else since the first; 0 for one never rented."""
    last = turns_of(life).group_by("tag_id").agg(pl.col("left_at").last(), turns=pl.col("since").last() + 1)
    over = life.services.filter(pl.col("kind") == "repair").group_by("tag_id").agg(service_at=pl.col("at").max())
    known = tags.rename("tag_id").to_frame().join(last, on="tag_id", how="left", maintain_order="left")
    known = known.join(over, on="tag_id", how="left", maintain_order="left")
    fresh = (pl.col("service_at") > pl.col("left_at")).fill_null(False)
    return known.select(turns=pl.when(fresh).then(0).otherwise(pl.col("turns").fill_null(0)).cast(pl.Float64))[
        "turns"
    ].to_numpy()


def renewed(survival: np.ndarray, effects: Mapping[str, Effect], turns: np.ndarray) -> np.ndarray:
    """(units, kinds, cuts) the curves of units (units, kinds, cuts) were they serviced now: hazards times what a service leaves."""
    after = np.array(survival, dtype=np.float64)
    for kind, effect in effects.items():
        after[:, KINDS.index(kind)] **= effect.ratio(turns)[:, None]
    return after.astype(np.float32)


def _failed(life: Life, turns: pl.DataFrame, kind: str) -> np.ndarray:
    """(turns,) 1.0 where a fault of the kind came of the rental."""
    began = turns.select("tag_id", "left_at", "number").sort("left_at")
    came = events_of(life, kind).sort("at").join_asof(
        began, left_on="at", right_on="left_at", by="tag_id", check_sortedness=False
    )  # fmt: skip
    hit = came.drop_nulls("number").select("tag_id", "number").unique().with_columns(failed=pl.lit(1.0))
    marked = turns.select("tag_id", "number").join(hit, on=["tag_id", "number"], how="left", maintain_order="left")
    return np.asarray(marked["failed"].fill_null(0.0).to_numpy())
