"""Which rows of POST /events is an MQTT message? One JSON object, an array of them, or one a line (NDJSON).

What a reader leaves out is filled in so that the same message gives the same event whenever it is delivered: `occurred_at` (the
message's user property `occurred_at` or `timestamp`, which the broker can add, else when it was first received) and `event_id` (a
digest of topic and content). Pure.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

TIME_PROPERTIES = ("occurred_at", "timestamp")
"""MQTT 5 user properties that say when a message was sent; `timestamp` is the one mosquitto's time plug-in adds."""
MOST_ROWS = 5_000
"""Rows of one message; one that holds more is not a reader's."""


class Unusable(ValueError):
    """A message of which nothing can be used; the text says why in plain words and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery by the broker. `mid` is the delivery's number in the session, 0 below QoS 1; `topic` None = not UTF-8."""

    topic: str | None
    payload: bytes
    mid: int = 0
    qos: int = 1
    duplicate: bool = False
    retained: bool = False
    properties: Sequence[tuple[str, str]] = ()

    @property
    def digest(self) -> bytes:
        """What the message is, whenever and however often it is delivered."""
        return hashlib.blake2b(self.payload, digest_size=16, person=_short(self.topic)).digest()

    @property
    def sent_at(self) -> str | None:
        """When it was sent, as one of its properties says in ISO 8601; None when none does."""
        said = dict(self.properties)
        for name in TIME_PROPERTIES:
            try:
                datetime.fromisoformat(said.get(name, ""))
            except ValueError:
                continue
            return said[name]
        return None


@dataclass(frozen=True)
class Rows:
    """What a message holds: rows for `take_in`, and how many of its lines or elements are no JSON object."""

    rows: list[dict[str, Any]]
    broken: int = 0


def rows_of(message: Message, received_at: datetime) -> Rows:
    """The message's rows, completed. `received_at` is aware: when this process received it for the first time.

    Raises Unusable.
    """
    if message.topic is None:
        raise Unusable("its topic is not UTF-8")
    found, broken = _decoded(message.payload)
    if len(found) > MOST_ROWS:
        raise Unusable(f"it holds more than {MOST_ROWS} rows")
    said_at = message.sent_at
    if message.retained and said_at is None:
        # delivered again to whoever subscribes, maybe years later: when it was received says nothing
        timed = [row for row in found if row.get("occurred_at")]
        broken, found = broken + len(found) - len(timed), timed
    at = said_at or received_at.isoformat(timespec="seconds")
    return Rows([_completed(row, message.topic, at) for row in found], broken)


def _decoded(payload: bytes) -> tuple[list[dict[str, Any]], int]:
    """Objects, and how many things are none."""
    try:
        whole = orjson.loads(payload)
    except orjson.JSONDecodeError:
        lines = [line for line in payload.splitlines() if line.strip()]
        if len(lines) < 2:
            raise Unusable("it is not JSON") from None
        things = [_line(line) for line in lines]
    else:
        things = whole if isinstance(whole, list) else [whole]
    rows = [thing for thing in things if isinstance(thing, dict)]
    if not rows:
        raise Unusable("it holds no JSON object")
    return rows, len(things) - len(rows)


def _line(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _completed(row: dict[str, Any], topic: str, at: str) -> dict[str, Any]:
    complete = {"occurred_at": at} | {name: value for name, value in row.items() if value not in (None, "")}
    if "event_id" not in complete:
        canonical = orjson.dumps([topic, complete], option=orjson.OPT_SORT_KEYS)
        complete["event_id"] = f"mqtt-{hashlib.blake2b(canonical, digest_size=16).hexdigest()}"
    return complete


def _short(topic: str | None) -> bytes:
    """Sixteen bytes that stand for the topic."""
    return hashlib.blake2b((topic or "").encode(errors="replace"), digest_size=16).digest()
