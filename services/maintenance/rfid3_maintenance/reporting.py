"""What did people report of items that the chances do not know yet?"""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_maintenance.item import Report
from rfid3_maintenance.snapshot import Spec
from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.item_reports.read import ReportedEvent, load_events

MOVING = ("failure", "serviced")
"""What changes an item's chances at once; that nothing was found is a label only."""
DAY_S = 86_400.0
FRESH_S = 0.5
"""How long a reading is used again."""


class Recent:
    """What was reported since the snapshot, as this process last read it: a moment old at most, unless the store is out of reach.

    Half a second old at most costs two look-ups a second instead of one a question; what this process itself wrote counts at once.
    """

    def __init__(self) -> None:
        self._known: Mapping[str, Report] = {}
        self._of, self._until = "", 0.0

    async def read(self, engine: AsyncEngine, spec: Spec, clock: Clock) -> tuple[Mapping[str, Report], bool]:
        """Reports by item, and whether they are all: without the store those that were known before of this snapshot."""
        if self._of == spec.job_id + spec.data_to and clock.monotonic() < self._until:
            return self._known, True
        try:
            async with transaction(engine) as connection:
                self._known = await reported(connection, spec, clock)
        except StoreUnavailable:
            return (self._known if self._of == spec.job_id + spec.data_to else {}), False
        self._of, self._until = spec.job_id + spec.data_to, clock.monotonic() + FRESH_S
        return self._known, True

    def forget(self) -> None:
        """Read anew at the next question."""
        self._until = 0.0


async def reported(connection: AsyncConnection, spec: Spec, clock: Clock) -> dict[str, Report]:
    """The last failure or service of each item that a snapshot does not know yet, by item."""
    return {item: known[-1][1] for item, known in (await reports_of_items(connection, spec, clock)).items()}


async def reports_of_items(
    connection: AsyncConnection, spec: Spec, clock: Clock
) -> dict[str, list[tuple[ReportedEvent, Report]]]:  # fmt: skip
    """Every failure or service that a snapshot does not know yet, by item and in order of time; with the row it was kept in."""
    last = datetime.fromisoformat(spec.data_to).replace(tzinfo=clock.zone).astimezone(UTC)
    found: dict[str, list[tuple[ReportedEvent, Report]]] = {}
    for one in await load_events(connection, received_after_seq=spec.reports_seq):
        if one.event in MOVING:
            elapsed = max(0.0, (last - one.occurred_at).total_seconds() / DAY_S)
            found.setdefault(one.item_id, []).append((one, Report(one.event, one.kind, one.occurred_at, elapsed)))
    return found


async def known_seq(connection: AsyncConnection, data_to: datetime, clock: Clock) -> int:
    """Up to which report all happened by the data's last moment (naive shop time): what training can take in."""
    last = data_to.replace(tzinfo=clock.zone).astimezone(UTC)
    events = await load_events(connection)
    after = [one.seq for one in events if one.occurred_at > last]
    return min(after) - 1 if after else max((one.seq for one in events), default=0)
