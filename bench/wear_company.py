"""What do the suite and the truth know of a company on one day, and what came in the year after? Parts of `wear_twin`.

The company is founded, read as training reads it, and only then lives on: nothing that came later can be in what is learned.
"""

import tempfile
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import polars as pl
from sqlalchemy import select

from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.rebuild import rebuild
from rfid3_shared.twin import build, hazards, truth, wear_truth
from rfid3_shared.twin.materials import FAULTS, MATERIALS, USUAL_CONDITION, USUAL_OUT_DAYS

ITEMS, MONTHS, END = 3000, 24, date(2025, 10, 31)
YEAR_DAYS = 365
OF = {"repair": ("repair",), "cleaning": ("cleaning",), "retirement": ("retirement",), "loss": ("loss",),
      "failure": ("repair", "retirement")}  # fmt: skip
"""What is foretold, and of which faults it is the first; failure is wear."""
WRITTEN_DOWN = ("repair", "cleaning")
"""Faults that staff may pass over in silence; what is retired or lost always shows in the end."""


@dataclass(frozen=True)
class Company:
    """As read on the last day of its founding, and the truth then and a year later, by tag."""

    life: Life
    origin: datetime
    then: pl.DataFrame
    now: pl.DataFrame
    faults: pl.DataFrame
    conditions: pl.DataFrame


async def company(seed: int, recorded_ratio: float, items: int = ITEMS) -> Company:
    """Found one, read it, and let it live for a year more."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = db.open_engine(f"sqlite:///{folder / 'source.db'}")
        try:
            await build.create(
                engine, folder / "truth.db", items=items, months=MONTHS, seed=seed, end=END, recorded_ratio=recorded_ratio
            )
            async with db.transaction(engine) as connection:
                life = await rebuild(connection, Clock())
            then = (await _truth(folder / "truth.db"))["items"]
            await build.advance(engine, folder / "truth.db", YEAR_DAYS)
            told = await _truth(folder / "truth.db")
        finally:
            await engine.dispose()
    return Company(life, life.data_to, then, told["items"], told["faults"], told["conditions"])


async def _truth(path: Path) -> dict[str, pl.DataFrame]:
    engine, found = truth.open_truth(path), {}
    async with db.transaction(engine) as connection:
        for name in ("items", "faults", "conditions"):
            table = getattr(wear_truth, f"true_{name}")
            rows = await connection.execute(select(table))
            found[name] = pl.DataFrame(
                [tuple(row) for row in rows], schema=[c.name for c in table.columns], orient="row", infer_schema_length=None
            )
    await engine.dispose()
    return found


def asked(of: Company) -> pl.DataFrame:
    """The units of which something is foretold, by tag: those for rent that RFID3 does not call gone, and that truly are not gone."""
    there = of.then.filter(pl.col("gone").is_null())
    units = of.life.units.filter(pl.col("gone").is_null() & ~pl.col("for_sale")).select("tag_id", "rental_class", "category")
    return units.join(there, on="tag_id", how="inner").sort("tag_id")


def came(of: Company, tags: pl.Series, what: str, *, recorded: bool) -> tuple[np.ndarray, np.ndarray]:
    """(units,) days to the first fault of the year after, or to the unit's end or the year's; and whether it was such a fault."""
    day0 = of.origin.date()
    seen = of.faults.filter(pl.col("day") > day0).with_columns(after=(pl.col("day") - day0).dt.total_days().cast(pl.Float64))
    told = pl.col("recorded") | ~pl.col("kind").is_in(WRITTEN_DOWN) if recorded else pl.lit(True)
    happened = seen.filter(pl.col("kind").is_in(OF[what]) & told).group_by("tag_id").agg(event=pl.col("after").min())
    ends = seen.filter(pl.col("kind").is_in(["retirement", "loss"])).group_by("tag_id").agg(end=pl.col("after").min())
    rows = pl.DataFrame({"tag_id": tags})
    for part in (happened, ends):
        rows = rows.join(part, on="tag_id", how="left", maintain_order="left")
    event, end = (rows[name].fill_null(np.inf).to_numpy() for name in ("event", "end"))
    end = np.minimum(end, YEAR_DAYS)
    return np.minimum(event, end), event <= end


def true_rates(of: Company, units: pl.DataFrame, kind: str, *, hidden: bool) -> np.ndarray:
    """(units,) true chance of a fault at the next usual dry turn; hidden: with the unit's own frailty and condition, not the usual ones."""
    names = [material.name for material in MATERIALS]
    material = np.array([names.index(name) for name in units["material"]])
    usual = np.ones(len(units))
    days = (of.origin.date() - of.life.data_from.date()).days
    chance = hazards.turn_probability(
        material, condition=units["condition"].to_numpy() if hidden else USUAL_CONDITION * usual,
        frailty=units["frailty"].to_numpy() if hidden else usual, age_days=units["age_days"].to_numpy() + days,
        turns_since_service=units["turns_since_service"].to_numpy(), days_out=USUAL_OUT_DAYS * usual, rain_in=0.0 * usual,
    )  # fmt: skip
    return np.asarray(chance[:, [FAULTS.index(name) for name in OF[kind]]].sum(axis=1))


def turns_of_year(of: Company, units: pl.DataFrame) -> np.ndarray:
    """(units,) turns that each truly made in the year after."""
    after = units.select("tag_id").join(of.now.select("tag_id", after="turns"), on="tag_id", how="left", maintain_order="left")
    return np.asarray((after["after"] - units["turns"]).to_numpy(), float)


def true_grade_at(of: Company, tags: pl.Series, days: int) -> np.ndarray:
    """(units,) true grade so many days after the origin, NaN where the unit was repaired or gone by then; 0 to 10."""
    until = datetime.combine(of.origin.date(), time.min).date().toordinal() + days
    last = date.fromordinal(until)
    ended = of.faults.filter((pl.col("day") > of.origin.date()) & (pl.col("day") <= last) & (pl.col("kind") != "cleaning"))
    grade = (
        of.conditions.filter(pl.col("day") <= last)
        .sort("day", maintain_order=True)
        .group_by("tag_id")
        .agg(pl.col("grade").last())
    )
    rows = pl.DataFrame({"tag_id": tags}).join(grade, on="tag_id", how="left", maintain_order="left")
    whole = ~rows["tag_id"].is_in(ended["tag_id"].unique().implode())
    return np.where(whole.to_numpy(), rows["grade"].cast(pl.Float64).fill_null(float("nan")).to_numpy(), np.nan)
