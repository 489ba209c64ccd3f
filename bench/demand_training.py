"""How long does a full run take, how long a refresh, and how does that grow? Series per second beside AutoETS and AutoTheta.

`python -m bench.demand_training [--series 1000 10000] [--large] [--scaling [1000 10000 100000]] [--sample 60]`. Independent series
of counts and of sizes, 156 weeks, 13 weeks of quantiles, with the evaluation of every method at five origins. The peers
(statsforecast, where installed) forecast a sample once, without quantiles' calibration and without evaluation. Each size runs in a
process of its own, for its peak memory, that of its children included.
--scaling: counts of those sizes only, no peers; seconds of processor per 1,000 series and peak memory, and for each size after the
first what one series more cost against what one cost between the two sizes before: 1 is linear, below 1 grows slower.
The bar: 10,000 series within 90 s and 2.5 GB on two cores; a refresh within 20 % of a full run; 100,000 series linear.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from rfid3_demand.model import Panel, fit_forecast, refresh
from rfid3_shared.series import parse_frequency

WEEKS, HORIZON = 156, 13
LARGE = 100_000
SIZES = [1_000, 10_000, LARGE]


def panel(n: int, counts: bool) -> Panel:
    """n independent series with a yearly season, negative binomial, or sizes around them."""
    rng = np.random.default_rng(3)
    level, phase = np.exp(rng.normal(0.5, 1.3, n)), rng.uniform(0, 52, n)
    season = 1 + 0.6 * np.sin(2 * np.pi * (np.arange(WEEKS) - 0.2 * phase[:, None]) / 52)
    y = rng.negative_binomial(2, 2 / (2 + level[:, None] * season)).astype(float)
    if not counts:
        y = 10 + y * rng.gamma(4, 0.25, y.shape)
    dates = tuple(date(2023, 1, 2) + timedelta(weeks=k) for k in range(WEEKS))
    return Panel(tuple(map(str, range(n))), dates, y, parse_frequency("W-MON"), 52, counts=counts)


def processor_s() -> float:
    """Seconds of processor that this process and its ended children have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def one(n: int, counts: bool) -> dict[str, float]:
    """Seconds of a full run and of the refresh a week later, processor seconds of both, peak memory of this process and its own."""
    today = panel(n, counts)
    before = replace(today, dates=today.dates[:-1], y=today.y[:, :-1])
    marks = [(time.perf_counter(), processor_s())]
    full = fit_forecast(before, HORIZON)
    marks.append((time.perf_counter(), processor_s()))
    peak_gb = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1e6
    refresh(today, HORIZON, full)
    marks.append((time.perf_counter(), processor_s()))
    (full_s, full_cpu), (refresh_s, refresh_cpu) = (
        (marks[k + 1][0] - marks[k][0], marks[k + 1][1] - marks[k][1]) for k in (0, 1)
    )
    return {"full_s": full_s, "full_cpu_s": full_cpu, "refresh_s": refresh_s, "refresh_cpu_s": refresh_cpu, "peak_gb": peak_gb}


def apart(n: int, kind: str) -> dict[str, float]:
    """`one` in a process of its own."""
    command = [sys.executable, "-m", "bench.demand_training", "--one", str(n), kind]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    made: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return made


def scaling(sizes: list[int]) -> None:
    """Print a line per size, from the smallest: cost per 1,000 series, and how the cost of one series more has changed."""
    done: list[tuple[int, dict[str, float]]] = []
    for n in sorted(sizes):
        made = apart(n, "counts")
        line = (
            f"{n:>7} counts: {made['full_cpu_s']:.1f} s of processor ({1000 * made['full_cpu_s'] / n:.2f} per 1,000; wall "
            f"{made['full_s']:.1f} s), refresh {made['refresh_cpu_s'] / made['full_cpu_s']:.0%}, peak {made['peak_gb']:.2f} GB"
        )
        done.append((n, made))
        if len(done) > 2:
            line += "; one series more against before: " + ", ".join(
                f"{_slope(done[-2:], name) / _slope(done[-3:-1], name):.2f} {what}"
                for name, what in (("full_cpu_s", "of time"), ("peak_gb", "of memory"))
            )
        print(line, flush=True)


def _slope(two: list[tuple[int, dict[str, float]]], name: str) -> float:
    """What one series more costs between two sizes."""
    (few, less), (many, more) = two
    return (more[name] - less[name]) / (many - few)


def peers(sample: int) -> dict[str, float]:
    """Series per second of each peer on one core, after a first run that compiles; empty where statsforecast is not installed."""
    try:
        from statsforecast.models import AutoETS, AutoTheta, CrostonOptimized
    except ImportError:
        return {}
    found, y = {}, panel(sample, True).y
    for name, model in (("AutoETS", AutoETS(52)), ("AutoTheta", AutoTheta(52)), ("CrostonOptimized", CrostonOptimized())):
        model.forecast(y[0], h=HORIZON)
        begun = time.perf_counter()
        for series in y:
            model.forecast(series, h=HORIZON)
        found[name] = sample / (time.perf_counter() - begun)
    return found


def main() -> None:
    """Print one line per size, and the peers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--large", action="store_true", help=f"also {LARGE} series")
    parser.add_argument("--scaling", type=int, nargs="*", help=f"how cost grows with the number of series; default {SIZES}")
    parser.add_argument("--sample", type=int, default=60, help="series that each peer forecasts")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one:
        print(json.dumps(one(int(wanted.one[0]), wanted.one[1] == "counts")))
        return
    if wanted.scaling is not None:
        scaling(wanted.scaling or SIZES)
        return
    rates = peers(wanted.sample)
    for kind in ("counts", "sizes"):
        for n in [*wanted.series, *([LARGE] if wanted.large and kind == "counts" else [])]:
            made = apart(n, kind)
            print(
                f"{n:>7} {kind}: full run {made['full_s']:.1f} s ({n / made['full_s']:.0f} series/s, "
                f"{made['full_cpu_s']:.1f} s of processor), peak {made['peak_gb']:.2f} GB; refresh {made['refresh_s']:.1f} s "
                f"= {made['refresh_s'] / made['full_s']:.0%} ({made['refresh_cpu_s'] / made['full_cpu_s']:.0%} of processor)"
            )
            for name, rate in rates.items():
                print(
                    f"{'':>8}{n / made['full_s'] / rate:.1f} times the series/s of {name} ({rate:.1f}, one method, no evaluation)"
                )


if __name__ == "__main__":
    main()
