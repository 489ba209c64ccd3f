"""What does every route of the service ask first, and what does it say last?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Request

from rfid3_maintenance.item import Item, Report, item_of, sufficiency
from rfid3_maintenance.ledger_rows import of_item
from rfid3_maintenance.settings import SERVICE
from rfid3_maintenance.snapshot import Snapshot
from rfid3_shared import answering
from rfid3_shared.item_life import answering as items
from rfid3_shared.ledger import Prediction
from rfid3_shared.registry import Loaded

SwitchedOn = answering.switched_on(SERVICE)
meta_of = answering.meta_of_loaded
LoadedSnapshot = items.LoadedSnapshot
NO_REPORTS = "what was reported since"
"""Named in `meta.degraded` where reports cannot be read."""


async def reports_of(request: Request, loaded: Loaded[Snapshot]) -> tuple[Mapping[str, Report], list[str]]:
    """What was reported of items since the snapshot, and what could not be read: without the store an answer goes on without."""
    held = request.app.state.resources
    found, whole = await request.app.state.reports.read(held.store, loaded.snapshot.spec, held.clock)
    return found, [] if whole else [NO_REPORTS]


async def asked_item(request: Request, loaded: Loaded[Snapshot], item_id: str) -> tuple[Item, list[str]]:
    """The item that a path names with what was reported of it, and what could not be read.

    Raises UnknownItem, ItemGone, InsufficientData.
    """
    snapshot = loaded.snapshot
    known = snapshot.id_of(snapshot.row_of(item_id))
    found, missing = await reports_of(request, loaded)
    return item_of(snapshot, known, found.get(known)), missing


def meta_of_item(request: Request, loaded: Loaded[Snapshot], item: Item, missing: list[str]) -> dict[str, Any]:
    """What an answer about one item rests on."""
    return items.meta_of_item(request, loaded, item, sufficiency(item), missing)


def shown(request: Request, loaded: Loaded[Snapshot], item: Item, days: int) -> str:
    """Write the chance that is shown down; the id of its row."""

    def row_of(snapshot: Snapshot, version: str, at: datetime, request_id: str) -> Prediction:
        same = item if snapshot is item.snapshot else item_of(snapshot, item.item_id, item.report)
        return of_item(same, days, version, at, request_id)

    return answering.shown(request, loaded, row_of)
