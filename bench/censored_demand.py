"""How much of the demand behind empty shelves does the suite find, and what is it worth to the forecast?

Demonstration companies of which a known share of requests is blocked; the truth is read here only. Bias = said / truly asked for − 1,
over goods with tags. Peers: what left taken for demand, and weeks with an empty shelf dropped (the mean of the class's other weeks of
that month of the year in their place). Then two forecasts of the same model, learned from what left and from what was estimated,
beside the true demand of eight weeks. `--quick`: one company, the bias only.
"""

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from rfid3_demand import features, fitting, history
from rfid3_demand.history import History
from rfid3_demand.schemas import RetrainRequest
from rfid3_demand.settings import DemandSettings
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.twin import build, truth

SEEDS, SHARES, MAIN = (11, 12, 13), (0.001, 0.05, 0.1, 0.4), 0.2
"""Seeds on which nothing was chosen."""
ITEMS, MONTHS, END = 2000, 30, date(2026, 10, 31)
HOLD_OUT_WEEKS = 8
KEYS = ["rental_class", "store"]


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Company:
    """What the suite reads, and by class, store and week what was true: category, week, demand, served.

    before: refusals as estimated from what was known before the hold-out.
    """

    past: History
    before: pl.DataFrame
    true: pl.DataFrame
    seconds: float


