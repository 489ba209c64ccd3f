"""How good are weekly demand forecasts on the demo company and on a real RFID3 export, beside the naive ones?

The last complete weeks are held out whole: the model is trained on a source that ends before them and forecasts them once. WAPE of
the mean and of the median (which is what WAPE wants: of a sparse class the mean is not the point with the least error) and
coverage at 80 % and 95 % by level, beside the seasonal naive (52 weeks, else the last value) and the mean of the last four weeks.
"""

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from rfid3_demand import features, fitting, history
from rfid3_demand.history import History
from rfid3_demand.nodes import Node
from rfid3_demand.schemas import RetrainRequest
from rfid3_demand.settings import DemandSettings
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.source import load, tables

HOLD_OUT_WEEKS = 4
LEVELS = ("all", "category", "class")


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


async def demo(folder: Path) -> History:
    """The demo company's history, as `make run` creates it."""
    from rfid3_shared.twin import build as twin

    engine = db.open_engine(f"sqlite:///{folder / 'demo.db'}")
    await twin.create(engine, folder / "truth.db", items=5000, months=30, seed=7, end=date(2026, 10, 31))
    try:
        return await history.read(engine, Clock(), 1095)
    finally:
        await engine.dispose()


async def export(folder: Path, given: Path) -> History:
    """A real export's history."""
    engine = db.open_engine(f"sqlite:///{folder / 'export.db'}")
    await db.create_tables(engine, tables.source_metadata)
    await load.load_export(engine, given, clock=Clock())
    try:
        return await history.read(engine, Clock(), 1095)
    finally:
        await engine.dispose()


def cut(past: History, last: date) -> History:
    """What was known on the evening of `last`."""
    return replace(past, span=replace(past.span, last=last), units=past.units.filter(pl.col("week") <= last - timedelta(days=6)),
                   external=past.external.filter(pl.col("date") <= last))  # fmt: skip


def held_out(past: History, trained: fitting.Trained, weeks: list[date]) -> np.ndarray:
    """What left in the held-out weeks, (nodes, weeks): all of it, also of classes that had never left before."""
    named = past.classes.select("rental_class", "category", "subcategory").with_columns(
        subcategory=pl.concat_str("category", pl.lit(" / "), "subcategory")
    )
    units = past.units.filter(pl.col("week").is_in(weeks)).join(named, on="rental_class", how="left")
    units = units.with_columns(pl.col("category", "subcategory").fill_null(features.UNMAPPED), everything=pl.lit("all"))
    row_of = {node: at for at, node in enumerate(trained.nodes)}
    y = np.zeros((len(row_of), len(weeks)))
    for level, column in (
        ("class", "rental_class"),
        ("subcategory", "subcategory"),
        ("category", "category"),
        ("all", "everything"),
    ):
        for name, store, week, count in units.select(column, "store", "week", "units").iter_rows():
            for place in (store, "all"):
                row = row_of.get(Node(level, name, place))
                if row is not None:
                    y[row, weeks.index(week)] += count
    return y


def judge(name: str, past: History, origins: int) -> None:
    """Print the table of one source: every origin trains afresh on what came before it."""
    settings = DemandSettings(demand_horizon_weeks=13)
    every = features.complete_weeks(past.span.first, past.span.last)
    rows: dict[str, list[np.ndarray]] = {level: [] for level in LEVELS}
    started = time.perf_counter()
    for origin in range(origins, 0, -1):
        weeks = every[len(every) - HOLD_OUT_WEEKS * origin :][:HOLD_OUT_WEEKS]
        trained = fitting.fit(cut(past, weeks[0] - timedelta(days=1)), settings, RetrainRequest(), Silent())
        actual = held_out(past, trained, weeks)
        known = np.asarray(trained.tree.summing @ np.nan_to_num(trained.bottom.y))
        ensemble, levels = trained.forecast.variants["ensemble"], list(trained.forecast.levels)
        year = known[:, -52:][:, :HOLD_OUT_WEEKS] if known.shape[1] >= 52 else np.repeat(known[:, -1:], HOLD_OUT_WEEKS, axis=1)
        four = np.repeat(known[:, -4:].mean(axis=1, keepdims=True), HOLD_OUT_WEEKS, axis=1)
        median, *ends = (ensemble.quantiles[:, :HOLD_OUT_WEEKS, levels.index(level)] for level in (0.5, 0.1, 0.9, 0.025, 0.975))
        stacked = np.stack([actual, ensemble.mean[:, :HOLD_OUT_WEEKS], median, year, four, *ends], axis=-1)
        for level in LEVELS:
            chosen = [at for at, node in enumerate(trained.nodes) if node.level == level and node.store == "all"]
            rows[level].append(stacked[chosen].reshape(-1, 9))
    print(f"\n{name}: {origins} origins x {HOLD_OUT_WEEKS} weeks, {(time.perf_counter() - started) / origins:.0f} s a training")
    print(
        f"{'level':10}{'n':>6}{'WAPE':>8}{'of median':>11}{'seasonal naive':>16}{'4-week mean':>13}{'in 80 %':>9}{'in 95 %':>9}"
    )
    for level in LEVELS:
        table = np.concatenate(rows[level])
        table = table[np.isfinite(table).all(axis=1)]
        y, *said, low80, high80, low95, high95 = table.T
        wapes = [np.abs(y - one).sum() / y.sum() for one in said]
        inside = [np.mean((y >= low - 1e-6) & (y <= high + 1e-6)) for low, high in ((low80, high80), (low95, high95))]
        print(
            f"{level:10}{len(y):6d}{wapes[0]:8.3f}{wapes[1]:11.3f}{wapes[2]:16.3f}{wapes[3]:13.3f}{inside[0]:9.3f}{inside[1]:9.3f}"
        )


def main() -> None:
    """Judge the demo company and, where one is at hand, a real export."""
    with tempfile.TemporaryDirectory() as folder:
        if "--export-only" not in sys.argv:
            judge("demo company", asyncio.run(demo(Path(folder))), 3)
        given = Path(os.environ.get("RFID3_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data") / "rfid3"
        if given.exists():
            judge("real export", asyncio.run(export(Path(folder), given)), 3)
        else:
            print("\nreal export: skipped, set RFID3_TEST_DATA to a folder that holds rfid3/")


if __name__ == "__main__":
    main()
