"""Of which items is nothing foretold, because they are gone or never were for rent?"""

from rfid3_shared.errors import Conflict
from rfid3_shared.item_life.snapshot import FOR_SALE, GONE, ItemSnapshot


class ItemGone(Conflict):
    """The item is sold, retired, missing, or never was for rent."""


def refuse_gone(snapshot: ItemSnapshot, row: int, so: str) -> None:
    """Raises ItemGone for a unit that is sold, retired, missing or for sale. so: what follows from being gone, for the message."""
    item_id, status = snapshot.id_of(row), snapshot.status_of(row)
    if gone := GONE[snapshot.code(row, "gone")]:
        words = "has not come back" if gone == "loss" else "is retired or sold"
        raise ItemGone(f"{item_id} {words}: {so}.", item_id=item_id, gone=gone, status=status)
    if snapshot.flag(row, FOR_SALE):
        raise ItemGone(f"{item_id} is for sale and is not rented out.", item_id=item_id, status=status)