async def company(seed: int, share: float) -> Company:
    """Found one and read it as training does; seconds: what the estimate costs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = db.open_engine(f"sqlite:///{folder / 'source.db'}")
        await build.create(engine, folder / "truth.db", items=ITEMS, months=MONTHS, seed=seed, end=END, blocked_ratio=share)
        past = await history.read(engine, Clock(), 1095)
        async with db.transaction(engine) as connection:
            known = await history.weekly(connection, Clock(), 1095)
            started = time.perf_counter()
            await history.refused(connection, known)
            seconds = time.perf_counter() - started
            last = features.complete_weeks(known.span.first, known.span.last)[-HOLD_OUT_WEEKS] - timedelta(days=1)
            before = await history.refused(connection, replace(known, span=replace(known.span, last=last)))
        await engine.dispose()
        return Company(past, before, await _true(folder / "truth.db"), seconds)


async def _true(path: Path) -> pl.DataFrame:
    engine = truth.open_truth(path)
    d, c = truth.true_demand.c, truth.true_classes.c
    both = truth.true_demand.join(truth.true_classes, c.rental_class_num == d.rental_class_num).select()
    columns = (d.rental_class_num, d.store_id, c.category, d.date, d.demand_units, d.served_units)
    async with db.transaction(engine) as connection:
        rows = await connection.execute(both.with_only_columns(*columns).where(c.scanned))
        frame = pl.DataFrame([tuple(row) for row in rows], schema=[*KEYS, "category", "date", "demand", "served"], orient="row")
    await engine.dispose()
    weekly = frame.with_columns(week=pl.col("date").dt.truncate("1w"))
    return weekly.group_by(*KEYS, "category", "week").agg(pl.col("demand", "served").sum())


def judged(one: Company) -> pl.DataFrame:
    """The truth with `estimated` (served + refused estimate) and `dropped` beside it."""
    told = one.past.refused.select(*KEYS, "week", "units", "empty")
    table = one.true.join(told, on=[*KEYS, "week"], how="full", coalesce=True)
    named = one.true.select(*KEYS, "category").unique()
    table = table.drop("category").join(named, on=KEYS, how="inner").with_columns(
        pl.col("demand", "served").fill_null(0), pl.col("units", "empty").fill_null(0.0), month=pl.col("week").dt.month()
    )  # fmt: skip
    weeks = one.past.units.select("week").unique().join(named, how="cross")
    every = weeks.join(table.select(*KEYS, "week", "served", "empty"), on=[*KEYS, "week"], how="left").with_columns(
        pl.col("served", "empty").fill_null(0), month=pl.col("week").dt.month()
    )
    usual = every.filter(pl.col("empty") < 0.01).group_by(*KEYS, "month").agg(usual=pl.col("served").mean())
    return table.join(usual, on=[*KEYS, "month"], how="left").with_columns(
        estimated=pl.col("served") + pl.col("units"),
        dropped=pl.when(pl.col("empty") < 0.01).then("served").otherwise(pl.col("usual").fill_null(0.0)),
    )


def line(name: str, table: pl.DataFrame) -> str:
    """One row: blocked share and the three biases."""
    asked = int(table["demand"].sum())
    cells = [float(table[column].sum()) / asked - 1 for column in ("estimated", "served", "dropped")]
    return f"{name:34}{asked:8d}{1 - float(table['served'].sum()) / asked:9.1%}" + "".join(f"{cell:+10.1%}" for cell in cells)


def tables(companies: dict[tuple[int, float], Company]) -> None:
    """Print the biases: by company, then at 20 % by category and by tercile of the blocked share."""
    print(f"{'':34}{'asked':>8}{'blocked':>9}{'ours':>10}{'observed':>10}{'dropped':>10}")
    found = {key: judged(one) for key, one in companies.items()}
    for (seed, share), table in found.items():
        print(line(f"wish {share:.1%}, seed {seed}", table) + f"   {companies[seed, share].seconds:.1f} s")
    main = pl.concat([table.with_columns(seed=pl.lit(seed)) for (seed, share), table in found.items() if share == MAIN])
    for (category,), part in main.group_by("category", maintain_order=True):
        print(line(f"20 %: {category}", part))
    series = main.group_by("seed", *KEYS).agg(blocked=1 - pl.col("served").sum() / pl.col("demand").sum()).sort("blocked")
    series = series.with_row_index("rank").with_columns(tercile=pl.col("rank") * 3 // pl.len())
    for (tercile,), part in main.join(series, on=["seed", *KEYS]).sort("tercile").group_by("tercile", maintain_order=True):
        print(line(f"20 %: {('least', 'middle', 'most')[int(str(tercile))]} blocked third of the shelves", part))


def forecasts(one: Company) -> None:
    """Train on what left and on what was estimated, both up to eight weeks before the end; WAPE against true demand."""
    every = features.complete_weeks(one.past.span.first, one.past.span.last)
    held = every[-HOLD_OUT_WEEKS:]
    last = held[0] - timedelta(days=1)
    cut = replace(
        one.past, span=replace(one.past.span, last=last), units=one.past.units.filter(pl.col("week") < held[0]),
        refused=one.before, external=one.past.external.filter(pl.col("date") <= last),
    )  # fmt: skip
    true = one.true.filter(pl.col("week").is_in(held))
    for name, past in (("what left", replace(cut, refused=cut.refused.clear())), ("what was asked for", cut)):
        trained = fitting.fit(past, DemandSettings(demand_horizon_weeks=HOLD_OUT_WEEKS), RetrainRequest(), Silent())
        mean = trained.forecast.variants["ensemble"].mean
        said = []
        for level, column in (("class", "rental_class"), ("all", None)):
            names = true.with_columns(node=pl.col(column) if column else pl.lit("all"))
            asked = {key[:2]: key[2] for key in names.group_by("node", "week").agg(pl.col("demand").sum()).iter_rows()}
            rows = [at for at, node in enumerate(trained.nodes) if node.level == level and node.store == "all"]
            if level == "all":  # goods without tags are in no truth told here: add up the tagged classes
                tagged = set(true["rental_class"].unique())
                parts = [a for a, n in enumerate(trained.nodes) if n.level == "class" and n.store == "all" and n.name in tagged]
                forecast = {("all", week): float(mean[parts, k].sum()) for k, week in enumerate(held)}
            else:
                forecast = {(trained.nodes[row].name, week): float(mean[row, k]) for row in rows for k, week in enumerate(held)}
            keys = [key for key in asked if key in forecast]
            y, m = (np.array([source[key] for key in keys], float) for source in (asked, forecast))
            said.append(f"{level} WAPE {np.abs(y - m).sum() / y.sum():.3f} bias {m.sum() / y.sum() - 1:+.1%}")
        print(f"learned from {name:20}" + "   ".join(said))


def main() -> None:
    """Print everything."""
    quick = "--quick" in sys.argv
    wanted = [(SEEDS[0], MAIN)] if quick else [*((SEEDS[0], share) for share in SHARES), *((seed, MAIN) for seed in SEEDS)]
    companies = {(seed, share): asyncio.run(company(seed, share)) for seed, share in wanted}
    tables(companies)
    if not quick:
        print(f"\nforecasts of the true demand of {HOLD_OUT_WEEKS} weeks, 20 % blocked, seed {SEEDS[0]}")
        forecasts(companies[SEEDS[0], MAIN])


if __name__ == "__main__":
    main()
