"""Which process runs a service's jobs? A light parent that imports no model library.

arq brings ids from Redis; the runner takes leases and has the nursery start the work in processes of their own; the sweeper finds
what was forgotten; the scheduler asks for what is due by the clock, and duties see to the rest. Redis may vanish and come back,
and so may the store: the worker stays and goes on.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from arq.connections import ArqRedis, RedisSettings
from arq.worker import Worker as ArqWorker
from arq.worker import func
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine
from rfid3_shared.jobs.duties import Duty, Held, attend
from rfid3_shared.jobs.nursery import Nursery
from rfid3_shared.jobs.outbox import REDIS_FAULTS
from rfid3_shared.jobs.queue import DELIVERY, decode, encode, queue_name
from rfid3_shared.jobs.retention import RETENTION
from rfid3_shared.jobs.runner import STORE_FAULTS, Runner
from rfid3_shared.jobs.schedule import Schedule
from rfid3_shared.jobs.scheduler import Allowed, Scheduler, always
from rfid3_shared.jobs.sweep import Sweeper
from rfid3_shared.log import get_logger
from rfid3_shared.settings import Settings
from rfid3_shared.tasks import end_tasks

RECONNECT_S = (0.2, 0.5, 1.0, 2.0)
NEVER = 10**9
TICK_S, QUIET_S = 1.0, 30.0
Deliver = Callable[[dict[str, Any], str], Awaitable[None]]
log = get_logger("jobs.worker")


class JobWorker:
    """Runs jobs of one service until told to stop. Closes the nursery it was given; without one it starts its own."""

    def __init__(
        self, settings: Settings, *, service: str, kinds: Mapping[str, str], slots: int = 1,
        schedules: Iterable[Schedule] = (), duties: Iterable[Duty] = (), nursery: Nursery | None = None,
        allowed: Allowed | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._slots, self._service = settings, slots, service
        clock = Clock(settings.time_zone)
        self._engine = open_engine(settings.store_dsn, pool_size=settings.pool_size, overflow=settings.pool_overflow)
        self._redis = _open_redis(settings.redis_dsn)
        # the settings' own module, which every job of the service imports first
        self._nursery = nursery or Nursery.spawn([type(settings).__module__])
        self._runner = Runner(
            settings, self._engine, clock, service=service, kinds=kinds, slots=slots, nursery=self._nursery
        )  # fmt: skip
        self._sweeper = Sweeper(
            self._engine, self._redis, clock, service=service, lease_s=settings.job_lease_s, start=self._start
        )
        scheduler = Scheduler(self._engine, self._redis, clock, schedules, allowed or always)
        self._held = Held(self._engine, self._redis, clock, settings)
        self._duties = (RETENTION, Duty("schedule", TICK_S, lambda _: scheduler.tick()), *duties)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Run jobs until `stop` is set; what runs then is ended and queued again."""
        log.info("worker_started", service=self._service, pid=os.getpid())
        listening = asyncio.create_task(self._listen_for_ever())
        watching = asyncio.create_task(self.watch_for_ever())
        waiting = asyncio.create_task(stop.wait())
        try:
            ended, _ = await asyncio.wait({listening, watching, waiting}, return_when=asyncio.FIRST_COMPLETED)
            for task in ended - {waiting}:
                task.result()
        finally:
            await end_tasks({listening, watching, waiting})
            await self.close()
            log.info("worker_stopped", service=self._service)

    async def close(self) -> None:
        """End what runs, queue it again, and let go of the servers."""
        await end_tasks(self._tasks)
        await self._runner.settle()
        await self._nursery.aclose()
        with contextlib.suppress(*REDIS_FAULTS):
            await self._redis.aclose()
        await self._engine.dispose()

    async def deliver(self, _: dict[str, Any], job_id: str) -> None:
        """Run a job that arq brought; a delivery that comes to nothing is the sweeper's business."""
        try:
            await self._runner.run(job_id)
        except STORE_FAULTS as fault:
            log.warning("delivery_dropped", job_id=job_id, fault=type(fault).__name__)

    async def watch_for_ever(self) -> None:
        """Sweep, ask for what is due, and see to the duties; a fault of the sweeper alone ends this."""
        attending = {asyncio.create_task(self._attend(duty), name=duty.name) for duty in self._duties}
        try:
            await self._sweeper.sweep_for_ever()
        finally:
            await end_tasks(attending)

    async def _attend(self, duty: Duty) -> None:
        await self._sweeper.ready.wait()
        await attend(duty, self._held)

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
            waking = asyncio.create_task(self._wake_for_ever(arq))
            try:
                await self._redis.ping()
                failures = 0
                await arq.async_run()
            except REDIS_FAULTS as fault:
                log.warning("redis_unavailable", service=self._service, fault=type(fault).__name__, again_in_s=wait_s)
                failures += 1
            finally:
                await end_tasks({waking})
                for task in arq.tasks.values():
                    self._keep(task)
                if arq.main_task:
                    arq.main_task.cancel()
            await asyncio.sleep(wait_s)

    async def _wake_for_ever(self, arq: ArqWorker) -> None:
        """Look at the queue as soon as something was put there, not only at the next poll."""
        while True:
            with contextlib.suppress(*REDIS_FAULTS):
                async with self._redis.pubsub() as heard:
                    await heard.subscribe(queue_name(self._service))
                    while True:
                        if await heard.get_message(ignore_subscribe_messages=True, timeout=QUIET_S):
                            await arq._poll_iteration()
            await asyncio.sleep(RECONNECT_S[-1])


async def run_worker(
    settings: Settings, *, service: str, kinds: Mapping[str, str], slots: int = 1, stop: asyncio.Event | None = None,
    schedules: Iterable[Schedule] = (), duties: Iterable[Duty] = (), nursery: Nursery | None = None,
    allowed: Allowed | None = None,
) -> None:  # fmt: skip
    """Run the jobs of a service until SIGTERM or SIGINT, or until `stop` is set.

    `kinds` maps each kind to its function as `package.module:name`, which only the job's own process imports. `schedules` says
    which are due when; `allowed(kind)` gives the reason why one shall not be asked for now, else None.
    """
    stop = stop or asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    worker = JobWorker(
        settings, service=service, kinds=kinds, slots=slots, schedules=schedules, duties=duties, nursery=nursery,
        allowed=allowed,
    )  # fmt: skip
    await worker.run(stop)


def worker_class(
    service: str, kinds: Mapping[str, str], settings: Settings | None = None, schedules: Iterable[Schedule] = (),
    duties: Iterable[Duty] = (), allowed: Allowed | None = None,
) -> type:  # fmt: skip
    """A class for arq's own command: `arq rfid3_demand.worker.Worker`.

    That command ends when Redis does; whatever supervises it starts it again.
    """
    settings = settings or Settings()
    held: dict[str, Any] = {}

    async def on_startup(_: dict[str, Any]) -> None:
        held["worker"] = JobWorker(
            settings, service=service, kinds=kinds, schedules=schedules, duties=duties, allowed=allowed
        )  # fmt: skip
        held["watching"] = asyncio.create_task(held["worker"].watch_for_ever())

    async def on_shutdown(_: dict[str, Any]) -> None:
        await end_tasks({held["watching"]})
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
