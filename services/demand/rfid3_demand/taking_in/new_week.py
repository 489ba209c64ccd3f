"""When a new week has begun in the shop, who sees to it that forecasts begin with it? Asks once a week for the models to be refreshed."""

from datetime import date, datetime, timedelta

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_demand.settings import SERVICE
from rfid3_shared.clock import Clock, week_start
from rfid3_shared.errors import Conflict
from rfid3_shared.flags import Flag, Flags, switched_off
from rfid3_shared.jobs import enqueue_and_send
from rfid3_shared.registry.catalogue import Catalogue

KIND = "refresh"
REQUESTED_BY = "taking in"


class RefreshAsker:
    """Asks for a refresh when the champion knows nothing of the week that is over. `flags_off` as the settings have it."""

    def __init__(self, store: AsyncEngine, redis: Redis | None, clock: Clock, flags_off: str) -> None:
        self._store, self._redis, self._clock = store, redis, clock
        self._flags = Flags(store, clock, off=switched_off(flags_off))
        self._asked: date | None = None

    async def ask(self, moment: datetime) -> str | None:
        """The job's id where one was asked for; None when it need not be, may not be, or one is active. Raises StoreUnavailable."""
        week = week_start(moment.date())
        if self._asked == week:
            return None
        champion = await Catalogue(self._store).current(SERVICE)
        if champion is None or champion.data_to is None or week_start(champion.data_to + timedelta(days=1)) >= week:
            return None
        if not await self._flags.look() or self._flags.why_off(Flag.MODEL_TRAINING):
            return None
        try:
            job = await enqueue_and_send(
                self._store, self._redis, self._clock, service=SERVICE, kind=KIND, arguments={}, requested_by=REQUESTED_BY,
                idempotency_key=f"refresh/{SERVICE}/{week}",
            )  # fmt: skip
        except Conflict:
            return None
        self._asked = week
        return job.id
