"""Is any job lost or done twice when workers, their work, Redis and MariaDB are killed at random, again and again?

Jobs publish versions (`chaos_work`). Whatever was killed is started again moments later, as a supervisor would. In the end every
job must have succeeded, published exactly one version, and that version must have become champion exactly once.
"""

import asyncio
import contextlib
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from redis.asyncio import Redis
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.chaos_servers import Killable, mariadb_in, redis_on, worker
from bench.chaos_work import KINDS, LANES, SERVICE
from bench.servers import free_port
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.errors import AppError
from rfid3_shared.jobs import Outbox, enqueue, prediction_jobs
from rfid3_shared.registry import ml_model_performance, registry_events
from rfid3_shared.resources import ensure_store, open_redis

WORKERS = 2
MANY_ATTEMPTS = 1000
"""These jobs are killed far more often than a poison job may kill its workers."""
PAUSE_S = (0.1, 1.5)
WEIGHTS = {"worker": 40, "work": 40, "redis": 14, "mariadb": 6}
jobs, versions, events = prediction_jobs.c, ml_model_performance.c, registry_events.c


@dataclass
class Toll:
    """What was killed, and what became of the jobs."""

    kills: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    succeeded: int = 0
    attempts: int = 0
    lost: int = 0
    """Jobs that are gone, or did not succeed."""
    twice: int = 0
    """Versions too many, and changes of state too many."""
    resumed_s: list[float] = field(default_factory=list)
    """Seconds from the kill of a worker until a job it held ran again or had ended."""
    silences_s: list[float] = field(default_factory=list)
    """Seconds from a kill until the next job ended."""

    @property
    def clean(self) -> bool:
        """Whether nothing was lost and nothing done twice."""
        return self.asked > 0 and not self.lost and not self.twice


