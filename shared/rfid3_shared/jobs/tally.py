"""How many jobs wait, run and failed for good, in the whole suite? Read from the table as Prometheus text.

Workers count what they do themselves (`jobs.metrics`); these numbers are the store's, the same whichever process is asked and
however many workers died. Their names begin with `rfid3_suite_`, so that both can be scraped. Sums and counts are over the jobs
that are still in the table, so they fall when old jobs are deleted: gauges, not counters.
"""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Row, and_, case, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.jobs.requests import stored_now
from rfid3_shared.jobs.tables import prediction_jobs as jobs
from rfid3_shared.log import get_logger

KEEP_S = 5.0
READ_TIMEOUT_S = 2.0
FAULTS = (StoreUnavailable, SQLAlchemyError, OSError, TimeoutError)
FAMILIES = {
    "runnable": "Queued jobs whose time has come.",
    "running": "Jobs that a worker holds.",
    "quarantined": "Failed jobs that had all their attempts.",
}
Values = dict[tuple[str, ...], float]
log = get_logger("jobs.tally")


async def read_tally(connection: AsyncConnection, now: datetime) -> list[Row[Any]]:
    """One row for each service, kind, lane and state that jobs are in, as of `now` (naive, UTC).

    Columns: service, kind, lane, state, jobs, runnable, oldest (run_after of the longest waiting runnable one), quarantined, timed
    (jobs that have a duration), seconds (the sum of those).
    """
    runnable = and_(jobs.c.state == "queued", jobs.c.run_after <= now)
    quarantined = and_(jobs.c.state == "failed", jobs.c.attempts >= jobs.c.max_attempts)
    query = select(
        jobs.c.service, jobs.c.kind, jobs.c.lane, jobs.c.state, func.count().label("jobs"),
        func.sum(case((runnable, 1), else_=0)).label("runnable"),
        func.min(case((runnable, jobs.c.run_after))).label("oldest"),
        func.sum(case((quarantined, 1), else_=0)).label("quarantined"),
        func.count(jobs.c.seconds).label("timed"), func.sum(jobs.c.seconds).label("seconds"),
    ).group_by(jobs.c.service, jobs.c.kind, jobs.c.lane, jobs.c.state)  # fmt: skip
    return list((await connection.execute(query)).all())


async def exposition_text(engine: AsyncEngine, clock: Clock) -> bytes:
    """The numbers as Prometheus text.

    Raises StoreUnavailable when the store cannot be reached.
    """
    now = stored_now(clock)
    async with transaction(engine) as connection:
        rows = await read_tally(connection, now)
    return _text(_families(rows, now))


class Tally:
    """The text, read again when it is five seconds old, once for all who wait for it."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock
        self._text, self._until, self._lock = b"", 0.0, asyncio.Lock()

    async def exposition_text(self) -> bytes:
        """The numbers as Prometheus text; only `rfid3_suite_jobs_known 0` while the store is out of reach."""
        async with self._lock:
            if self._clock.monotonic() >= self._until:
                try:
                    async with asyncio.timeout(READ_TIMEOUT_S):
                        self._text = await exposition_text(self._engine, self._clock)
                except FAULTS as fault:
                    log.warning("jobs_not_tallied", fault=type(fault).__name__)
                    self._text = _text([_known(False)])
                self._until = self._clock.monotonic() + KEEP_S
            return self._text


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _text(families: Iterable[Metric]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Families(families))
    return generate_latest(registry)


def _known(known: bool) -> Metric:
    return GaugeMetricFamily("rfid3_suite_jobs_known", "1 when the store could be asked about jobs.", value=float(known))


def _families(rows: list[Row[Any]], now: datetime) -> Iterator[Metric]:
    yield _known(True)
    for name, words in FAMILIES.items():
        counts: Values = {}
        for row in rows:
            held = row.jobs if row.state == "running" else 0
            found = held if name == "running" else getattr(row, name)
            key = (row.service, row.kind, row.lane)
            counts[key] = counts.get(key, 0) + int(found)
        yield _gauge(f"rfid3_suite_jobs_{name}", words, ("service", "kind", "lane"), counts)
    ages: Values = {}
    for row in rows:
        age_s = (now - row.oldest).total_seconds() if row.oldest is not None else 0.0
        ages[row.service, row.lane] = max(ages.get((row.service, row.lane), 0.0), age_s)
    yield _gauge("rfid3_suite_jobs_oldest_age_seconds", "Longest wait of a runnable job.", ("service", "lane"), ages)
    timed = [row for row in rows if row.timed]
    for name, words, column in (
        ("sum", "Seconds that the last runs of the jobs in the table took.", "seconds"),
        ("count", "Jobs in the table that were run.", "timed"),
    ):
        values: Values = {(row.service, row.kind, row.lane, row.state): float(getattr(row, column)) for row in timed}
        yield _gauge(f"rfid3_suite_job_seconds_{name}", words, ("service", "kind", "lane", "state"), values)


def _gauge(name: str, words: str, labels: tuple[str, ...], values: Values) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
