"""How long does a forecast of own series take, and what is a request told to expect? Predicted beside measured.

`python -m bench.adhoc_cost [--series 1 10 100 500] [--steps 100 500 2000] [--cells 200000]`. The work itself, as a worker's process does
it, without queue and process start; weekly counts with a season. Cells = series × steps: combinations above are left out.
"""

import argparse
import time
from datetime import date, timedelta

import numpy as np

from rfid3_demand.adhoc import forecast_all
from rfid3_demand.pace import expected_s
from rfid3_demand.schemas import AdhocRequest

HORIZON = 13


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


def request(series: int, steps: int) -> AdhocRequest:
    """So many weekly series of so many steps."""
    rng, weeks = np.random.default_rng(series * 10_000 + steps), np.arange(steps)
    dates = [str(date(1980, 1, 7) + timedelta(weeks=int(week))) for week in weeks]
    season = np.exp(0.5 * np.cos(2 * np.pi * weeks / 52.18))
    levels = rng.gamma(2, 3, series)
    return AdhocRequest(
        freq="W-MON", horizon=HORIZON, levels=[0.1, 0.5, 0.9],
        series=[{"id": str(k), "ds": dates, "y": rng.poisson(level * season).tolist()} for k, level in enumerate(levels)],
    )  # fmt: skip


def main() -> None:
    """Print seconds, on the wall and of CPU, beside what is expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, nargs="+", default=[1, 10, 100, 500])
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 500, 2000])
    parser.add_argument("--cells", type=int, default=200_000)
    chosen = parser.parse_args()
    begun, wanted = time.perf_counter(), request(1, 30)
    forecast_all(wanted, Silent())
    print(f"first call of a process (imports), 1 × 30: {time.perf_counter() - begun:.2f} s", flush=True)
    for series in chosen.series:
        for steps in chosen.steps:
            if series * steps > chosen.cells:
                continue
            wanted = request(series, steps)
            wall, cpu = time.perf_counter(), time.process_time()
            found = forecast_all(wanted, Silent())
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            failed = sum(not one["ok"] for one in found)
            print(
                f"{series:4} series × {steps:4} steps: {wall:7.2f} s, {cpu:7.2f} s of CPU, expected {expected_s(series, steps):7.2f} s"
                + (f", {failed} refused" if failed else ""),
                flush=True,
            )


if __name__ == "__main__":
    main()