class Havoc:
    """Servers, workers, jobs, and the one who kills them."""

    def __init__(self, home: Path, engine: AsyncEngine, redis: Redis, victims: dict[str, list[Killable]], seed: int) -> None:
        self._home, self._engine, self._redis, self._victims = home, engine, redis, victims
        self._chance, self.toll = random.Random(seed), Toll()
        self._held: dict[str, tuple[float, int]] = {}
        self._ended = 0
        self._silent_since: float | None = None

    async def run(self, kills: int, tell: Callable[[str], None]) -> Toll:
        """Kill so many times while jobs are asked for, then let everything come to its end."""
        killing = asyncio.create_task(self._kill(kills, tell))
        watching = asyncio.create_task(self._watch())
        while not killing.done():
            await self._ask_for_every_kind()
            await asyncio.sleep(0.3)
        await killing
        tell("waiting for the last jobs")
        while await self._active():
            await asyncio.sleep(0.3)
        watching.cancel()
        await self._count()
        return self.toll

    async def _kill(self, kills: int, tell: Callable[[str], None]) -> None:
        # each kind at least once, then by weight
        kinds = [kind for kind, found in self._victims.items() if found or kind == "work"]
        order = [*kinds, *self._chance.choices(kinds, [WEIGHTS[kind] for kind in kinds], k=max(0, kills - len(kinds)))]
        for done, kind in enumerate(order, 1):
            await asyncio.sleep(self._chance.uniform(*PAUSE_S))
            if kind == "work":
                if not self._kill_work():
                    continue
            else:
                await self._kill_and_restart(kind)
            self.toll.kills[kind] += 1
            if done % 10 == 0:
                tell(f"{done} of {len(order)} kills, {self._ended} of {self.toll.asked} jobs ended")

    def _kill_work(self) -> bool:
        for path in sorted((self._home / "running").glob("*"), key=lambda _: self._chance.random()):
            path.unlink(missing_ok=True)
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                if self._is_ours(int(path.name)):
                    os.kill(int(path.name), signal.SIGKILL)
                    return True
        return False

    def _is_ours(self, pid: int) -> bool:
        ours = {victim.process.pid for victim in self._victims["worker"]}
        return bool(ours & {parent.pid for parent in psutil.Process(pid).parents()})

    async def _kill_and_restart(self, kind: str) -> None:
        victim = self._chance.choice(self._victims[kind])
        holding = await self._running() if kind == "worker" else {}
        held = {job: attempts for job, (owner, attempts) in holding.items() if f":{victim.process.pid}:" in owner}
        victim.kill()
        now = time.perf_counter()
        self._held |= {job: (now, attempts) for job, attempts in held.items()}
        self._silent_since = now
        await asyncio.sleep(self._chance.uniform(0, 0.5))
        await asyncio.to_thread(victim.restart)

    async def _watch(self) -> None:
        """Note when jobs of killed workers run again, and when the next job ends."""
        while True:
            await asyncio.sleep(0.1)
            with contextlib.suppress(AppError, OSError):
                async with transaction(self._engine) as connection:
                    rows = (await connection.execute(select(jobs.id, jobs.state, jobs.attempts))).all()
                now = time.perf_counter()
                for row in rows:
                    since, attempts = self._held.get(row.id, (now, row.attempts))
                    if row.id in self._held and (row.attempts > attempts or row.state not in ("running", "queued")):
                        self.toll.resumed_s.append(now - since)
                        del self._held[row.id]
                ended = sum(row.state not in ("running", "queued") for row in rows)
                if ended > self._ended and self._silent_since is not None:
                    self.toll.silences_s.append(now - self._silent_since)
                    self._silent_since = None
                self._ended = ended

    async def _ask_for_every_kind(self) -> None:
        for kind in KINDS:
            key = f"{kind}/{self.toll.asked}"
            with contextlib.suppress(
                AppError, OSError
            ):  # active already, or the store is down: then nobody was promised anything
                outbox = Outbox(self._redis)
                async with transaction(self._engine) as connection:
                    job = await enqueue(
                        connection, service=SERVICE, kind=kind, arguments={"number": self.toll.asked}, requested_by="chaos",
                        idempotency_key=key, clock=Clock(), max_attempts=MANY_ATTEMPTS, lane=LANES[kind],
                    )  # fmt: skip
                    outbox.add(job)
                self.toll.asked += 1
                await outbox.send()

    async def _running(self) -> dict[str, tuple[str, int]]:
        with contextlib.suppress(AppError, OSError):
            async with transaction(self._engine) as connection:
                query = select(jobs.id, jobs.lease_owner, jobs.attempts).where(jobs.state == "running")
                return {row.id: (row.lease_owner or "", row.attempts) for row in await connection.execute(query)}
        return {}

    async def _active(self) -> int:
        with contextlib.suppress(AppError, OSError):
            async with transaction(self._engine) as connection:
                query = select(func.count()).where(jobs.state.in_(("queued", "running")))
                return int((await connection.execute(query)).scalar_one())
        return 1

    async def _count(self) -> None:
        """Straight from the tables: what became of every job."""
        async with transaction(self._engine) as connection:
            found = (await connection.execute(select(jobs.id, jobs.state, jobs.attempts))).all()
            made = Counter((await connection.execute(select(versions.job_id))).scalars())
            to_champion = select(events.model_version, func.count()).where(
                events.to_state == "champion", events.from_state == "candidate"
            )
            times_crowned = [count for _, count in await connection.execute(to_champion.group_by(events.model_version))]
        succeeded = [row for row in found if row.state == "succeeded"]
        self.toll.succeeded, self.toll.attempts = len(succeeded), sum(row.attempts for row in found)
        # a commit whose answer was lost on the way may have stored a job nobody counts: more rows than asked is no loss
        self.toll.lost = max(0, self.toll.asked - len(found)) + len(found) - len(succeeded)
        self.toll.lost += sum(made[row.id] == 0 for row in succeeded)
        self.toll.twice = sum(count - 1 for count in made.values()) + sum(count - 1 for count in times_crowned)


def kill_all(victims: Iterable[Killable]) -> None:
    """End them, dead or alive."""
    for victim in victims:
        victim.kill()


@asynccontextmanager
async def arena(seed: int) -> AsyncIterator[Havoc]:
    """Everything that can be killed, running: MariaDB where it is installed (else SQLite), Redis, workers."""
    with tempfile.TemporaryDirectory(prefix="rfid3-chaos-") as folder, ExitStack() as stack:
        home, port = Path(folder), free_port()
        database = mariadb_in(home)
        victims: dict[str, list[Killable]] = {
            "mariadb": [database[0]] if database else [],
            "redis": [redis_on(port)],
            "work": [],
        }
        stack.callback(lambda: kill_all(victim for found in victims.values() for victim in found))
        dsn = database[1] if database else f"sqlite:///{home / 'store.db'}"
        engine, redis = open_engine(dsn), open_redis(f"redis://127.0.0.1:{port}/0")
        await ensure_store(engine)
        environment = {
            "RFID3_HOME": str(home), "RFID3_STORE_URL": dsn, "RFID3_REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "RFID3_SHADOW_ANSWERS": "0",
        }  # fmt: skip
        victims["worker"] = [worker(number, environment, home / "workers.log") for number in range(WORKERS)]
        try:
            yield Havoc(home, engine, redis, victims, seed)
        finally:
            await redis.aclose()
            await engine.dispose()
