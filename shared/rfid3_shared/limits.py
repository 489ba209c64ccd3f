"""May this key call once more in this class? Counted exactly, in Redis, for all processes together.

A window opens with a key's first call in a class and closes `window_s` later; inside it at most `limit` calls are granted.
Calls that arrive while Redis is being asked share the next question, so a busy process pays one round trip for many of them
and still never grants one too many. While Redis is away each process counts by itself, from what it last knew, and says so.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from rfid3_shared.clock import Clock, epoch_s
from rfid3_shared.errors import RateLimited
from rfid3_shared.log import get_logger
from rfid3_shared.settings import Settings

log = get_logger("limits")
ASK_TIMEOUT_S = 0.25  # longest wait for Redis; an answer later than this helps nobody
PROBE_EVERY_S = 0.5
ASK_GAP_S = 0.002
"""Shortest time between the beginnings of two questions: an idle process asks at once, a busy one gathers calls meanwhile."""
REDIS_FAULTS = (RedisError, OSError, TimeoutError)

# KEYS window; ARGV wanted, limit, window in ms → granted, used, ms until the window closes. Refused calls are not counted.
TAKE = """
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local granted = math.max(0, math.min(tonumber(ARGV[1]), tonumber(ARGV[2]) - used))
if granted > 0 then
  used = redis.call('INCRBY', KEYS[1], granted)
  if used == granted then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
end
return {granted, used, math.max(1, redis.call('PTTL', KEYS[1]))}
"""


@dataclass(frozen=True)
class Rule:
    """At most `limit` calls in any window of `window_s` seconds."""

    limit: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to one call; `local` says that this process counted alone because Redis is out of reach."""

    allowed: bool
    limit: int
    remaining: int
    reset_in_s: float
    local: bool = False

    def headers(self) -> list[tuple[bytes, bytes]]:
        """X-RateLimit-Limit, -Remaining and -Reset (epoch seconds); -Scope when one process counted alone."""
        found = [
            (b"x-ratelimit-limit", b"%d" % self.limit),
            (b"x-ratelimit-remaining", b"%d" % self.remaining),
            (b"x-ratelimit-reset", b"%d" % (epoch_s() + self.reset_in_s + 0.999)),
        ]
        return [*found, (b"x-ratelimit-scope", b"process")] if self.local else found

    def require(self, rate_class: str) -> None:
        """Raises RateLimited when the call was refused."""
        if not self.allowed:
            raise RateLimited(
                f"Too many calls: this key may make {self.limit} in its window of the class {rate_class}.",
                rate_class=rate_class, limit=self.limit, retry_after_s=max(1, round(self.reset_in_s + 0.499)),
            )  # fmt: skip


@dataclass(slots=True)
class _Window:
    """What this process last knew about one key in one class."""

    name: str
    rule: Rule
    used: int = 0
    closes_at: float = 0.0
    waiting: list[asyncio.Future[Grant]] = field(default_factory=list)


def rules_from(settings: Settings) -> dict[str, Rule]:
    """The rule of each rate class: RT, BATCH, TRAIN, SYS and EVENTS."""
    return {
        "RT": Rule(settings.rate_realtime_per_min, 60),
        "BATCH": Rule(settings.rate_batch_per_min, 60),
        "TRAIN": Rule(settings.rate_train_per_hour, 3600),
        "SYS": Rule(settings.rate_system_per_min, 60),
        "EVENTS": Rule(settings.rate_events_per_min, 60),
    }


