"""Is it found how much a shop does not write down, and what is it worth to know? Companies whose truth is known.

The recorded share of repairs from scans and the POS's repair money, with its 80 % interval, beside what was truly written down; the
hazard left after a service beside the twin's law; and the services advised, each done on the first day, judged by the law: dollars
promised with their 80 % interval, and truly avoided in a year at the true mean cost of a repair and the stated price of a service,
beside the best that any choice of units could avoid. `no money`: the same shop without repair money in its POS, where what is written
down counts as all there is.
"""

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from sqlalchemy import select

from rfid3_maintenance import fitting, publication, queries
from rfid3_maintenance.decisions.costs import EMERGENCY_RATIO, PLANNED_RATIO
from rfid3_maintenance.kinds import WEAR
from rfid3_maintenance.publication import Read
from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_maintenance.snapshot import ADVICE, BEST, COSTS, Snapshot
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.rebuild import rebuild
from rfid3_shared.twin import build, hazards, truth, wear_truth
from rfid3_shared.twin.materials import FAULTS, MATERIALS, USUAL_OUT_DAYS
from rfid3_shared.twin.workshop import BEST_AFTER_REPAIR

SEEDS, SHARES = (41, 42), (0.1, 0.35, 1.0)
ITEMS, MONTHS, END = 3000, 24, date(2025, 10, 31)
YEAR_DAYS = 365


@dataclass(frozen=True)
class Company:
    """What the suite reads, and the truth on the same day."""

    life: Life
    booked_usd: dict[str, float]
    items: pl.DataFrame
    faults: pl.DataFrame


async def company(seed: int, share: float) -> Company:
    """Found one and read both sides of it."""
    with tempfile.TemporaryDirectory() as name:
        engine = db.open_engine(f"sqlite:///{name}/source.db")
        await build.create(
            engine, Path(name) / "truth.db", items=ITEMS, months=MONTHS, seed=seed, end=END, recorded_ratio=share
        )
        async with db.transaction(engine) as connection:
            life, booked = await rebuild(connection, Clock()), await queries.class_repair_usd(connection)
        await engine.dispose()
        told, opened = [], truth.open_truth(Path(name) / "truth.db")
        async with db.transaction(opened) as connection:
            for table in (wear_truth.true_items, wear_truth.true_faults):
                rows = [tuple(row) for row in await connection.execute(select(table))]
                told.append(pl.DataFrame(rows, schema=list(table.c.keys()), orient="row", infer_schema_length=None))
        await opened.dispose()
    return Company(life, booked, told[0], told[1].filter(pl.col("kind") == "repair"))


def snapshots(of: Company) -> tuple[Snapshot, Snapshot]:
    """As training makes it, and as it would be were there no repair money in the POS."""
    zone, own = Clock().zone, MaintenanceSettings()
    past = fitting.past_of(of.life, own.maintenance_landmark_days, zone)
    fitted = fitting.fit(past)
    made = [
        publication.snapshot_of(of.life, past, fitted, Read(0, booked, {}), own, zone, "0" * 32, {})
        for booked in (of.booked_usd, {})
    ]
    return made[0], made[1]


