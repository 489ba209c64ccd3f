"""What does every route of the service ask first, and what does it say last?"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fastapi import Request

from rfid3_quality.item import Item, Reading, item_of, sufficiency
from rfid3_quality.ledger_rows import of_item
from rfid3_quality.reporting import inspected
from rfid3_quality.settings import SERVICE
from rfid3_quality.snapshot import Snapshot
from rfid3_shared import answering
from rfid3_shared.db import transaction
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.item_life import answering as items
from rfid3_shared.ledger import Prediction
from rfid3_shared.registry import Loaded
from rfid3_shared.resources import Resources

NO_REPORTS = "inspections since the last training"
"""Named in `meta.degraded` where they cannot be read."""
SwitchedOn = answering.switched_on(SERVICE)
meta_of = answering.meta_of_loaded
LoadedSnapshot = items.LoadedSnapshot


async def readings_of(
    held: Resources, loaded: Loaded[Snapshot], item_ids: Iterable[str] | None
) -> tuple[dict[str, Reading], list[str]]:  # fmt: skip
    """Inspections that the snapshot does not know, and what could not be read: without the store an answer goes on without."""
    try:
        async with transaction(held.store) as connection:
            return await inspected(connection, held.clock, item_ids, loaded.snapshot.spec.reports_seq), []
    except StoreUnavailable:
        return {}, [NO_REPORTS]


async def asked_item(held: Resources, loaded: Loaded[Snapshot], item_id: str) -> tuple[Item, list[str]]:
    """The item that a path names with its newest inspection, and what could not be read.

    Raises UnknownItem, ItemGone, InsufficientData.
    """
    row = loaded.snapshot.row_of(item_id)
    known = loaded.snapshot.id_of(row)
    found, missing = await readings_of(held, loaded, [known])
    return item_of(loaded.snapshot, row, found.get(known)), missing


def meta_of_item(request: Request, loaded: Loaded[Snapshot], item: Item, missing: list[str]) -> dict[str, Any]:
    """What an answer about one item rests on."""
    return items.meta_of_item(request, loaded, item, sufficiency(item), missing)


def shown(request: Request, loaded: Loaded[Snapshot], item: Item) -> str:
    """Write the projection that is shown down; the id of its row."""

    def row_of(snapshot: Snapshot, version: str, at: datetime, request_id: str) -> Prediction:
        same = item if snapshot is item.snapshot else item_of(snapshot, snapshot.row_of(item.item_id), item.reading)
        return of_item(same, version, at, request_id)

    return answering.shown(request, loaded, row_of)
