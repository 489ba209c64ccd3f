"""How good are forecasts of anybody's series, beside the seasonal naive, all-zero and statsforecast's AutoTheta, on public
data?

The last steps of each set are held out whole and forecast once. MASE is of the median, WAPE of the mean, WQL the mean over the
nine
deciles; coverage of counts cannot hit its level exactly, so for them the share at or below the upper end is what to look at.
Sets are looked for in RFID3_TEST_DATA, else ../shared/data; those absent are skipped by name.
"""

import csv
import gzip
import os
import sys
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from rfid3_demand.model import Panel, fit_forecast, naive
from rfid3_demand.model.own_series import COUNT_MEAN_LIMIT
from rfid3_shared import evaluate
from rfid3_shared.series import parse_frequency

DATA = Path(os.environ.get("RFID3_TEST_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
DECILES = tuple(k / 10 for k in range(1, 10))
THETA_SERIES = 120
"""The peer is run on at most so many series of a set, evenly picked; ours is scored on those too."""


def aligned(series: list[np.ndarray]) -> np.ndarray:
    """Series as rows, aligned at their ends."""
    y = np.full((len(series), max(map(len, series))), np.nan)
    for row, values in zip(y, series, strict=True):
        row[len(row) - len(values) :] = values
    return y


def carparts(path: Path) -> np.ndarray:
    """Monthly demand of car parts, long format."""
    frame = pl.read_csv(path).sort("unique_id", "ds")
    return aligned([group["y"].to_numpy() for _, group in frame.group_by("unique_id", maintain_order=True)])


def wide_rows(path: Path) -> np.ndarray:
    """One series a row, name first (M4)."""
    with gzip.open(path, "rt") as lines:
        rows = list(csv.reader(lines))[1:]
    return aligned([np.array([float(v) for v in row[1:] if v not in ("", "NA")]) for row in rows])


def tourism(path: Path) -> np.ndarray:
    """One series a column, its length in the first row, values from the fourth (Tcomp)."""
    with gzip.open(path, "rt") as lines:
        columns = zip(*list(csv.reader(lines))[1:], strict=False)
    return aligned([np.array([float(v) for v in column[3 : 3 + int(float(column[0]))]]) for column in columns])


def bike(path: Path) -> np.ndarray:
    """Daily rentals, without weather."""
    return pl.read_csv(path)["cnt"].to_numpy()[None, :].astype(float)


SETS: dict[str, tuple[str, Callable[[Path], np.ndarray], str, int, int]] = {
    "carparts monthly": ("carparts/carparts_train.csv.gz", carparts, "MS", 12, 12),
    "M4 hourly": ("m4_hourly/Hourly-train.csv.gz", wide_rows, "h", 24, 48),
    "tourism monthly": ("tourism_comp/monthly_in.csv.gz", tourism, "MS", 12, 24),
    "tourism quarterly": ("tourism_comp/quarterly_in.csv.gz", tourism, "QS", 4, 8),
    "bike sharing daily": ("bike_sharing_uci/day.csv", bike, "D", 7, 28),
}


def dates(freq: str, length: int) -> tuple[object, ...]:
    """A time axis; whole numbers for hours, whose calendar the sets do not give."""
    if freq == "h":
        return tuple(range(length))
    step = parse_frequency(freq).step
    start = pl.Series([date(1990, 1, 1)])
    return tuple(start.dt.offset_by(f"{int(step[0]) * k}{step[1:]}").item() for k in range(length))


def theta(y: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The peer: statsforecast's AutoTheta, series by series."""
    from statsforecast.models import AutoTheta

    said = np.full((len(y), horizon), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k, row in enumerate(y):
            history = row[np.isfinite(row)].astype(np.float32)
            if len(history) > 2 * season:
                said[k] = AutoTheta(season_length=season).forecast(history, horizon)["mean"]
    return said


def line(
    name: str, y: np.ndarray, past: np.ndarray, season: int, mean: np.ndarray, quantiles: np.ndarray | None = None
) -> None:
    """One printed row of scores."""
    median = mean if quantiles is None else quantiles[..., 5]
    text = f"  {name:<18} MASE {evaluate.mase(y, median, past, season):7.3f}  WAPE {evaluate.wape(y, mean):7.3f}"
    if quantiles is None:
        point = np.repeat(mean[..., None], len(DECILES), axis=2)
        print(f"{text}  WQL {evaluate.weighted_quantile_loss(y, point, DECILES):7.4f}")
        return
    inside = [evaluate.coverage(y, quantiles[..., a], quantiles[..., b]) for a, b in ((1, 9), (0, 10))]
    tops = [evaluate.calibration_band(y, quantiles[..., k]) for k in (9, 10)]
    loss = evaluate.weighted_quantile_loss(y, quantiles[..., 1:10], DECILES)
    bands = "  ".join(f"q{level}: {low:.3f}–{high:.3f}" for level, (low, high) in zip(("0.9", "0.975"), tops, strict=True))
    print(f"{text}  WQL {loss:7.4f}  in 80 % {inside[0]:.3f}  in 95 % {inside[1]:.3f}  {bands}")


def score(name: str, y: np.ndarray, freq: str, season: int, horizon: int) -> None:
    """Hold out, fit, print ours and the peers'."""
    past, truth = y[:, :-horizon], y[:, -horizon:]
    seen = np.isfinite(past).any(axis=1)
    past, truth = past[seen], truth[seen]
    values = past[np.isfinite(past)]
    whole = bool((values >= 0).all() and (values == np.round(values)).all())
    counts = whole and float(np.median(np.nanmean(past, axis=1))) < COUNT_MEAN_LIMIT
    ids = tuple(map(str, range(len(past))))
    panel = Panel(ids, dates(freq, past.shape[1]), past, parse_frequency(freq), season, counts=counts)
    began = time.perf_counter()
    said = fit_forecast(panel, horizon, levels=(0.025, *DECILES, 0.975)).variants["ensemble"]
    print(f"{name}: {len(past)} series × {past.shape[1]}, {horizon} steps, {time.perf_counter() - began:.0f} s")
    line("rfid3", truth, past, season, said.mean, said.quantiles)
    line("seasonal naive", truth, past, season, naive.seasonal_naive(past, horizon, season))
    line("all zero", truth, past, season, np.zeros_like(truth))
    pick = np.unique(np.linspace(0, len(past) - 1, THETA_SERIES).round().astype(int))
    if counts:
        return
    line("rfid3, same picks", truth[pick], past[pick], season, said.mean[pick], said.quantiles[pick])
    line("AutoTheta, picks", truth[pick], past[pick], season, theta(past[pick], horizon, season))


def main() -> None:
    """Every set that is there, or those whose names start with an argument."""
    for name, (path, read, freq, season, horizon) in SETS.items():
        if sys.argv[1:] and not any(name.startswith(word) for word in sys.argv[1:]):
            continue
        if not (DATA / path).is_file():
            print(f"{name}: skipped, {DATA / path} is absent")
            continue
        score(name, read(DATA / path), freq, season, horizon)


if __name__ == "__main__":
    main()
