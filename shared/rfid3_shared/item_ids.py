"""Where among half a million sorted ids does one item stand, and which ids are near an unknown one? Numpy alone."""

import numpy as np

from rfid3_shared.errors import NotFound

LIKE, MOST_LIKE = 3, 5


class UnknownItem(NotFound):
    """No item of the source has this id."""


def as_ids(tags: list[str]) -> np.ndarray:
    """Tags, already sorted by their bytes, as an array that can be mapped into memory."""
    written = [tag.encode() for tag in tags]
    return np.array(written, f"S{max(map(len, written), default=1) or 1}")


def row_of(ids: np.ndarray, item_id: str) -> int:
    """The row of an item among sorted ids; blanks around an id and its letter case do not matter.

    Raises UnknownItem with ids that begin alike.
    """
    bare = item_id.strip()
    for spelling in (bare, bare.upper(), bare.lower()):
        key = spelling.encode()
        at = _place(ids, key)
        if at < len(ids) and len(key) <= ids.dtype.itemsize and ids[at] == key:
            return at
    raise UnknownItem(f"No item is tagged {item_id[:64]!r}.", item_id=item_id[:255], suggestion=like(ids, bare))


def like(ids: np.ndarray, item_id: str) -> list[str]:
    """Ids near an unknown one in the order of ids, those that begin alike first: a search of all would take seconds."""
    at = _place(ids, item_id.encode())
    near = [ids[k].decode() for k in range(max(0, at - LIKE), min(len(ids), at + LIKE))]
    alike = sorted((-_same_start(item_id, one), one) for one in near)
    return [one for _, one in alike][:MOST_LIKE]


def _place(ids: np.ndarray, key: bytes) -> int:
    return int(np.searchsorted(ids, np.array(key[: ids.dtype.itemsize], ids.dtype), side="left"))


def _same_start(one: str, other: str) -> int:
    return next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
