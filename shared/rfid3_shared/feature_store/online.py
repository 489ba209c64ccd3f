"""What is known of the present, read in one go? The values of a view in Redis, none of them older than declared.

One key a pack (the entities that are asked for together) and one that says what has been taken in. Keys carry the digest of the
declaration: values of another one are not found. Losing Redis loses nothing but the moment: the tables are the truth.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from redis.asyncio import Redis

from rfid3_shared.cache import REDIS_FAULTS
from rfid3_shared.clock import Clock
from rfid3_shared.feature_store.definition import FeatureView
from rfid3_shared.feature_store.reading import (
    UNREADABLE,
    Held,
    Reading,
    TakenIn,
    Values,
    aged,
    heard,
    missing,
    pack,
    told,
    unpacked,
)

KEPT_S = 7 * 86_400
"""Keys of a declaration that is no longer used are gone a week later; who publishes must publish everything more often."""
PATIENCE_S, REST_S = 0.2, 1.0
AT_ONCE = 16
"""More readers than that wait for each other: asking on ever more connections would end in a refusal."""
REMEMBERED = 200


class OnlineFeatures:
    """The values of a view, published by one process and read by many.

    `memory_s`: for how long a reading of the same packs is answered from this process without asking Redis again, e.g. 0.2; ages
    are looked at each time.
    """

    def __init__(self, redis: Redis | None, view: FeatureView, clock: Clock, *, memory_s: float = 0.0) -> None:
        self._redis, self._view, self._clock, self._memory_s = redis, view, clock, memory_s
        self._prefix = f"rfid3:features:{view.name}:{view.digest}:".encode()
        self._taken_in_key = self._key("taken_in")
        self._memory: OrderedDict[tuple[str, ...], tuple[Held, float]] = OrderedDict()
        self._unpacked_before: dict[str, tuple[bytes, Mapping[str, Values]]] = {}
        self._rest_until = 0.0
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def publish(
        self, packs: Mapping[str, Mapping[str, Sequence[float | None]]], taken_in: TakenIn, *, whole: bool = True
    ) -> bool:
        """Replace the packs named and say what has been taken in, all at once or not at all; NaN is None.

        With `whole=False` (only what was touched) a Redis that has forgotten the rest is not told that all is known: False then, and
        everything must be published. Raises redis' errors, and ValueError for values that do not fit the view.
        """
        written = {self._key(name): pack(self._view, values) for name, values in packs.items()}
        async with self._connected().pipeline(transaction=True) as together:
            for key, content in written.items():
                together.set(key, content, ex=KEPT_S)
            together.set(self._taken_in_key, told(taken_in), ex=KEPT_S, xx=not whole)
            answers = await together.execute()
        self._memory.clear()
        return bool(answers[-1])

    async def touch(self, taken_in: TakenIn) -> bool:
        """Say that the published values still hold; False when Redis has forgotten them and everything must be published.

        Raises redis' errors.
        """
        self._memory.clear()
        return bool(await self._connected().set(self._taken_in_key, told(taken_in), ex=KEPT_S, xx=True))

    async def read(self, packs: Sequence[str]) -> Reading:
        """What is known of the packs now, by one MGET; never raises, and never waits longer than 0.2 s."""
        asked = tuple(packs)
        held = self._remembered(asked) or await self._ask(asked)
        if isinstance(held, str):
            return missing(self._view, asked, held)
        return aged(self._view, held, self._clock.now())

    async def _ask(self, packs: tuple[str, ...]) -> Held | str:
        """What Redis holds, or in plain words why that is not known."""
        if self._redis is None or self._clock.monotonic() < self._rest_until:
            return "Redis does not answer."
        try:
            async with asyncio.timeout(PATIENCE_S), self._turns:
                taken_in, *contents = await self._redis.mget([self._taken_in_key, *map(self._key, packs)])
        except REDIS_FAULTS:
            # a Redis that does not answer is left alone for a second: asking each time would cost every request its patience
            self._rest_until = self._clock.monotonic() + REST_S
            return "Redis does not answer."
        if taken_in is None:
            return "The present has not been taken in yet."
        values: dict[str, Values] = {}
        absent = []
        try:
            for name, content in zip(packs, contents, strict=True):
                if content is None:
                    absent.append(name)
                else:
                    values.update(self._unpacked(name, content))
            known = heard(taken_in)
        except UNREADABLE:
            return "What Redis holds of the present cannot be read."
        held = Held(known, MappingProxyType(values), tuple(absent))
        self._remember(packs, held)
        return held

    def _key(self, name: str) -> bytes:
        # half a character is no name of a pack, and no reason for a fault
        return self._prefix + name.encode(errors="surrogatepass")

    def _unpacked(self, name: str, content: bytes) -> Mapping[str, Values]:
        """Most packs have not changed since they were last read: the same bytes are not unpacked twice."""
        before = self._unpacked_before.get(name)
        if before is None or before[0] != content:
            before = self._unpacked_before[name] = (content, unpacked(self._view, content))
        return before[1]

    def _connected(self) -> Redis:
        if self._redis is None:
            raise ConnectionError("there is no Redis")
        return self._redis

    def _remembered(self, packs: tuple[str, ...]) -> Held | None:
        held, until = self._memory.get(packs, (None, 0.0))
        return held if self._clock.monotonic() < until else None

    def _remember(self, packs: tuple[str, ...], held: Held) -> None:
        if self._memory_s > 0:
            self._memory[packs] = (held, self._clock.monotonic() + self._memory_s)
            self._memory.move_to_end(packs)
            if len(self._memory) > REMEMBERED:
                self._memory.popitem(last=False)


__all__ = ["OnlineFeatures", "Reading", "TakenIn", "Values"]
