"""How do deliveries reach a worker? One arq worker a lane, each with a queue of its own, so that a full lane leaves its queue alone.

Redis may vanish and come back: what runs goes on, and listening begins anew. An announcement has the queue looked at as soon as
something was put there; polling only covers lost announcements.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from arq.connections import ArqRedis
from arq.worker import Worker as ArqWorker
from arq.worker import func
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from rfid3_shared.jobs.lanes import INTERACTIVE, LANES, Room
from rfid3_shared.jobs.outbox import REDIS_FAULTS
from rfid3_shared.jobs.queue import DELIVERY, decode, encode, queue_name
from rfid3_shared.log import get_logger
from rfid3_shared.settings import Settings
from rfid3_shared.tasks import end_tasks

RECONNECT_S = (0.2, 0.5, 1.0, 2.0)
NEVER = 10**9
QUIET_S = 30.0
Deliver = Callable[[str, str], Awaitable[None]]
"""Called with a job's id and its lane."""
log = get_logger("jobs.worker")


class _LaneWorker(ArqWorker):
    """arq's worker on the queue of a lane; it takes nothing from there that there is no room for."""

    lane: str
    listener: "Listener"

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """What the queue holds, one by one while there is room."""
        for job_id in job_ids:
            await self.listener.let_first(self.lane)
            if not self.listener.has_room(self.lane):
                return
            await super().start_jobs([job_id])


class Listener:
    """Hands what arrives in the queues of a service to `deliver`; `keep` is given what still runs when Redis goes."""

    def __init__(
        self, settings: Settings, redis: ArqRedis, *, service: str, room: Room, deliver: Deliver,
        keep: Callable[[asyncio.Task[Any]], None],
    ) -> None:  # fmt: skip
        self._settings, self._redis, self._service, self._room = settings, redis, service, room
        self._deliver, self._keep = deliver, keep
        self._workers: dict[str, _LaneWorker] = {}

    def has_room(self, lane: str) -> bool:
        """Whether a delivery in that lane would find a slot; those count that are under way to theirs."""
        under_way = sum(each.job_counter for each in self._workers.values() if self._room.is_shared or each.lane == lane)
        return self._room.free(lane) and under_way < self._room.slots(lane)

    async def let_first(self, lane: str) -> None:
        """Where the lanes share their slots: start what waits in the interactive one before anything of another."""
        if self._room.is_shared and lane != INTERACTIVE and (first := self._workers.get(INTERACTIVE)):
            await first._poll_iteration()

    async def listen_for_ever(self, lanes: tuple[str, ...] = LANES) -> None:
        """Take deliveries of these lanes until cancelled."""
        listening = {asyncio.create_task(self._listen_to(lane)) for lane in lanes}
        try:
            ended, _ = await asyncio.wait(listening, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            await end_tasks(listening)

    async def _listen_to(self, lane: str) -> None:
        options, failures = arq_options(self._settings, self._service, lane, self._deliver), 0
        while True:
            wait_s = RECONNECT_S[min(failures, len(RECONNECT_S) - 1)]
            arq = _LaneWorker(redis_pool=self._redis, handle_signals=False, max_jobs=self._room.slots(lane), **options)
            arq.lane, arq.listener, self._workers[lane] = lane, self, arq
            waking = asyncio.create_task(self._wake_for_ever(arq))
            try:
                await self._redis.ping()
                failures = 0
                await arq.async_run()
            except REDIS_FAULTS as fault:
                log.warning(
                    "redis_unavailable", service=self._service, lane=lane, fault=type(fault).__name__, again_in_s=wait_s
                )  # fmt: skip
                failures += 1
            finally:
                await end_tasks({waking})
                for task in arq.tasks.values():
                    self._keep(task)
                if arq.main_task:
                    arq.main_task.cancel()
            await asyncio.sleep(wait_s)

    async def _wake_for_ever(self, arq: _LaneWorker) -> None:
        """Look at the queue as soon as something was put there, not only at the next poll."""
        while True:
            with contextlib.suppress(*REDIS_FAULTS):
                async with self._redis.pubsub() as heard:
                    await heard.subscribe(queue_name(self._service, arq.lane))
                    while True:
                        if await heard.get_message(ignore_subscribe_messages=True, timeout=QUIET_S):
                            await arq._poll_iteration()
            await asyncio.sleep(RECONNECT_S[-1])


def arq_options(settings: Settings, service: str, lane: str, deliver: Deliver) -> dict[str, Any]:
    """What arq is told: nothing of its own keeps, limits or repeats a job; the row decides all that."""

    async def delivered(_: dict[str, Any], job_id: str) -> None:
        await deliver(job_id, lane)

    return {
        "functions": [func(delivered, name=DELIVERY, keep_result=0, max_tries=NEVER)],  # type: ignore[arg-type]
        "queue_name": queue_name(service, lane),
        # the looks are shared among the queues: two of them shall not cost an idle worker more than one
        "poll_delay": len(LANES) * settings.job_poll_ms / 1000,
        # without a time limit arq's mark "in progress" lasts 10 s; then another worker is given the id too, and finds no lease
        "job_timeout": None,
        "keep_result": 0,
        "max_tries": NEVER,
        "job_serializer": encode,
        "job_deserializer": decode,
    }


def open_queues(dsn: str) -> ArqRedis:
    """Redis for the queues; it is told at once when a server is gone, and tries nothing again by itself."""
    redis = ArqRedis.from_url(
        dsn, socket_timeout=5.0, socket_connect_timeout=1.0, health_check_interval=30, retry=Retry(NoBackoff(), 0)
    )
    redis.job_serializer, redis.job_deserializer = encode, decode
    return redis  # type: ignore[no-any-return]
