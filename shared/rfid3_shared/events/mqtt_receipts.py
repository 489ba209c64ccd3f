"""When was this message received for the first time? The broker delivers again what it has seen no acknowledgement for.

A message that does not say when it was sent counts as of its receipt, and must keep that moment when it comes again: the broker
delivers it on the next connection of the same session, under the same number (MQTT 5, section 4.4). What is remembered is bounded
and dies with the process; take_in's window for repeated reads is the net below.
"""

from collections import OrderedDict
from datetime import datetime

from rfid3_shared.events.mqtt_message import Message

REMEMBERED = 4_000
"""Deliveries; more than can be on their way at once."""


class Receipts:
    """First receipts of a session's deliveries."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._first: OrderedDict[tuple[int, bytes], datetime] = OrderedDict()

    def connected(self, *, session_present: bool) -> None:
        """A connection begins; in a new session the numbers begin anew, and nothing of the old one is delivered again."""
        if not session_present:
            self._first.clear()

    def first(self, message: Message, now: datetime) -> datetime:
        """When the message was received first: `now`, unless it is marked as delivered again and its first time is known."""
        key = (message.mid, message.digest)
        known = self._first.pop(key, now)
        at = known if message.duplicate else now
        if message.qos:
            self._first[key] = at
            if len(self._first) > self._remembered:
                self._first.popitem(last=False)
        return at
