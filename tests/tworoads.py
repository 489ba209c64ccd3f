"""One shop's days by two roads: what happened, written by RFID3 itself, or sent as events; and a source before any of it."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.db import create_tables
from rfid3_shared.events.tables import shop_events
from rfid3_shared.source.tables import (
    items,
    pos_contracts,
    pos_equipment,
    pos_lines,
    scans,
    source_metadata,
    stores,
    user_mappings,
)

START = datetime(2025, 5, 19, 6)
"""A Monday; what happens happens in the twelve days after it, the moment asked about lies in the second week or later."""
OUT, BACK = ("Rental", "Delivery"), ("Return", "Pickup")
TAGS = ("T1", "T2", "T3", "T4", "X9")
"""T2 is written with a blank before it, X9 nobody knows."""
ITEM = ("tag_id", "rental_class_num", "status", "bin_location", "last_contract_num", "current_store", "date_last_scanned")


@dataclass(frozen=True)
class Scan:
    """A tag was read."""

    minute: int
    tag: str
    kind: str
    contract: str | None
    status: str | None
    bin: str | None
    rental_class: str | None

    @property
    def at(self) -> datetime:
        """When, in shop time."""
        return START + timedelta(minutes=self.minute)

    @property
    def word(self) -> str | None:
        """The status that the unit has by it."""
        return self.status or ("On Rent" if self.kind in OUT else "Ready to Rent" if self.kind in BACK else None)


@dataclass(frozen=True)
class Line:
    """A line of a contract as the till knew it at some minute; the contract's dates are those of its number."""

    minute: int
    contract: str
    number: int
    item: str
    qty: int
    status: str | None

    @property
    def at(self) -> datetime:
        """When, in shop time."""
        return START + timedelta(minutes=self.minute)


MINUTES = 12 * 24 * 60
scan_list = st.lists(
    st.builds(
        Scan, st.integers(0, MINUTES), st.sampled_from(TAGS), st.sampled_from((*OUT, *BACK, "Touch Scan")),
        st.sampled_from(["A", "B", "C", None]), st.sampled_from([None, None, "Repair", "Ready to Rent", "Sold"]),
        st.sampled_from([None, None, None, "NR1", "resale"]), st.sampled_from([None, "10", "20", "99"]),
    ), max_size=14, unique_by=lambda scan: scan.minute,
)  # fmt: skip
line_list = st.lists(
    st.builds(
        Line, st.integers(0, MINUTES), st.sampled_from(["A", "B", "D", "E", "F"]), st.integers(1, 2), st.sampled_from(["10", "30", "31"]),
        st.integers(1, 5), st.sampled_from([None, "Open", "Reservation", "Cancelled", "Quote"]),
    ), max_size=8, unique_by=lambda line: line.minute,
)  # fmt: skip


def contract_facts(contract: str) -> dict[str, Any]:
    """Store and dates of a contract: D was delivered, E is promised for the second week, F for the month after."""
    number = "ABCDEF".index(contract)
    written = START + timedelta(hours=5 * number)
    promised = {"D": written + timedelta(days=2), "E": written + timedelta(days=9), "F": written + timedelta(days=40)}.get(
        contract
    )
    return {
        "store_no": ("001", "002", "3")[number % 3], "contract_date": written, "promised_delivery_date": promised,
        "actual_delivery_date": promised and promised + timedelta(hours=1) if contract == "D" else None,
    }  # fmt: skip


async def found(engine: AsyncEngine) -> None:
    """The source before anything of it happened."""
    await create_tables(engine, source_metadata)
    known = [
        ("T1", "10", "Ready to Rent", None, None, "001", START - timedelta(days=9)), (" T2", "10", "On Rent", "NR2", "B", "000", None),
        ("T3", "20", None, None, None, None, START - timedelta(days=1)), ("T4", "20", "Missing", None, "D", None, None),
        ("T5", "20", "Ready to Rent", None, None, "3607", None),
    ]  # fmt: skip
    async with engine.begin() as connection:
        await connection.execute(insert(items), [dict(zip(ITEM, row, strict=True)) for row in known])
        await connection.execute(
            insert(stores),
            [{"pos_store_code": code, "store_id": own} for code, own in (("001", "3607"), ("002", "6800"), ("003", "8101"))],
        )
        await connection.execute(insert(pos_equipment), [{"item_num": "20", "current_store": "002"}])
        await connection.execute(
            insert(user_mappings),
            [{"rental_class_id": "99", "category": "testing"}, {"rental_class_id": "10", "category": "Linen"}],
        )
        await write_scans(connection, [Scan(-8 * 1440, "T1", "Rental", "C", None, None, "10")])


