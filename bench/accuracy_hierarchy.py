"""Do reconciled forecasts of a real hierarchy add up exactly, and are they better than the base forecasts at every level?

Australian trips by quarter, state, region and purpose; the last 8 quarters are held out whole. Base: every node forecast by
itself, with the regression from windows that a hierarchy leaves out. Peer: AutoETS at every node, then bottom-up and MinT
(shrunk covariance) by hierarchicalforecast, where that is installed. `python -m bench.accuracy_hierarchy [--earlier] [--peer]`.
"""

import argparse
import warnings
from time import perf_counter

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from bench.series_sets import DATA
from rfid3_demand.evaluation.said import DECILES, LEVELS
from rfid3_demand.evaluation.scores import mase
from rfid3_demand.model import Hierarchy, Panel, fit_forecast
from rfid3_demand.model.summing import aggregate
from rfid3_shared import evaluate
from rfid3_shared.series import parse_frequency

FILE = DATA / "tourism_hier" / "tourism.csv.gz"
HORIZON, SEASON = 8, 4
LEVELS_OF: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("total", ()), ("state", ("State",)), ("purpose", ("Purpose",)), ("state x purpose", ("State", "Purpose")),
    ("region", ("State", "Region")), ("bottom", ("State", "Region", "Purpose")),
)  # fmt: skip


def tourism() -> tuple[list[object], np.ndarray, Hierarchy]:
    """Quarters, bottom series (n, T), and which node sums which of them."""
    frame = pl.read_csv(FILE, try_parse_dates=True)
    wide = frame.pivot(on="Quarter", index=["State", "Region", "Purpose"], values="Trips", aggregate_function="sum").sort(
        "State", "Region", "Purpose"
    )
    dates = sorted(frame["Quarter"].unique().to_list())
    rows: list[np.ndarray] = []
    nodes: list[str] = []
    levels: list[str] = []
    for level, columns in LEVELS_OF:
        named = wide.with_columns(pl.lit(level).alias("_level"))
        keys = named.select(pl.concat_str(["_level", *columns], separator="/").alias("key"))["key"]
        for key in keys.unique(maintain_order=True):
            rows.append((keys == key).to_numpy().astype(float))
            nodes.append(key)
            levels.append(level)
    y = wide.select([str(day) for day in dates]).to_numpy().astype(float)
    return dates, y, Hierarchy(tuple(nodes), csr_matrix(np.array(rows)), tuple(levels))


def panel_of(dates: list[object], y: np.ndarray, ids: tuple[str, ...]) -> Panel:
    """Quarterly sizes."""
    return Panel(ids, tuple(dates), y, parse_frequency("QS"), SEASON, counts=False)


def shown(
    name: str, tree: Hierarchy, truth: np.ndarray, past: np.ndarray, median: np.ndarray, q: np.ndarray | None
) -> list[float]:
    """One printed line: MASE (and quantile loss) per level; the MASEs."""
    scale, levels, found, cells = np.asarray(evaluate.mase_scale(past, SEASON)), np.array(tree.levels), [], []
    for level, _ in LEVELS_OF:
        rows = levels == level
        found.append(mase(truth[rows], median[rows], scale[rows]))
        loss = "" if q is None else f"/{evaluate.weighted_quantile_loss(truth[rows], q[rows][..., 1:10], DECILES):.4f}"
        cells.append(f"{found[-1]:.3f}{loss}")
    print(f"  {name:<26}" + "".join(f"{cell:>17}" for cell in cells), flush=True)
    return found


def peer(tree: Hierarchy, past: np.ndarray, truth: np.ndarray) -> None:
    """AutoETS at every node, bottom-up and MinT with a shrunk covariance."""
    from hierarchicalforecast.methods import MinTrace
    from statsforecast.models import AutoETS

    base, fitted = np.full(truth.shape, np.nan), np.full(past.shape, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row, values in enumerate(past):
            said = AutoETS(season_length=SEASON).forecast(values, HORIZON, fitted=True)
            base[row], fitted[row] = said["mean"], said["fitted"]
        bottom = tree.summing.shape[1]
        dense = tree.summing.toarray()
        up = dense @ base[-bottom:]
        mint = MinTrace(method="mint_shrink")(S=dense, y_hat=base, y_insample=past, y_hat_insample=fitted)["mean"]
    shown("AutoETS base", tree, truth, past, base, None)
    shown("AutoETS bottom-up", tree, truth, past, up, None)
    shown("AutoETS MinT shrink", tree, truth, past, mint, None)


def main() -> None:
    """Print base and reconciled per level, and how exactly they add up."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--earlier", action="store_true", help="cut the reported part off first")
    parser.add_argument("--peer", action="store_true", help="also hierarchicalforecast, where it is installed")
    given = parser.parse_args()
    if not FILE.is_file():
        print(f"tourism hierarchy: skipped, {FILE} is absent")
        return
    dates, y, tree = tourism()
    if given.earlier:
        dates, y = dates[:-HORIZON], y[:, :-HORIZON]
    every = aggregate(tree.summing, y)
    past, truth = every[:, :-HORIZON], every[:, -HORIZON:]
    counts = ", ".join(f"{level} {tree.levels.count(level)}" for level, _ in LEVELS_OF)
    print(f"tourism hierarchy: {len(tree.nodes)} nodes ({counts}), {past.shape[1]} quarters, {HORIZON} held out; MASE/WQL")
    print(f"  {'':<26}" + "".join(f"{level:>17}" for level, _ in LEVELS_OF))
    began = perf_counter()
    base = fit_forecast(panel_of(dates[:-HORIZON], past, tree.nodes), HORIZON, levels=LEVELS).variants["ensemble"]
    middle, taken = perf_counter(), LEVELS.index(0.5)
    bottom = panel_of(dates[:-HORIZON], y[:, :-HORIZON], tuple(tree.nodes[-y.shape[0] :]))
    forecast = fit_forecast(bottom, HORIZON, hierarchy=tree, levels=LEVELS)
    ours = forecast.variants["ensemble"]
    seconds = f"{middle - began:.0f} s and {perf_counter() - middle:.0f} s"
    before = shown("rfid3 base", tree, truth, past, base.quantiles[..., taken].astype(float), base.quantiles.astype(float))
    after = shown("rfid3 reconciled", tree, truth, past, ours.quantiles[..., taken].astype(float), ours.quantiles.astype(float))
    if given.peer:
        peer(tree, past, truth)
    mean = ours.mean.astype(float)
    gap = np.abs(mean - aggregate(tree.summing, mean[-y.shape[0] :])).max() / np.abs(mean).max()
    spread = np.abs(ours.quantiles.sum() - base.quantiles.sum()) / base.quantiles.sum()
    inside = [evaluate.coverage(truth, ours.quantiles[..., a], ours.quantiles[..., b]) for a, b in ((1, 9), (0, 10))]
    worse = [level for (level, _), old, new in zip(LEVELS_OF, before, after, strict=True) if new > old]
    print(
        f"  sums: largest relative gap {gap:.1e} (float32 rounding is 6e-8); in 80 % {inside[0]:.3f}, in 95 % {inside[1]:.3f}"
    )
    print(
        f"  better than base at every level? {'yes' if not worse else 'no: ' + ', '.join(worse)}; negative: {int((mean < 0).sum())}"
    )
    print(f"  quantiles moved by {spread:.1%} in all; notes: {forecast.notes}; {seconds}")


if __name__ == "__main__":
    main()
