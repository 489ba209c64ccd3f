"""How is each event kept once, whoever sends it again and whoever sends it at the same time?

Writers take turns: SQLite's one writer, elsewhere a lock on one row until the commit. So whoever writes sees everything that was
written before, numbers grow in the order in which they become visible, and a reader that has come to a number has missed none below.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.db import insert_rows, sliced
from rfid3_shared.events.event import Origin
from rfid3_shared.events.refusal import Refused
from rfid3_shared.events.rows import Posted
from rfid3_shared.events.tables import event_positions, shop_events

TURN = "intake"
"""The row of `event_positions` that writers lock; it is no reader's."""
COLUMNS = (
    "event_id", "kind", "sameness", "origin", "received_at", "occurred_at", "tag_id", "rental_class", "contract", "facts",
)  # fmt: skip
OTHER_EVENT = "this id names another event"


@dataclass(frozen=True)
class Kept:
    """What became of events; `last_seq` is the newest number there is, `first_seq` the first of these (None when none was new)."""

    accepted: list[Posted]
    duplicates: int
    repeated: int
    refused: list[Refused]
    first_seq: int | None
    last_seq: int


async def keep(
    connection: AsyncConnection, posted: Sequence[Posted], *, origin: Origin, received_at: datetime, repeat: timedelta
) -> Kept:
    """Keep those that are new, in the caller's transaction, which must be fresh: it begins with taking the turn.

    An id or a fact that is kept already is a duplicate. A tag read again in the same way (scan type, contract, status, quality) on
    the same day within `repeat` of a read that is kept is a repeat, and is not kept; sent again it is found to be one again.
    """
    await _take_turn(connection, received_at)
    fresh, duplicates, refused = await _new_ones(connection, posted)
    accepted = await _without_repeats(connection, fresh, repeat)
    before = await _newest(connection)
    await insert_rows(connection, shop_events, COLUMNS, [_row(one, origin, received_at) for one in accepted])
    if not accepted:
        return Kept([], duplicates, len(fresh), refused, None, before)
    c = shop_events.c
    mine = select(func.min(c.seq), func.max(c.seq)).where(c.seq > before)
    first, last = (await connection.execute(mine)).one()
    return Kept(accepted, duplicates, len(fresh) - len(accepted), refused, first, last)


async def _take_turn(connection: AsyncConnection, now: datetime) -> None:
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    turn = mysql.insert(event_positions).values(consumer=TURN, position={}, held_by="", updated_at=now)
    await connection.execute(turn.on_duplicate_key_update(updated_at=now))


async def _newest(connection: AsyncConnection) -> int:
    return int((await connection.execute(select(func.max(shop_events.c.seq)))).scalar() or 0)


async def _new_ones(connection: AsyncConnection, posted: Sequence[Posted]) -> tuple[list[Posted], int, list[Refused]]:
    """Those whose id and fact are new, how many are known, and those whose id names something else."""
    c = shop_events.c
    same_of: dict[str, str] = {}
    facts: set[str] = set()
    for column in (c.event_id, c.sameness):
        for some in sliced(getattr(one, column.name) for one in posted):
            for event_id, sameness in await connection.execute(select(c.event_id, c.sameness).where(column.in_(some))):
                same_of[event_id] = sameness
                facts.add(sameness)
    fresh: list[Posted] = []
    refused: list[Refused] = []
    for one in posted:
        if same_of.setdefault(one.event_id, one.sameness) != one.sameness:
            refused.append(Refused(one.row, one.event_id, "event_id", OTHER_EVENT))
        elif one.sameness not in facts:
            facts.add(one.sameness)
            fresh.append(one)
    return fresh, len(posted) - len(fresh) - len(refused), refused


async def _without_repeats(connection: AsyncConnection, fresh: Sequence[Posted], repeat: timedelta) -> list[Posted]:
    """Those that are no repeats, in their order; of reads in this batch the earliest stays."""
    scans = [one for one in fresh if one.kind == "scan"]
    if not scans:
        return list(fresh)
    times = [one.occurred_at for one in scans]
    kept = await _kept_reads(connection, {one.tag_id for one in scans}, min(times) - repeat, max(times) + repeat)
    repeats: set[int] = set()
    for one in sorted(scans, key=lambda one: (one.occurred_at, one.row)):
        reads = kept[_reading(one.tag_id, one.contract, one.facts)]
        if any(abs(one.occurred_at - at) <= repeat and one.occurred_at.date() == at.date() for at in reads):
            repeats.add(one.row)
        else:
            reads.append(one.occurred_at)
    return [one for one in fresh if one.row not in repeats]


async def _kept_reads(
    connection: AsyncConnection, tags: set[str], since: datetime, until: datetime
) -> defaultdict[tuple[Any, ...], list[datetime]]:
    c = shop_events.c
    found: defaultdict[tuple[Any, ...], list[datetime]] = defaultdict(list)
    for some in sliced(sorted(tags)):
        query = select(c.tag_id, c.contract, c.facts, c.occurred_at)
        query = query.where(c.tag_id.in_(some), c.occurred_at.between(since, until), c.kind == "scan")
        for tag_id, contract, facts, at in await connection.execute(query):
            found[_reading(tag_id, contract, facts)].append(at)
    return found


def _reading(tag_id: str, contract: str, facts: dict[str, Any]) -> tuple[Any, ...]:
    return tag_id, contract, facts["scan_type"], facts.get("status"), facts.get("quality")


def _row(one: Posted, origin: Origin, received_at: datetime) -> tuple[Any, ...]:
    return (
        one.event_id, one.kind, one.sameness, origin, received_at.isoformat(" ", "microseconds"), one.occurred_at.isoformat(" "),
        one.tag_id, one.rental_class, one.contract, orjson.dumps(one.facts).decode(),
    )  # fmt: skip
