"""How long does it take to hold a million predictions against their outcomes? Beside a loop that takes them row by row.

`python -m bench.ledger_scoring [--rows 1000000] [--sample 5000]`, on SQLite and, where mariadbd is installed, on MariaDB. Both score the
same rows of the same store: ours in one statement a batch, the loop reads a row and its outcome, reckons in Python and writes.
"""

import argparse
import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.servers import free_port, start, stop
from rfid3_shared.clock import Clock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.ledger import analytics_predictions, score
from rfid3_shared.ledger.live import live_accuracy
from rfid3_shared.ledger.outcomes import outcomes, predictions, same_target
from rfid3_shared.ledger.scoring import score_of
from rfid3_shared.ledger.tables import prediction_outcomes

GOAL_S = 30.0
TARGETS, WEEKS = 2000, 25
"""20 predictions a target and week: horizons, versions and levels."""
SINCE = date(2026, 5, 4)
"""Eight weeks of them."""
NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(seq) AS (SELECT 0 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < {last})",
    "mysql": "WITH numbers AS (SELECT seq FROM seq_0_to_{last})",
}
WORDS = {
    "sqlite": ("lower(hex(randomblob(16)))", "date('2026-01-05', '+' || (7 * {week}) || ' days')", "'class ' || ({item})"),
    "mysql": ("md5(seq)", "date_add('2026-01-05', INTERVAL 7 * {week} DAY)", "concat('class ', {item})"),
}


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


@contextmanager
def mariadb(folder: Path) -> Iterator[str]:
    """The DSN of an empty database on a MariaDB of its own, with the settings a small server would have."""
    port, data = free_port(), folder / "data"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    install = [
        "mariadb-install-db",
        "--no-defaults",
        f"--datadir={data}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]
    user = [f"--user={os.environ.get('USER') or 'root'}"] if os.geteuid() == 0 else []
    subprocess.run([*install, *user], check=True, **quiet)
    process = subprocess.Popen(
        ["mariadbd", "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'm.sock'}",
         f"--pid-file={folder / 'm.pid'}", "--innodb-buffer-pool-size=512M", "--skip-name-resolve", f"--tmpdir={folder}", *user], **quiet,
    )  # fmt: skip
    try:
        start(process, port, 60)
        yield f"mysql://root@127.0.0.1:{port}/mysql"
    finally:
        stop(process)


async def fill(engine: AsyncEngine, rows: int) -> None:
    """Predictions and an outcome for each of their targets, made inside the database."""
    name = engine.dialect.name
    digest, day, item = WORDS[name]
    await create_tables(engine, store_metadata)
    week = f"(seq / {TARGETS} % {WEEKS})" if name == "sqlite" else f"(seq DIV {TARGETS} % {WEEKS})"
    target = {"prediction_type": "'demand'", "target_item_id": item.format(item=f"seq % {TARGETS}"), "target_category": "''",
              "store": "'3607'", "prediction_date": day.format(week=week)}  # fmt: skip
    predicted = target | {
        "prediction_id": digest, "role": "'shown'", "horizon_days": f"7 * (1 + seq / {TARGETS * WEEKS})", "predicted_value": "seq % 97",
        "interval_level": "0.8", "confidence_lower": "seq % 97 * 0.6", "confidence_upper": "seq % 97 * 1.4", "model_version": "'demand_v1'",
        "model_type": "'ensemble'", "features_digest": "''", "request_id": "''", "created_at": "'2026-01-01 00:00:00.000000'",
    }  # fmt: skip
    happened = target | {"actual_value": "seq % 89", "known_at": "'2026-08-01 00:00:00.000000'", "restated": "0"}
    async with transaction(engine) as connection:
        for table, columns, count in (
            (analytics_predictions, predicted, rows), (prediction_outcomes, happened, min(rows, TARGETS * WEEKS)),
        ):  # fmt: skip
            numbers = NUMBERS[name].format(last=count - 1)
            chosen = f"SELECT {', '.join(columns.values())} FROM numbers"
            into = f"INSERT INTO {table.name} ({', '.join(columns)})"
            body = f"{into} {numbers} {chosen}" if name == "mysql" else f"{numbers} {into} {chosen}"
            await connection.execute(text(body.replace(":", r"\:")))


async def row_by_row(engine: AsyncEngine, rows: int) -> float:
    """Seconds the loop takes for some rows; what it wrote is taken back."""
    async with engine.connect() as connection:
        begun = time.perf_counter()
        picked = await connection.execute(select(analytics_predictions).where(predictions.validated_at.is_(None)).limit(rows))
        for row in picked.all():
            known = select(outcomes.actual_value).where(same_target(), predictions.id == row.id)
            actual = (await connection.execute(known)).scalar_one()
            found = score_of(
                row.predicted_value, actual, lower=row.confidence_lower, upper=row.confidence_upper, level=row.interval_level
            )
            change = update(analytics_predictions).where(predictions.id == row.id)
            values = {name: value if value is None else round(value, 4) for name, value in asdict(found).items()}
            await connection.execute(change.values(actual_value=actual, **values))
        spent = time.perf_counter() - begun
        await connection.rollback()
    return spent


async def measure(name: str, dsn: str, rows: int, sample: int) -> None:
    """Fill, loop over a sample, score everything, score again; print."""
    engine = open_engine(dsn)
    await fill(engine, rows)
    looped = sample / await row_by_row(engine, sample)
    begun = time.perf_counter()
    found = await score(engine, "demand", Clock(), Silent())
    spent = time.perf_counter() - begun
    begun = time.perf_counter()
    again = await score(engine, "demand", Clock(), Silent())
    second = time.perf_counter() - begun
    begun = time.perf_counter()
    async with transaction(engine) as connection:
        live = await live_accuracy(connection, "demand", since=SINCE)
    added_up = time.perf_counter() - begun
    await engine.dispose()
    if (found.scored, found.waiting, again.scored) != (rows, 0, 0):
        raise SystemExit(f"{name}: {found}, then {again}")
    goal = f"  (goal {GOAL_S:.0f} s for 1,000,000)" if name == "SQLite" else ""
    print(
        f"{name:8} {rows:,} rows scored in {spent:.1f} s, {rows / spent:,.0f} rows/s{goal}; row by row {looped:,.0f} rows/s; "
        f"a second run {second * 1000:.0f} ms; live accuracy over {live.predictions:,} of them {added_up:.1f} s",
        flush=True,
    )


def main() -> None:
    """SQLite, then MariaDB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=5_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure("SQLite", f"sqlite:///{Path(folder) / 'store.db'}", chosen.rows, chosen.sample))
    if shutil.which("mariadbd") is None:
        print("MariaDB: skipped, mariadbd is not installed")
        return
    with tempfile.TemporaryDirectory() as folder, mariadb(Path(folder)) as dsn:
        asyncio.run(measure("MariaDB", dsn, chosen.rows, chosen.sample))


if __name__ == "__main__":
    main()
