"""How fast, and in how much memory, does the digital twin found a company?

`python -m bench.twin_speed` runs the demo (5,000 tags, 30 months; at most 10 s); `--large` the largest company asked for
(500,000 tags, 36 months; at most 600 s and 4 GB) as well. The peer's figure is the target. Each runs in a process of its own.
"""

import argparse
import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

SIZES = {"demo": (5_000, 30, 10.0, 0.5), "large": (500_000, 36, 600.0, 4.0)}
"""Name: tags, months, most seconds, most GB."""


def measure(name: str) -> None:
    """Found one company in an empty folder and print its figures."""
    from rfid3_shared.db import open_engine
    from rfid3_shared.twin.build import create

    items, months, most_s, most_gb = SIZES[name]

    async def run(folder: Path) -> None:
        engine = open_engine(f"sqlite:///{folder / 'source.db'}")
        started = time.perf_counter()
        summary = await create(engine, folder / "truth.db", items=items, months=months, seed=7, end=date(2026, 11, 21))
        seconds = time.perf_counter() - started
        await engine.dispose()
        rows = summary.scans + summary.contracts + summary.reservations + summary.items
        size_gb = (folder / "source.db").stat().st_size / 1e9
        peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        print(
            f"twin {name:5}  {items:>7,} tags {months} months  {summary.scans:>10,} scans  {size_gb:5.2f} GB on disk  "
            f"{seconds:6.1f} s (at most {most_s:.0f})  {rows / seconds:>8,.0f} rows/s  "
            f"peak {peak_gb:.2f} GB (at most {most_gb:.1f})"
        )

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


def main() -> None:
    """Measure the demo, and with --large the largest company."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="also 500,000 tags and 36 months (5 minutes, 6 GB of disk)")
    parser.add_argument("--only", choices=SIZES, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        measure(chosen.only)
        return
    for name in ("demo", "large") if chosen.large else ("demo",):
        subprocess.run([sys.executable, "-m", "bench.twin_speed", "--only", name], check=True)


if __name__ == "__main__":
    main()
