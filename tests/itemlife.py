"""Lives of a few units, written down scan by scan."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import strategies as st

from rfid3_shared.item_life.sources import CLASSES, CONTRACTS, EVENTS, INSPECTIONS, LINES, RAIN, SCANS, TAGS, Sources
from rfid3_shared.source.vocabulary import DEFECTS

DAY0 = datetime(2026, 3, 2, 9)
"""A Monday morning."""
TAGS_OF_THREE = ["T1", "T2", "T3"]
OUT, DELIVERED, BACK, PICKUP, TOUCH = "Rental", "Delivery", "Return", "Pickup", "Touch Scan"
READY, ON_RENT, INSPECT, WASH, REPAIR = "Ready to Rent", "On Rent", "Needs to be Inspected", "Wash", "Repair"
STATUSES = [READY, ON_RENT, INSPECT, "Wet", WASH, REPAIR, "3F8469D0AEE24297317E551D", None]


def day(number: float) -> datetime:
    """So many days after the first morning."""
    return DAY0 + timedelta(seconds=round(number * 86_400))


def scan(tag: str, kind: str, at: float, status: str | None = None, **more: Any) -> dict[str, Any]:
    """One scan; `defects` names flags, the rest are columns of SCANS."""
    usual = {OUT: ON_RENT, DELIVERED: "Delivered", BACK: READY, PICKUP: READY}.get(kind, READY)
    flags = sum(1 << DEFECTS.index(name) for name in more.pop("defects", ()))
    return {
        "tag_id": tag, "scan_type": kind, "scan_date": day(at), "status": status or usual, "quality": None, "contract_number": None,
        "rental_class": "61825", "flags": flags, **more,
    }  # fmt: skip


def tag(name: str, status: str | None = READY, **more: Any) -> dict[str, Any]:
    """One row of the item master."""
    return {"tag_id": name, "rental_class": "61825", "status": status, **more}


def sources(
    scans: Iterable[dict[str, Any]] = (), tags: Iterable[Any] = TAGS_OF_THREE, until: float = 400, **more: Any
) -> Sources:
    """What was read; ids count up in the order given unless a scan has its own."""
    numbered = [{"id": number, **one} for number, one in enumerate(scans)]
    listed = [one if isinstance(one, dict) else tag(one) for one in tags]
    schemas = {
        "classes": CLASSES,
        "contracts": CONTRACTS,
        "lines": LINES,
        "rain": RAIN,
        "events": EVENTS,
        "inspections": INSPECTIONS,
    }
    frames = {name: pl.DataFrame(list(rows), schema=dict(schemas[name])) for name, rows in more.items()}
    return Sources(
        scans=pl.DataFrame(numbered, schema=dict(SCANS)), tags=pl.DataFrame(listed, schema=dict(TAGS)), until=day(until), **frames
    )  # fmt: skip


def rows(frame: pl.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """The columns as rows, times as days after the first morning."""
    times = [name for name in columns if frame.schema[name].is_temporal()]
    since = [((pl.col(name) - DAY0).dt.total_seconds() / 86_400).round(4) for name in times]
    return frame.with_columns(since).select(columns).rows()


def scans_of(drawn: Sequence[tuple[Any, ...]], first: int = 0) -> list[dict[str, Any]]:
    """Scans from what `histories` draws."""
    return [
        {"id": first + number, **scan(name, kind, hours / 24, status, contract_number=contract, quality=grade, defects=defects)}
        for number, (name, kind, hours, status, contract, grade, defects) in enumerate(drawn)
    ]  # fmt: skip


def histories(least_hours: int = 0, most_hours: int = 24 * 150, most: int = 25) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Random scans of three units, in no order."""
    one = st.tuples(
        st.sampled_from(TAGS_OF_THREE), st.sampled_from([OUT, OUT, DELIVERED, BACK, BACK, PICKUP, TOUCH, TOUCH, TOUCH]),
        st.one_of(st.integers(least_hours, least_hours + 24 * 6), st.integers(least_hours, most_hours)), st.sampled_from(STATUSES),
        st.sampled_from(["A", "B", None]), st.sampled_from(["A", "B+", "C", None]),
        st.sampled_from([(), (), (), ("mold",), ("rip_or_tear", "stain"), ("wet",)]),
    )  # fmt: skip
    return st.lists(one, max_size=most)
