"""Which messages of a batch may the broker forget? Those whose rows are kept, and those of which nothing can be used.

A message that cannot be used must not come back for ever, nor harm others. What cannot be decoded is given up at once. Where
taking in fails for a fault of our own, each message is tried alone, and given up only when others get through where it does not:
when none does, the fault may be everybody's, and all are kept for another try.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.events.mqtt_message import Message, Unusable, rows_of
from rfid3_shared.log import get_logger

ROWS_AT_ONCE = 1_000
"""Rows of one transaction: SQLite has one writer, and others wait."""
log = get_logger("events.mqtt")


class Taken(Protocol):
    """What `take_in` returns, as far as it matters here."""

    @property
    def refused(self) -> Sequence[Any]: ...


TakeIn = Callable[[Sequence[dict[str, Any]]], Awaitable[Taken]]


class NothingTaken(Exception):
    """No message of the batch could be taken in, for a fault that may be everybody's."""


async def settle(messages: Sequence[tuple[Message, datetime]], take_in: TakeIn) -> Counter[str]:
    """Take in messages, each with the moment of its first receipt: when this returns, all of them may be acknowledged.

    Returns how many rows were refused, by reason; never their content. Raises StoreUnavailable and NothingTaken: none may be.
    """
    refused, rows = Counter[str](), []
    for message, received_at in messages:
        try:
            found = rows_of(message, received_at)
        except Unusable as unusable:
            refused[str(unusable)] += 1
            continue
        if found.broken:
            refused["it is no JSON object, or was kept by the broker and says no time"] += found.broken
        rows.append(found.rows)
    try:
        refused += await _take_in([row for each in rows for row in each], take_in)
    except StoreUnavailable:
        raise
    except Exception as fault:  # noqa: BLE001 - its text may hold content
        log.warning("mqtt_batch_failed", messages=len(messages), fault=type(fault).__name__)
        refused += await _one_by_one(rows, take_in)
    if refused:
        log.warning("mqtt_rows_refused", rows=refused.total(), reasons=dict(refused))
    return refused


async def _take_in(rows: Sequence[dict[str, Any]], take_in: TakeIn) -> Counter[str]:
    refused = Counter[str]()
    for start in range(0, len(rows), ROWS_AT_ONCE):
        taken = await take_in(rows[start : start + ROWS_AT_ONCE])
        refused.update(f"its {each['parameter'] or 'form'} cannot be used" for each in taken.refused)
    return refused


async def _one_by_one(rows: Sequence[Sequence[dict[str, Any]]], take_in: TakeIn) -> Counter[str]:
    refused, got_through = Counter[str](), False
    for each in filter(None, rows):
        try:
            refused += await _take_in(each, take_in)
        except StoreUnavailable:
            raise
        except Exception as fault:  # noqa: BLE001 - its text may hold content
            refused[f"taking it in fails with {type(fault).__name__}"] += len(each)
        else:
            got_through = True
    if not got_through:
        raise NothingTaken
    return refused
