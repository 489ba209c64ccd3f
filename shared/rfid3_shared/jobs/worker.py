"""Which process runs a service's jobs? A light parent that imports no model library; the workers of several services may share it.

The listener brings ids from Redis; the runner takes leases and has the nursery start the work in processes of their own, at most
so many side by side as their lane has slots; the sweeper finds what was forgotten; the scheduler asks for what is due by the clock,
and duties see to the rest. Redis may vanish and come back, and so may the store: the worker stays and goes on.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from arq.connections import RedisSettings

from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine
from rfid3_shared.events.retention import EVENT_RETENTION
from rfid3_shared.jobs.duties import Duty, Held, attend
from rfid3_shared.jobs.lanes import BATCH, INTERACTIVE, Room
from rfid3_shared.jobs.listen import Listener, arq_options, open_queues
from rfid3_shared.jobs.nursery import Nursery
from rfid3_shared.jobs.outbox import REDIS_FAULTS
from rfid3_shared.jobs.retention import RETENTION
from rfid3_shared.jobs.runner import STORE_FAULTS, Runner
from rfid3_shared.jobs.schedule import Schedule
from rfid3_shared.jobs.scheduler import Allowed, Scheduler, always
from rfid3_shared.jobs.sweep import Sweeper
from rfid3_shared.log import get_logger
from rfid3_shared.settings import Settings
from rfid3_shared.tasks import end_tasks, finish

TICK_S = 1.0
log = get_logger("jobs.worker")


class JobWorker:
    """Runs jobs of one service until told to stop. Without a nursery, which workers of one process share, it starts its own."""

    def __init__(
        self, settings: Settings, *, service: str, kinds: Mapping[str, str],
        schedules: Iterable[Schedule] = (), duties: Iterable[Duty] = (), nursery: Nursery | None = None,
        allowed: Allowed | None = None,
    ) -> None:  # fmt: skip
        self._service = service
        clock = Clock(settings.time_zone)
        self._engine = open_engine(settings.store_dsn, pool_size=settings.pool_size, overflow=settings.pool_overflow)
        self._redis = open_queues(settings.redis_dsn)
        # the settings' own module, which every job of the service imports first
        self._nursery = nursery or Nursery.spawn([type(settings).__module__])
        self._own_nursery = None if nursery else self._nursery
        self._room = Room(settings.job_batch_slots, settings.job_interactive_slots)
        self._runner = Runner(
            settings, self._engine, clock, service=service, kinds=kinds, room=self._room, nursery=self._nursery
        )  # fmt: skip
        self.listener = Listener(
            settings, self._redis, service=service, room=self._room, deliver=self.deliver, keep=self._keep
        )  # fmt: skip
        self._sweeper = Sweeper(
            self._engine, self._redis, clock, service=service, lease_s=settings.job_lease_s, start=self._start
        )
        scheduler = Scheduler(self._engine, self._redis, clock, schedules, allowed or always)
        self._held = Held(self._engine, self._redis, clock, settings)
        self._duties = (RETENTION, EVENT_RETENTION, Duty("schedule", TICK_S, lambda _: scheduler.tick()), *duties)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Run jobs until `stop` is set; what runs then is ended and queued again."""
        log.info("worker_started", service=self._service, pid=os.getpid())
        listening = asyncio.create_task(self.listener.listen_for_ever())
        watching = asyncio.create_task(self.watch_for_ever())
        waiting = asyncio.create_task(stop.wait())
        try:
            ended, _ = await asyncio.wait({listening, watching, waiting}, return_when=asyncio.FIRST_COMPLETED)
            for task in ended - {waiting}:
                task.result()
        finally:
            await finish(self.end({listening, watching, waiting}))
            log.info("worker_stopped", service=self._service)

    async def close(self) -> None:
        """End what runs, queue it again, and let go of the servers."""
        await end_tasks(self._tasks)
        await self._runner.settle()
        if self._own_nursery:
            await self._own_nursery.aclose()
        with contextlib.suppress(*REDIS_FAULTS):
            await self._redis.aclose()
        await self._engine.dispose()

    async def end(self, tasks: Iterable[asyncio.Task[Any]]) -> None:
        """Call these tasks off, then `close`."""
        await end_tasks(tasks)
        await self.close()

    async def deliver(self, job_id: str, lane: str) -> None:
        """Run a job that arq brought; a delivery that comes to nothing is the sweeper's business."""
        try:
            await self._runner.run(job_id, lane)
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

    def _start(self, job_id: str, lane: str) -> bool:
        if not self._room.free(lane):
            return False
        self._keep(asyncio.create_task(self.deliver(job_id, lane)))
        return True

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()):
            log.warning("delivery_failed", fault=type(fault).__name__)


async def run_workers(workers: Sequence[JobWorker], stop: asyncio.Event | None = None) -> None:
    """Let workers run side by side until SIGTERM or SIGINT, or until `stop` is set.

    When one fails all end, and what it raised is raised.
    """
    stop = stop or asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    running = [asyncio.create_task(worker.run(stop)) for worker in workers]
    try:
        ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
        for task in ended:
            task.result()
    finally:
        await end_tasks(running)


async def run_worker(
    settings: Settings, *, service: str, kinds: Mapping[str, str], stop: asyncio.Event | None = None,
    schedules: Iterable[Schedule] = (), duties: Iterable[Duty] = (), nursery: Nursery | None = None,
    allowed: Allowed | None = None,
) -> None:  # fmt: skip
    """Run the jobs of a service until SIGTERM or SIGINT, or until `stop` is set; closes the nursery it is given.

    `kinds` maps each kind to its function as `package.module:name`, which only the job's own process imports. `schedules` says
    which are due when; `allowed(kind)` gives the reason why one shall not be asked for now, else None.
    """
    worker = JobWorker(
        settings, service=service, kinds=kinds, schedules=schedules, duties=duties, nursery=nursery,
        allowed=allowed,
    )  # fmt: skip
    try:
        await run_workers([worker], stop)
    finally:
        if nursery:
            await nursery.aclose()


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
        held["worker"] = worker = JobWorker(
            settings, service=service, kinds=kinds, schedules=schedules, duties=duties, allowed=allowed
        )  # fmt: skip
        # arq's own command listens to one queue
        listening = worker.listener.listen_for_ever((INTERACTIVE,))
        held["tasks"] = {asyncio.create_task(each) for each in (worker.watch_for_ever(), listening)}

    async def on_shutdown(_: dict[str, Any]) -> None:
        await finish(held["worker"].end(held["tasks"]))

    async def deliver(job_id: str, lane: str) -> None:
        await held["worker"].deliver(job_id, lane)

    attributes = {
        **arq_options(settings, service, BATCH, deliver), "redis_settings": RedisSettings.from_dsn(settings.redis_dsn),
        "max_jobs": settings.job_batch_slots, "on_startup": on_startup, "on_shutdown": on_shutdown,
    }  # fmt: skip
    return type("Worker", (), attributes)


__all__ = ["JobWorker", "run_worker", "run_workers", "worker_class"]
