"""What is shown of an item: what RFID3 knows, and what the suite predicts of it? Pure.

A service that the suite does not have, or that says nothing of the item, is named as missing with the reason in our words.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from rfid3_gateway.integrated.item_rows import ItemRow
from rfid3_gateway.integrated.item_sources import SOURCES, ItemSource
from rfid3_gateway.plain import plain
from rfid3_shared.flags import Flag

OF_ITEMS = (
    Flag.DEMAND_FORECASTING, Flag.MAINTENANCE_PREDICTION, Flag.QUALITY_ANALYTICS, Flag.PRICING_OPTIMIZATION, Flag.INVENTORY_AUTOMATION,
    Flag.PACK_MANAGEMENT,
)  # fmt: skip
"""Abilities that have, or will have, something to say of a single item."""


@dataclass(frozen=True)
class Said:
    """What one service said: its result by key; or why it said nothing at all. as_of: day of the data it rests on."""

    results: Mapping[str, Any]
    reason: str | None
    as_of: str | None


def item_info(item: ItemRow) -> dict[str, Any]:
    """What RFID3 knows of the item."""
    return {
        "tag_id": item.tag_id, "common_name": _text(item.common_name), "status": _text(item.status), "quality": _text(item.quality),
        "current_location": _text(item.bin_location), "rental_class": _text(item.rental_class), "store": _text(item.store),
    }  # fmt: skip


def item_view(item: ItemRow, said: Mapping[str, Said], services: Collection[str]) -> dict[str, Any]:
    """The `data` about one item. said: by service; services: those of this suite."""
    unavailable = missing_services(services)
    shown: list[dict[str, Any]] = []
    days: list[str] = []
    for one in SOURCES:
        if one.service not in said:
            continue
        found = _prediction(one, item, said[one.service])
        if isinstance(found, str):
            unavailable[one.service] = found
        else:
            shown.append(found)
            days += [day for day in [said[one.service].as_of] if day]
    last = min(days) if days else None
    return {"item_info": item_info(item), "predictions": shown, "last_updated": last, "unavailable": unavailable}


def missing_services(services: Collection[str]) -> dict[str, str]:
    """Services that would speak of items and do not, each with why."""
    asked = {one.service for one in SOURCES}
    names = [str(flag.about.service) for flag in OF_ITEMS]
    absent = {name: f"This suite has no {name} service." for name in names if name not in services}
    return absent | {
        name: f"The {name} service says nothing of single items yet."
        for name in names
        if name in services and name not in asked
    }


def _prediction(one: ItemSource, item: ItemRow, said: Said) -> dict[str, Any] | str:
    """What the service predicts of the item, or why it does not."""
    key = one.key(item)
    if key is None:
        return one.none
    if said.reason is not None:
        return said.reason
    result: Any = said.results.get(key)
    try:
        return one.prediction(result["data"])
    except (KeyError, IndexError, StopIteration, TypeError):
        return _refused(one, result)


def _refused(one: ItemSource, result: object) -> str:
    """Why there is none for this item, in our words."""
    error = result.get("error") if isinstance(result, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    words = {"INSUFFICIENT_DATA": one.too_little, "NOT_FOUND": one.unknown}
    return words.get(str(code), f"The {one.service} service gave no usable answer.")


def _text(text: str | None) -> str | None:
    return None if text is None else plain(text)
