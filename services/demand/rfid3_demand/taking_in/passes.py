"""How do facts become values that are kept and served? One pass: read, compute, keep what changed, publish, note the position.

Values are recomputed from the tables, never counted on, so a pass may be repeated, cut off anywhere or done by another process. What is
kept is committed before it is published. While Redis is out of reach publishing is owed; once it is back, or has forgotten, everything
is published from memory. One process at a time keeps and publishes: whoever holds the position.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_demand.present.definitions import LIVE
from rfid3_demand.taking_in.facts import Reference, dated_facts
from rfid3_demand.taking_in.reading import read_rows
from rfid3_demand.taking_in.reference import read_moment, read_reference
from rfid3_demand.taking_in.touched import classes_of, outdated
from rfid3_demand.taking_in.values import class_of, packs_of, values_of
from rfid3_shared.cache import REDIS_FAULTS
from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.events import position
from rfid3_shared.events.read import trusted_since
from rfid3_shared.feature_store import history
from rfid3_shared.feature_store.online import OnlineFeatures, TakenIn
from rfid3_shared.feature_store.reading import Values
from rfid3_shared.log import get_logger
from rfid3_shared.source.business_day import business_day
from rfid3_shared.source.watermark import Touched

CONSUMER = "demand/live"
LEASE_S = 15.0
MOST_CLASSES = 200
"""Classes above which all are computed anew."""
TICK = timedelta(microseconds=1)
log = get_logger("demand.taking_in")


@dataclass(frozen=True)
class Places:
    """Where a pass reads and writes, and by which rules."""

    source: AsyncEngine
    store: AsyncEngine
    online: OnlineFeatures
    clock: Clock
    history_days: int = 1095
    trust_days: float = 14.0


class Lost(Exception):
    """Another process works now."""


class Passes:
    """What one process knows while it does the passes; `holder` names it."""

    def __init__(self, places: Places, holder: str) -> None:
        self._at, self._holder = places, holder
        self._known: dict[str, Values] | None = None
        self._reference: Reference | None = None
        self._position: dict[str, Any] | None = None
        self._seq = 0
        self._as_of = self._checked_at = datetime.min.replace(tzinfo=UTC)
        self.moment: datetime | None = None
        self.owed = False
        """Whether what is kept has not been published in full."""

    @property
    def knows(self) -> bool:
        """Whether a full pass has been done since this process came to hold the position."""
        return self._known is not None

    @property
    def seq(self) -> int:
        """The number of the last event taken in."""
        return self._seq

    async def hold(self) -> bool:
        """Come to work, or go on; False while another process does. Raises StoreUnavailable."""
        async with transaction(self._at.store) as connection:
            found = await position.hold(connection, CONSUMER, self._holder, self._at.clock, LEASE_S)
        if found is None or found != self._position:
            # somebody else has worked since: what is known here may be old
            self._known, self._position = None, found
            self._seq = int((found or {}).get("seq", 0))
            if found and "as_of" in found:
                self._as_of = datetime.fromisoformat(found["as_of"])
        return found is not None

    async def release(self) -> None:
        """Let another process work at once."""
        async with transaction(self._at.store) as connection:
            await position.release(connection, CONSUMER, self._holder, self._at.clock)
        self._known = None

    async def take(self, touched: Touched | None, seq: int) -> int:
        """A pass over what was touched, over everything for None; the event `seq` and those before it are in it. Returns rows kept.

        Raises StoreUnavailable when source or store are out of reach, Lost when another process works; nothing is lost by either.
        """
        at = self._at
        trusted = trusted_since(at.clock, at.trust_days)
        begun = at.clock.now()
        async with transaction(at.source) as source, transaction(at.store) as store:
            moment = await read_moment(source, store, await business_day(source, at.clock), trusted)
            if moment is None:
                self._seq = seq
                return 0
            classes = await self._classes(source, store, touched, moment)
            if classes is None or self._reference is None:
                classes, self._reference = None, await read_reference(source, moment, at.history_days)
            rows = await read_rows(source, store, moment, trusted, classes)
            known = self._known if self._known is not None else await history.newest(store, LIVE)
        reference = self._reference
        before = [name for name in known if classes is None or class_of(name) in classes]
        values = await asyncio.to_thread(lambda: values_of(dated_facts(rows, reference, moment, classes), before))
        self._checked_at = begun
        return await self._keep_and_publish(values, known, classes, moment, seq)

    async def publish_all(self) -> bool:
        """Publish everything that is kept; False when Redis is out of reach."""
        if self._known is None or self._reference is None or self.moment is None:
            return False
        packs = packs_of(self._known, self._reference.classes)
        return await self._publish(packs, whole=True)

    async def confirm(self, checked_at: datetime) -> bool:
        """Say that a look begun at `checked_at` found nothing new; publishes everything where Redis has forgotten.

        False when Redis is out of reach.
        """
        if self._known is None or self.moment is None:
            return False
        self._checked_at = checked_at
        try:
            told = not self.owed and await self._at.online.touch(self._taken_in())
        except REDIS_FAULTS:
            self.owed = True
            return False
        if told:
            await self._save()
            return True
        return await self.publish_all()

    async def _classes(self, source: Any, store: Any, touched: Touched | None, moment: datetime) -> frozenset[str] | None:
        """The classes to be computed; None for all: at first, on another day, when too much is new."""
        if touched is None or self._known is None or self.moment is None or moment.date() != self.moment.date():
            return None
        moved = await outdated(source, store, self.moment, moment)
        moved.update(touched)
        classes = await classes_of(source, store, moved, moment)
        return None if len(classes) > MOST_CLASSES else classes

    async def _keep_and_publish(
        self, values: Mapping[str, Values], known: dict[str, Values], classes: frozenset[str] | None, moment: datetime, seq: int
    ) -> int:
        as_of = max(self._at.clock.now(), self._as_of + TICK)
        async with transaction(self._at.store) as connection:
            # renewed in the transaction that keeps: no other process can come to hold the position before its end
            found = await position.hold(connection, CONSUMER, self._holder, self._at.clock, LEASE_S)
            if found is None or found != self._position:
                self._known = None
                raise Lost
            changed = await history.append(connection, LIVE, values, as_of, known)
        known.update(values)
        self._known, self.moment, self._seq, self._as_of = known, moment, seq, as_of
        if classes is None or self.owed or not await self._publish(packs_of(values, classes), whole=False):
            await self.publish_all()
        return changed

    async def _publish(self, packs: Mapping[str, Mapping[str, Values]], *, whole: bool) -> bool:
        """False, and publishing is owed, when Redis is out of reach or has forgotten the rest."""
        try:
            done = await self._at.online.publish(packs, self._taken_in(), whole=whole)
        except REDIS_FAULTS as fault:
            if not self.owed:
                log.warning("not_published", effect="values wait until Redis is back", fault=type(fault).__name__)
            done = False
        self.owed = not done
        if done:
            await self._save()
        return done

    async def _save(self) -> None:
        """Note how far published values have come."""
        reached = {"seq": self._seq, "moment": str(self.moment), "as_of": self._as_of.isoformat()}
        if reached == self._position:
            return
        async with transaction(self._at.store) as connection:
            if not await position.save(connection, CONSUMER, self._holder, reached, self._at.clock):
                self._known = None
                raise Lost
        self._position = reached

    def _taken_in(self) -> TakenIn:
        assert self.moment is not None
        return TakenIn(self._seq, self.moment, self._as_of, self._checked_at)
