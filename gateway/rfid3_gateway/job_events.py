"""How do those who watch a job learn what it does? Server-sent events; one look at the store serves everybody who watches.

A stream begins with where the job is and says again what changes, so that whoever comes back after an interruption has missed
nothing. It ends with the whole job; it also ends when the gateway stops, and its reader then comes back by itself.
"""

import asyncio
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.db import transaction
from rfid3_shared.errors import RateLimited, StoreUnavailable
from rfid3_shared.jobs import Job, get_jobs
from rfid3_shared.log import get_logger

LOOK_EVERY_S = 0.5
LOOK_TIMEOUT_S = 3.0
HEARTBEAT_S = 1.0
RETRY_MS = 1000
MOST_STREAMS = 100
MOST_STREAMS_A_KEY = 10
ENDED = "end"
FAULTS = (StoreUnavailable, SQLAlchemyError, OSError, TimeoutError)
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
log = get_logger("gateway.job_events")


class TooManyStreams(StoreUnavailable):
    """This process keeps as many streams open as it will."""


class EventStream(Response):
    """An answer that goes on as long as `events` does; `release` is called when it is over, however it ended."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], release: Callable[[], None]) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._events, self._release = events, release

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for event in self._events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        finally:
            self._release()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class JobWatch:
    """Looks at all watched jobs together, as long as there are any; counts who watches."""

    def __init__(self, store: AsyncEngine) -> None:
        self._store = store
        self._watched: Counter[str] = Counter()
        self._by_key: Counter[str] = Counter()
        self._seen: dict[str, Job] = {}
        self._in_reach = True
        self._looked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def enter(self, job: Job, key_id: str) -> Callable[[], None]:
        """Watch a job from now on; returns what ends that.

        Raises RateLimited when the key watches too much, TooManyStreams when all together do.
        """
        if self._by_key[key_id] >= MOST_STREAMS_A_KEY:
            raise RateLimited(f"This key has {MOST_STREAMS_A_KEY} streams open: close one.", limit=MOST_STREAMS_A_KEY)
        if self._watched.total() >= MOST_STREAMS:
            raise TooManyStreams(f"{MOST_STREAMS} streams are open here: ask GET /api/predictive/jobs/{job.id} now and then.")
        self._watched[job.id] += 1
        self._by_key[key_id] += 1
        self._seen.setdefault(job.id, job)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_while_watched())
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                _count_down(self._watched, job.id)
                _count_down(self._by_key, key_id)

        return leave

    async def next(self, job_id: str) -> tuple[Job | None, bool]:
        """The job after the next look, None when it is gone, and whether the store was in reach; waits a heartbeat at most."""
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await self._looked.wait()
        except TimeoutError:
            pass
        return self._seen.get(job_id), self._in_reach

    async def _look_while_watched(self) -> None:
        while self._watched:
            asked = set(self._watched)
            try:
                async with asyncio.timeout(LOOK_TIMEOUT_S), transaction(self._store) as connection:
                    found = await get_jobs(connection, asked)
                # who came while the store was asked keeps what it came with
                self._seen = {**{id_: self._seen[id_] for id_ in self._watched if id_ not in asked}, **found}
                self._in_reach = True
            except FAULTS as fault:
                if self._in_reach:
                    log.warning("watched_jobs_not_read", jobs=len(self._watched), fault=type(fault).__name__)
                self._in_reach = False
            self._looked.set()
            self._looked = asyncio.Event()
            await asyncio.sleep(LOOK_EVERY_S)
        self._seen, self._task = {}, None


async def job_events(
    watch: JobWatch, job: Job, *, last_event_id: str, goes_on: Callable[[], Awaitable[bool]], now_s: Callable[[], float]
) -> AsyncIterator[bytes]:
    """The job's events from now to its end: progress, unavailable (the store is out of reach), end.

    Between them a comment a second shows that the connection lives; the stream also ends when `goes_on` says no.
    """
    yield b"retry: %d\n\n" % RETRY_MS
    said, in_reach, said_at = last_event_id, True, now_s()
    seen: Job | None = job
    while seen is not None and not seen.finished:
        event, name = _progress(seen)
        if in_reach and name != said:
            said, said_at = name, now_s()
            yield event
        elif not in_reach and said != "unavailable":
            said, said_at = "unavailable", now_s()
            yield _event(
                "unavailable", {"id": job.id, "message": "The store is out of reach now; this stream goes on with it."}
            )
        elif now_s() - said_at >= HEARTBEAT_S:
            said_at = now_s()
            yield b": still here\n\n"
        if not await goes_on():
            yield b": come back\n\n"
            return
        seen, in_reach = await watch.next(job.id)
    whole = {"id": job.id, "state": "deleted"} if seen is None else seen.as_dict()
    yield _event("end", whole, ENDED)


def _progress(job: Job) -> tuple[bytes, str]:
    """The event and its id, which is the same for the same content."""
    shown = {"id": job.id, "state": job.state, "stage": job.stage, "progress": job.progress}
    name = f"{zlib.crc32(orjson.dumps(shown)):08x}"
    return _event("progress", shown, name), name


def _event(kind: str, data: dict[str, Any], name: str = "") -> bytes:
    return b"event: %b\n%bdata: %b\n\n" % (kind.encode(), f"id: {name}\n".encode() if name else b"", orjson.dumps(data))


def _count_down(counter: Counter[str], name: str) -> None:
    counter[name] -= 1
    if not counter[name]:
        del counter[name]
