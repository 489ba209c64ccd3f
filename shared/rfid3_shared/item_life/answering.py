"""What does every route of a service of items ask first, and what does it say of an item last? The rest is as of every service.

A service's own `routes/answering` says what people reported since, and how an item's row is made.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Protocol

from fastapi import Depends, Path, Request

from rfid3_shared.answering import loaded_or, meta_of_loaded
from rfid3_shared.db import transaction
from rfid3_shared.item_life.snapshot import ItemSnapshot
from rfid3_shared.registry import Loaded
from rfid3_shared.resources import Resources
from rfid3_shared.source.tags import require_scans

ItemId = Annotated[str, Path(min_length=1, max_length=255)]


class AnyItem(Protocol):
    """A row of a snapshot, as a service's room `item` shows it."""

    @property
    def snapshot(self) -> ItemSnapshot:
        """Where it is a row of."""

    @property
    def row(self) -> int:
        """Which one."""

    def imputed(self) -> list[str]:
        """What an answer rests on that nobody recorded."""


async def _explain(held: Resources) -> None:
    """Raises InsufficientData when the source has nothing to train on."""
    async with transaction(held.source) as connection:
        await require_scans(connection)


LoadedSnapshot = Annotated[Any, Depends(loaded_or(_explain))]


def meta_of_item(
    request: Request, loaded: Loaded[Any], item: AnyItem, sufficiency: str, missing: Iterable[str] = ()
) -> dict[str, Any]:
    """What an answer about one item rests on. sufficiency: how much own history stands behind it."""
    imputed = item.imputed()
    return meta_of_loaded(
        request, loaded, missing, sufficiency=sufficiency, imputed=imputed, store_inferred="store" in imputed,
        store=item.snapshot.store_of(item.row),
    )  # fmt: skip
