"""What does RFID3 itself know of items? One statement, read-only; no column of a person is read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.source.tables import items
from rfid3_shared.source.vocabulary import trimmed


@dataclass(frozen=True)
class ItemRow:
    """An item of the item master; texts trimmed, None where nothing is written."""

    tag_id: str
    rental_class: str | None
    common_name: str | None
    status: str | None
    quality: str | None
    bin_location: str | None
    store: str | None
    """As RFID3 writes it at the item."""
    last_scanned: datetime | None
    """Naive shop time."""


async def load_items(connection: AsyncConnection, tag_ids: Collection[str]) -> dict[str, ItemRow]:
    """The items with these tags, by the tag without blanks around it; unknown ones are left out."""
    i = items.c
    columns = (
        i.tag_id, i.rental_class_num, i.common_name, i.status, i.quality, i.bin_location, i.current_store, i.home_store,
        i.date_last_scanned,
    )  # fmt: skip
    # some tags of the live item master begin with one blank, and no index answers trim()
    spelt = [written for tag in tag_ids for written in (tag, f" {tag}")]
    found: dict[str, ItemRow] = {}
    for row in await connection.execute(select(*columns).where(i.tag_id.in_(spelt)).order_by(i.tag_id.desc())):
        tag, cls, name, status, quality, place, current, home, seen = row
        found[tag.strip()] = ItemRow(
            tag.strip(), trimmed(cls), trimmed(name), trimmed(status), trimmed(quality), trimmed(place),
            trimmed(current) or trimmed(home), seen,
        )  # fmt: skip
    return found