class RateLimiter:
    """Grants calls by key and class; one instance per process."""

    def __init__(self, redis: Redis, rules: dict[str, Rule], clock: Clock, *, size: int = 10_000) -> None:
        self._redis, self._rules, self._clock, self._size = redis, rules, clock, size
        self._windows: OrderedDict[tuple[str, str], _Window] = OrderedDict()
        self._due: dict[str, _Window] = {}
        self._sha, self._asked_at = "", 0.0
        self._flight: asyncio.Task[None] | None = None
        self._probe: asyncio.Task[None] | None = None

    @property
    def local(self) -> bool:
        """Whether this process counts alone right now."""
        return self._probe is not None

    async def take(self, key_id: str, rate_class: str) -> Grant:
        """Ask for one call of a key in a class; never raises for a Redis that is away."""
        window = self._window(key_id, rate_class)
        now = self._clock.monotonic()
        # a window known to be full stays full until it closes: refusing costs no question
        if self._probe is not None or (window.used >= window.rule.limit and now < window.closes_at):
            return self._count(window, now)
        answer: asyncio.Future[Grant] = asyncio.get_running_loop().create_future()
        window.waiting.append(answer)
        self._due[window.name] = window
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly())
        return await answer

    async def aclose(self) -> None:
        """Stop asking; calls that still wait are counted locally."""
        for task in (self._flight, self._probe):
            if task is not None:
                task.cancel()
        self._answer_locally(self._due)

    def _window(self, key_id: str, rate_class: str) -> _Window:
        window = self._windows.get((key_id, rate_class))
        if window is None:
            while len(self._windows) >= self._size:
                self._windows.popitem(last=False)
            window = _Window(f"rfid3:limit:{rate_class}:{key_id}", self._rules[rate_class])
            self._windows[key_id, rate_class] = window
        return window

    def _count(self, window: _Window, now: float) -> Grant:
        if now >= window.closes_at:
            window.used, window.closes_at = 0, now + window.rule.window_s
        allowed = window.used < window.rule.limit
        window.used += allowed
        left_s = window.closes_at - now
        return Grant(allowed, window.rule.limit, window.rule.limit - window.used, left_s, local=self.local)

    async def _fly(self) -> None:
        """Ask Redis for everything that waits, again and again until nothing does."""
        batch: dict[str, _Window] = {}
        waiting: dict[str, list[asyncio.Future[Grant]]] = {}
        try:
            while self._due:
                if (early_s := self._asked_at + ASK_GAP_S - self._clock.monotonic()) > 0:
                    await asyncio.sleep(early_s)
                self._asked_at = self._clock.monotonic()
                batch, self._due = self._due, {}
                waiting = {name: window.waiting for name, window in batch.items()}
                for window in batch.values():
                    window.waiting = []
                async with asyncio.timeout(ASK_TIMEOUT_S):
                    answers = await self._ask(batch, waiting)
                for (name, window), answer in zip(batch.items(), answers, strict=True):
                    self._share(window, waiting[name], *answer)
        except REDIS_FAULTS as fault:
            log.warning("redis_unavailable", effect="each process counts calls by itself", fault=type(fault).__name__)
            self._probe = asyncio.create_task(self._wait_for_redis())
            for name, window in batch.items():
                window.waiting = waiting[name] + window.waiting
            self._answer_locally(batch)
            self._answer_locally(self._due)
        finally:
            self._flight = None

    async def _ask(self, batch: dict[str, _Window], waiting: dict[str, list[Any]]) -> list[list[int]]:
        self._sha = self._sha or await self._redis.script_load(TAKE)
        pipe = self._redis.pipeline(transaction=False)
        for name, window in batch.items():
            wanted, limit, window_ms = len(waiting[name]), window.rule.limit, int(window.rule.window_s * 1000)
            pipe.evalsha(self._sha, 1, name, str(wanted), str(limit), str(window_ms))
        answers = await pipe.execute(raise_on_error=False)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            # a restarted Redis forgot the script; nothing of this batch was counted under it
            self._sha = ""
            return await self._ask(batch, waiting)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def _share(self, window: _Window, waiting: list[asyncio.Future[Grant]], granted: int, used: int, left_ms: int) -> None:
        limit, left_s = window.rule.limit, left_ms / 1000
        window.used, window.closes_at = used, self._clock.monotonic() + left_s
        for place, answer in enumerate(waiting):
            if not answer.done():  # its caller may have hung up meanwhile
                remaining = max(0, limit - used + granted - 1 - place)
                answer.set_result(Grant(place < granted, limit, remaining, left_s))

    def _answer_locally(self, batch: dict[str, _Window]) -> None:
        now = self._clock.monotonic()
        for window in batch.values():
            waiting, window.waiting = window.waiting, []
            for answer in waiting:
                if not answer.done():
                    answer.set_result(self._count(window, now))
        batch.clear()

    async def _wait_for_redis(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            try:
                async with asyncio.timeout(ASK_TIMEOUT_S):
                    await self._redis.ping()
            except REDIS_FAULTS:
                continue
            log.warning("redis_back", effect="calls are counted for all processes together again")
            self._probe = None
            return
