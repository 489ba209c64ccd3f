"""Is there anything new, and what is to be done about it? One look after the other at events and RFID3's tables.

A look at the events costs one statement and comes with every wake-up; one at RFID3's tables comes every few seconds, and rests twenty
times as long as it took. Everything is computed anew at the start and every few minutes: that finds what leaves no trace.
"""

from dataclasses import dataclass

from rfid3_demand.taking_in.passes import Lost, Passes, Places
from rfid3_demand.taking_in.touched import arrived
from rfid3_shared.db import transaction
from rfid3_shared.source.watermark import SourceMark, Touched, read_mark, touched_since

REST_AFTER_LOOK, REST_AFTER_PASS, LONGEST_REST_S = 20.0, 3.0, 2.0
ELSEWHERE_S = 5.0
"""Between two looks while another process works."""


@dataclass(frozen=True)
class Pace:
    """How often to look at RFID3's tables, and how often at everything, in seconds."""

    poll_s: float = 5.0
    full_s: float = 300.0


@dataclass(frozen=True)
class Looked:
    """What a look came to: whether this process works, the pass was a full one, rows kept, and seconds to rest before the next."""

    working: bool
    full: bool = False
    passed: bool = False
    kept: int = 0
    rest_s: float = 0.0


class Looking:
    """Looks one after the other, as one process does them."""

    def __init__(self, places: Places, passes: Passes, pace: Pace) -> None:
        self._at, self._passes, self._pace = places, passes, pace
        self._mark: SourceMark | None = None
        self._next_poll_s = self._next_full_s = float("-inf")

    async def look(self) -> Looked:
        """Look, and do a pass where anything is new. Raises StoreUnavailable as passes do; the next look does it again."""
        try:
            return await self._look()
        except Lost:
            return Looked(working=False, rest_s=ELSEWHERE_S)

    async def _look(self) -> Looked:
        begun, now = self._at.clock.now(), self._at.clock.monotonic
        if not await self._passes.hold():
            return Looked(working=False, rest_s=ELSEWHERE_S)
        async with transaction(self._at.store) as store:
            seq, touched = await arrived(store, self._passes.seq)
        polled, mark = now() >= self._next_poll_s, self._mark
        if polled:
            mark, touched = await self._polled(touched)
        if not self._passes.knows or now() >= self._next_full_s:
            touched = None
        started = now()
        if touched is None or touched:
            kept = await self._passes.take(touched, seq)
            self._mark = mark
            if touched is None:
                self._next_full_s = now() + self._pace.full_s
            rest_s = min(REST_AFTER_PASS * (now() - started), LONGEST_REST_S)
            return Looked(True, touched is None, True, kept, rest_s)
        self._mark = mark
        if polled or self._passes.owed:
            await self._passes.confirm(begun)
        return Looked(working=True)

    async def _polled(self, touched: Touched | None) -> tuple[SourceMark, Touched | None]:
        """RFID3's mark, and what it has written besides."""
        started = self._at.clock.monotonic()
        async with transaction(self._at.source) as source:
            mark = await read_mark(source)
            written = Touched() if self._mark in (None, mark) else await touched_since(source, self._mark or mark, mark)
        done = self._at.clock.monotonic()
        self._next_poll_s = done + max(self._pace.poll_s, REST_AFTER_LOOK * (done - started))
        if touched is not None and written is not None:
            touched.update(written)
            return mark, touched
        return mark, None