def by_law(of: Company, snapshot: Snapshot) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the snapshot whose truth is known; wear failures of a year as they are, after a service now, and a repair's true cost."""
    place = {snapshot.id_of(row): row for row in np.flatnonzero(snapshot.answerable).tolist()}
    items = of.items.filter(pl.col("gone").is_null() & pl.col("tag_id").is_in(list(place)))
    last = of.life.stays.filter((of.life.data_to - pl.col("left_at")).dt.total_days() < YEAR_DAYS)
    items = items.join(last.group_by("tag_id").len(), on="tag_id", how="left").with_columns(pl.col("len").fill_null(0))
    means = of.faults.join(of.items.select("tag_id", "rental_class_num"), on="tag_id").group_by("rental_class_num").agg(
        usd=pl.col("cost_usd").mean()
    )  # fmt: skip
    items = items.join(means, on="rental_class_num", how="inner")
    material = np.array([[one.name for one in MATERIALS].index(name) for name in items["material"]])
    condition, lift = items["condition"].to_numpy(), np.array([one.lift for one in MATERIALS])[material]
    served = np.minimum(np.maximum(condition, BEST_AFTER_REPAIR), condition + lift)
    nothing, age = np.zeros(len(items)), items["age_days"].to_numpy() + MONTHS * 30.44
    kinds = [FAULTS.index(kind) for kind in WEAR]
    year = [
        hazards.turn_probability(
            material, condition=state, frailty=items["frailty"].to_numpy(), age_days=age, turns_since_service=since,
            days_out=nothing + USUAL_OUT_DAYS, rain_in=nothing,
        )[:, kinds].sum(axis=1) * items["len"].to_numpy()
        for state, since in ((condition, items["turns_since_service"].to_numpy()), (served, nothing))
    ]  # fmt: skip
    rows = np.array([place[tag] for tag in items["tag_id"]])
    return rows, year[0], year[1], items["usd"].to_numpy()


def judged(snapshot: Snapshot, rows: np.ndarray, year: np.ndarray, served: np.ndarray, usd: np.ndarray) -> str:
    """Services advised, dollars promised with their interval, truly avoided and whether inside, the best there is."""
    costs = dict(zip(COSTS, np.asarray(snapshot.costs[rows], float).T, strict=True))
    risk = costs["downtime_days"] * costs["revenue_usd_per_day"] * costs["booked_ratio"]
    gain = (usd * (1 + EMERGENCY_RATIO) + risk) * (year - served) - PLANNED_RATIO * usd
    advised = snapshot.advice[rows] == ADVICE.index("service")
    names = ("avoided_usd", "avoided_lower_usd", "avoided_upper_usd")
    promised, lower, upper = (float(snapshot.best[rows, BEST.index(name)][advised].sum()) for name in names)
    truly = gain[advised].sum()
    return (f"{advised.sum():6d}{promised:12,.0f}{f'{lower:,.0f} to {upper:,.0f}':>20}{truly:12,.0f}"
            f"{'yes' if lower <= truly <= upper else 'no':>8}{gain[gain > 0].sum():12,.0f}"
            f"{np.median(costs['repair_usd'] / usd):14.2f}")  # fmt: skip


def main() -> None:
    """Print everything."""
    for share in SHARES:
        for seed in SEEDS:
            of = asyncio.run(company(seed, share))
            made, plain = snapshots(of)
            noted = of.faults.filter(pl.col("day") >= END.replace(month=1, day=1))["recorded"].cast(pl.Float64).to_numpy()
            found = made.spec.recorded
            print(
                f"\n--- recorded {share:.0%}, seed {seed}: {noted.sum():.0f} of {len(noted)} repairs of the year, {noted.mean():.3f}"
            )
            if "all" not in found:
                print(f"share not told: {found['missing']}")
                continue
            print(
                "share told {median:.3f} ({lower:.3f} to {upper:.3f})".format(**found["all"]),
                f"repairs {found['repairs_estimated']:.0f}",
            )
            rows, now, after, usd = by_law(of, made)
            wear = [-np.log(np.prod(part[rows][:, [0, 2], 6].astype(float), axis=1)) for part in (made.survival, made.renewed)]
            print(f"hazard left by a service {wear[1].sum() / wear[0].sum():.3f}; by the law {after.sum() / now.sum():.3f}")
            print(
                f"{'':10}{'advised':>8}{'promised $':>12}{'80 %':>20}{'avoided $':>12}{'inside':>8}{'best $':>12}{'cost / true':>14}"
            )
            for name, one in (("told", made), ("no money", plain)):
                print(f"{name:10}  {judged(one, rows, now, after, usd)}")


if __name__ == "__main__":
    main()
