"""What happens to a batch of events, whichever way it comes in? Sorted out, kept once, announced; one transaction a batch."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.events.event import Origin
from rfid3_shared.events.keeping import Kept, keep
from rfid3_shared.events.read import newest_seq
from rfid3_shared.events.refusal import listed
from rfid3_shared.events.rows import Sorted, Window, sort_out
from rfid3_shared.events.source_words import SourceWords, ask_source, unknown_tags
from rfid3_shared.events.stream import announce
from rfid3_shared.jobs.requests import stored_now
from rfid3_shared.settings import Settings

MOST_ROWS = 5_000
FAST_CLOCK = timedelta(minutes=5)
"""How far a reader's clock may be ahead of ours."""
ON_THE_LOOP = 100
"""Rows that are sorted out at once; more than these in a thread, so that others are not held up."""
MOST_NAMES = 20
MOST_LISTED = 100
"""Refused rows that an answer lists; it counts them all."""


@dataclass(frozen=True)
class Rules:
    """Of the settings those that decide what is kept."""

    oldest: timedelta = timedelta(days=90)
    repeat: timedelta = timedelta(seconds=60)

    @classmethod
    def of(cls, settings: Settings) -> "Rules":
        """As the settings say."""
        return cls(timedelta(days=settings.events_oldest_days), timedelta(seconds=settings.events_repeat_s))


@dataclass(frozen=True)
class Receipt:
    """What became of a batch.

    accepted: kept now. duplicates: kept before. repeated: reads of a tag that said nothing new. refused: rows that are no events, by
    row, each as {row, event_id, parameter, reason} and where there is one its suggestion.
    unknown_tags: tags of accepted scans that neither name their class nor are in the item master, None when that could not be asked.
    ignored_fields: how often which field was left out. last_seq: number of the newest event there is.
    """

    accepted: int
    duplicates: int
    repeated: int
    refused: list[dict[str, Any]]
    unknown_tags: int | None
    ignored_fields: dict[str, int]
    first_seq: int | None
    last_seq: int
    degraded: list[str] = field(default_factory=list)

    @property
    def is_all_bad(self) -> bool:
        """Whether no row was an event."""
        return bool(self.refused) and not (self.accepted or self.duplicates or self.repeated)

    def as_dict(self) -> dict[str, Any]:
        """As an answer tells it: at most 100 refused rows are listed, all are counted."""
        return {
            "accepted": self.accepted, "duplicates": self.duplicates, "repeated": self.repeated, **self.refusals(),
            "unknown_tags": self.unknown_tags, "ignored_fields": self.ignored_fields, "last_seq": self.last_seq,
        }  # fmt: skip

    def refusals(self) -> dict[str, Any]:
        """Of that the part about refused rows."""
        return {"refused": self.refused[:MOST_LISTED], "refused_count": len(self.refused)}


async def take_in(
    store: AsyncEngine, source: AsyncEngine | None, redis: Redis, clock: Clock, rows: Sequence[Any], origin: Origin,
    rules: Rules | None = None,
) -> Receipt:  # fmt: skip
    """Keep the events among decoded JSON rows (a row may be `Refused` already), in one transaction, and announce them.

    source: RFID3's database, None where it is not to be asked. Raises StoreUnavailable, and then nothing is kept.
    """
    rules = rules or Rules()
    told = None if source is None else await ask_source(source)
    found = await _sorted_out(rows, _window(clock, rules, told))
    async with transaction(store) as connection:
        if found.posted:
            kept = await keep(
                connection, found.posted, origin=origin, received_at=stored_now(clock), repeat=rules.repeat
            )  # fmt: skip
        else:
            kept = Kept([], 0, 0, [], None, await newest_seq(connection))
    announced = kept.first_seq is None or await announce(redis, kept.first_seq, kept.last_seq, len(kept.accepted))
    nameless = {one.tag_id for one in kept.accepted if one.kind == "scan" and not one.rental_class}
    unknown = None if source is None or told is None else await unknown_tags(source, nameless)
    degraded = ([] if announced else ["redis"]) + (["source"] if source is not None and unknown is None else [])
    return Receipt(
        accepted=len(kept.accepted), duplicates=kept.duplicates, repeated=kept.repeated, refused=listed([*found.refused, *kept.refused]),
        unknown_tags=unknown, ignored_fields=_names(found), first_seq=kept.first_seq, last_seq=kept.last_seq, degraded=degraded,
    )  # fmt: skip


async def _sorted_out(rows: Sequence[Any], window: Window) -> Sorted:
    if len(rows) <= ON_THE_LOOP:
        return sort_out(rows, window)
    return await asyncio.to_thread(sort_out, rows, window)


def _window(clock: Clock, rules: Rules, told: SourceWords | None) -> Window:
    now = stored_now(clock)
    return Window(
        clock.zone, now - rules.oldest, now + FAST_CLOCK, told.lived_until if told else None, told.codes if told else None
    )


def _names(found: Sorted) -> dict[str, int]:
    """The fields left out most often; their names are the sender's, so they are cut."""
    return {name[:64]: count for name, count in found.ignored.most_common(MOST_NAMES)}