async def write_scans(connection: AsyncConnection, happened: Iterable[Scan]) -> None:
    """What RFID3 does with scans: a row each, and the item master as the latest of them says."""
    for scan in sorted(happened, key=lambda each: each.minute):
        spelled = " T2" if scan.tag == "T2" else scan.tag
        await connection.execute(insert(scans), {
            "id": scan.minute + 100_000, "tag_id": spelled, "scan_type": scan.kind, "scan_date": scan.at, "contract_number": scan.contract,
            "status": scan.status, "bin_location": scan.bin, "rental_class_num": scan.rental_class, "date_updated": scan.at,
        })  # fmt: skip
        row = (await connection.execute(select(items.c.date_last_scanned).where(items.c.tag_id == spelled))).first()
        if row is not None and (row[0] is None or row[0] <= scan.at):
            said = {
                "status": scan.word,
                "bin_location": scan.bin,
                "last_contract_num": scan.contract,
                "date_last_scanned": scan.at,
            }
            changed = {name: value for name, value in said.items() if value is not None}
            await connection.execute(update(items).where(items.c.tag_id == spelled).values(changed))


def latest(lines: Sequence[Line]) -> list[Line]:
    """Each line as it was known last."""
    return list({(line.contract, line.number): line for line in sorted(lines, key=lambda each: each.minute)}.values())


async def write_lines(connection: AsyncConnection, written: Iterable[Line], every: Sequence[Line]) -> None:
    """What RFID3 does with lines: a row each and one a contract, whose status is what any of its lines said last."""
    states: dict[str, str] = {}
    for line in sorted(every, key=lambda each: each.minute):
        if line.status is not None:
            states[line.contract] = line.status
    lines = list(written)
    for contract in sorted({line.contract for line in lines}):
        known = (await connection.execute(select(pos_contracts.c.id).where(pos_contracts.c.contract_no == contract))).first()
        if known is None:
            facts = {"contract_no": contract, "status": states.get(contract), **contract_facts(contract)}
            await connection.execute(insert(pos_contracts), facts)
    for line in lines:
        row = {"contract_no": line.contract, "line_number": line.number, "item_num": line.item, "qty": line.qty}
        await connection.execute(insert(pos_lines), row)


def event_row(fact: Scan | Line, number: int, received_at: datetime) -> dict[str, Any]:
    """The event as it is kept."""
    row: dict[str, Any] = {
        "event_id": f"e{number}", "sameness": f"s{number}", "origin": "http", "received_at": received_at, "occurred_at": fact.at,
        "contract": fact.contract or "",
    }  # fmt: skip
    if isinstance(fact, Scan):
        facts = {"scan_type": fact.kind, "status": fact.status, "bin_location": fact.bin}
        row |= {"kind": "scan", "tag_id": fact.tag, "rental_class": fact.rental_class or ""}
    else:
        facts = {"line_number": fact.number, "qty": fact.qty, "status": fact.status}
        facts |= {name: str(value) if value else None for name, value in contract_facts(fact.contract).items()}
        row |= {"kind": "line", "tag_id": "", "rental_class": fact.item}
    return row | {"facts": {name: value for name, value in facts.items() if value is not None}}


async def post(
    connection: AsyncConnection, happened: Sequence[Scan | Line], seed: int, received_at: datetime | None = None
) -> None:
    """The events in any order, some of them twice."""
    drawn = random.Random(seed)
    sent = drawn.sample(list(happened), len(happened)) + [each for each in happened if drawn.random() < 0.3]
    if sent:
        rows = [event_row(each, n, received_at or START + timedelta(days=30)) for n, each in enumerate(sent)]
        await connection.execute(insert(shop_events), rows)
