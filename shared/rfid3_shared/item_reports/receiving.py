"""Who may report what happened to an item, which item is meant, and has it happened yet? What routes that take reports ask first."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

from rfid3_shared.auth import Caller
from rfid3_shared.db import transaction
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.item_ids import UnknownItem
from rfid3_shared.resources import Resources
from rfid3_shared.source.business_day import business_day
from rfid3_shared.source.tags import is_item


async def get_reporter(request: Request) -> Caller:
    """Someone who may post what happens in the shop: the scope events (readers), or decide (people)."""
    caller: Caller = request.scope["state"]["caller"]
    caller.require("events", "decide")
    return caller


Reporter = Annotated[Caller, Depends(get_reporter)]


async def known_id(request: Request, held: Resources, item_id: str) -> str:
    """The item as the model or the source spells it; new items, and all before the first model, are looked up in the source.

    Raises UnknownItem.
    """
    loaded = request.app.state.snapshots.loaded
    unknown = UnknownItem(f"No item is tagged {item_id[:64]!r}.", item_id=item_id[:255], suggestion=[])
    if loaded is not None:
        try:
            return str(loaded.snapshot.id_of(loaded.snapshot.row_of(item_id)))
        except UnknownItem as fault:
            unknown = fault
    async with transaction(held.source) as connection:
        if not await is_item(connection, item_id.strip()):
            raise unknown
    return item_id.strip()


async def happened_at(held: Resources, given: datetime | None, parameter: str) -> datetime:
    """The moment of what is reported, in UTC; now unless it is given; without a zone it is shop time.

    A simulated company may have lived on further than the clock: its own day counts then. Raises InvalidParameters for a moment that has
    not come yet.
    """
    now = held.clock.now()
    at = now if given is None else given if given.tzinfo else given.replace(tzinfo=held.clock.zone)
    if at > now:
        async with transaction(held.source) as connection:
            today = await business_day(connection, held.clock)
        day = at.astimezone(held.clock.zone).date()
        if today <= held.clock.today() or day > today:
            raise InvalidParameters(
                "It lies in the future: report what has happened.", parameter=parameter, given=str(given), now=now.isoformat(),
                today=str(today),
            )  # fmt: skip
    return at.astimezone(UTC)
