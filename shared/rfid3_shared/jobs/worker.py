"""Which process runs a service's jobs? A light parent that imports no model library.

arq brings ids from Redis; the runner takes leases and starts the work in processes of its own; the sweeper finds what was
forgotten. Redis may vanish and come back, and so may the store: the worker stays and goes on.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from arq.connections import ArqRedis, RedisSettings
from arq.worker import Worker as ArqWorker
from arq.worker import func
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine
from rfid3_shared.jobs.outbox import REDIS_FAULTS
from rfid3_shared.jobs.queue import DELIVERY, decode, encode, queue_name
from rfid3_shared.jobs.runner import STORE_FAULTS, Runner
from rfid3_shared.jobs.sweep import Sweeper
from rfid3_shared.log import get_logger
from rfid3_shared.settings import Settings
from rfid3_shared.tasks import end_tasks

RECONNECT_S = (0.2, 0.5, 1.0, 2.0)
NEVER = 10**9
Deliver = Callable[[dict[str, Any], str], Awaitable[None]]
log = get_logger("jobs.worker")


class JobWorker:
    """Runs jobs of one service until told to stop."""

    def __init__(self, settings: Settings, *, service: str, kinds: Mapping[str, str], slots: int = 1) -> None:
        self._settings, self._slots, self._service = settings, slots, service
        clock = Clock(settings.time_zone)
        self._engine = open_engine(settings.store_dsn, pool_size=settings.pool_size, overflow=settings.pool_overflow)
        self._redis = _open_redis(settings.redis_dsn)
        self._runner = Runner(settings, self._engine, clock, service=service, kinds=kinds, slots=slots)
        self._sweeper = Sweeper(
            self._engine, self._redis, clock, service=service, lease_s=settings.job_lease_s, start=self._start
        )
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Run jobs until `stop` is set; what runs then is ended and queued again."""
        log.info("worker_started", service=self._service, pid=os.getpid())
        listening = asyncio.create_task(self._listen_for_ever())
        sweeping = asyncio.create_task(self._sweeper.sweep_for_ever())
        waiting = asyncio.create_task(stop.wait())
        try:
            ended, _ = await asyncio.wait({listening, sweeping, waiting}, return_when=asyncio.FIRST_COMPLETED)
            for task in ended - {waiting}:
                task.result()
        finally:
            await end_tasks({listening, sweeping, waiting})
            await self.close()
            log.info("worker_stopped", service=self._service)

    async def close(self) -> None:
        """End what runs, queue it again, and let go of the servers."""
        await end_tasks(self._tasks)
        await self._runner.settle()
        with contextlib.suppress(*REDIS_FAULTS):
            await self._redis.aclose()
        await self._engine.dispose()

    async def deliver(self, _: dict[str, Any], job_id: str) -> None:
        """Run a job that arq brought; a delivery that comes to nothing is the sweeper's business."""
        try:
            await self._runner.run(job_id)
        except STORE_FAULTS as fault:
            log.warning("delivery_dropped", job_id=job_id, fault=type(fault).__name__)

    async def sweep_for_ever(self) -> None:
        """The sweeper's loop, for a worker that arq's own command runs."""
        await self._sweeper.sweep_for_ever()

    def _start(self, job_id: str) -> bool:
        if not self._runner.free:
            return False
        self._keep(asyncio.create_task(self.deliver({}, job_id)))
        return True

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()):
            log.warning("delivery_failed", fault=type(fault).__name__)

    async def _listen_for_ever(self) -> None:
        """Take deliveries; when Redis goes, what runs goes on, and listening begins anew when Redis is back."""
        options, failures = _arq_options(self._settings, self._service, self.deliver), 0
        while True:
            wait_s = RECONNECT_S[min(failures, len(RECONNECT_S) - 1)]
            arq = ArqWorker(redis_pool=self._redis, handle_signals=False, max_jobs=self._slots, **options)
            try:
                await self._redis.ping()
                failures = 0
                await arq.async_run()
            except REDIS_FAULTS as fault:
                log.warning("redis_unavailable", service=self._service, fault=type(fault).__name__, again_in_s=wait_s)
                failures += 1
            finally:
                for task in arq.tasks.values():
                    self._keep(task)
                if arq.main_task:
                    arq.main_task.cancel()
            await asyncio.sleep(wait_s)


async def run_worker(
    settings: Settings, *, service: str, kinds: Mapping[str, str], slots: int = 1, stop: asyncio.Event | None = None
) -> None:
    """Run the jobs of a service until SIGTERM or SIGINT, or until `stop` is set.

    `kinds` maps each kind to its function as `package.module:name`, which only the job's own process imports.
    """
    stop = stop or asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await JobWorker(settings, service=service, kinds=kinds, slots=slots).run(stop)


def worker_class(service: str, kinds: Mapping[str, str], settings: Settings | None = None) -> type:
    """A class for arq's own command: `arq rfid3_demand.worker.Worker`.

    That command ends when Redis does; whatever supervises it starts it again.
    """
    settings = settings or Settings()
    held: dict[str, Any] = {}

    async def on_startup(_: dict[str, Any]) -> None:
        held["worker"] = JobWorker(settings, service=service, kinds=kinds)
        held["sweeping"] = asyncio.create_task(held["worker"].sweep_for_ever())

    async def on_shutdown(_: dict[str, Any]) -> None:
        await end_tasks({held["sweeping"]})
        await held["worker"].close()

    async def deliver(context: dict[str, Any], job_id: str) -> None:
        await held["worker"].deliver(context, job_id)

    attributes = {
        **_arq_options(settings, service, deliver), "redis_settings": RedisSettings.from_dsn(settings.redis_dsn), "max_jobs": 1,
        "on_startup": on_startup, "on_shutdown": on_shutdown,
    }  # fmt: skip
    return type("Worker", (), attributes)


def _arq_options(settings: Settings, service: str, deliver: Deliver) -> dict[str, Any]:
    """What arq is told: nothing of its own keeps, limits or repeats a job; the row decides all that."""
    return {
        "functions": [func(deliver, name=DELIVERY, keep_result=0, max_tries=NEVER)],  # type: ignore[arg-type]
        "queue_name": queue_name(service),
        "poll_delay": settings.job_poll_ms / 1000,
        # without a time limit arq's mark "in progress" lasts 10 s; then another worker is given the id too, and finds no lease
        "job_timeout": None,
        "keep_result": 0,
        "max_tries": NEVER,
        "job_serializer": encode,
        "job_deserializer": decode,
    }


def _open_redis(dsn: str) -> ArqRedis:
    redis = ArqRedis.from_url(
        dsn, socket_timeout=5.0, socket_connect_timeout=1.0, health_check_interval=30, retry=Retry(NoBackoff(), 0)
    )
    redis.job_serializer, redis.job_deserializer = encode, decode
    return redis  # type: ignore[no-any-return]


__all__ = ["JobWorker", "run_worker", "worker_class"]
