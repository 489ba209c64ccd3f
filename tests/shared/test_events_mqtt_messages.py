"""What a message over MQTT says, who sent it, and what is given up: pure rules, no broker."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.events.mqtt_address import address_of, is_filter
from rfid3_shared.events.mqtt_message import MOST_ROWS, Message, Unusable, rows_of
from rfid3_shared.events.mqtt_receipts import Receipts
from rfid3_shared.events.mqtt_settle import NothingTaken, settle

NOON = datetime(2026, 6, 13, 17, tzinfo=UTC)
SCAN = {"tag_id": "A1", "scan_type": "Rental"}
TIMED = SCAN | {"occurred_at": "2026-06-13T11:58:00"}
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=10))
OBJECTS = st.dictionaries(st.text(max_size=8), VALUES, max_size=5)


def message(content: Any, **also: Any) -> Message:
    """A delivery; what is not bytes is sent as JSON."""
    return Message("shop/scans/door", content if isinstance(content, bytes) else json.dumps(content).encode(), **also)


class TestAddress:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("mqtt://broker/shop/scans/#", ("broker", 1883, False, "shop/scans/#", None, None)),
            ("mqtts://broker/+/scans?", ("broker", 8883, True, "+/scans?", None, None)),
            ("MQTT://u:p%40s%23@10.0.0.7:1999/a/b", ("10.0.0.7", 1999, False, "a/b", "u", "p@s#")),
            ("mqtt://u@[::1]:1884/%23", ("::1", 1884, False, "#", "u", None)),
            ("mqtt://broker/$share/suite/shop/+", ("broker", 1883, False, "$share/suite/shop/+", None, None)),
        ],
    )
    def test_a_url_says_broker_account_and_topics(self, url: str, expected: tuple[Any, ...]) -> None:
        """Ports have defaults, an account is decoded, and a filter may hold what would end another URL's path."""
        found = address_of(url)

        assert (found.host, found.port, found.tls, found.topic, found.user, found.password) == expected

    @pytest.mark.parametrize(
        "url",
        [
            "broker/shop", "http://u:secret@broker/shop", "mqtt://u:secret@broker", "mqtt://u:secret@broker/", "mqtt:///shop",
            "mqtt://u:secret@broker:port/shop", "mqtt://u:secret@broker:99999/shop", "mqtt://u:sec#ret@broker/shop",
            "mqtt://u:secret@broker/shop/#/door", "mqtt://u:secret@broker/shop/door+", "mqtt://u:sec/ret@broker/shop",
        ],
    )  # fmt: skip
    def test_a_wrong_url_is_told_without_repeating_it(self, url: str) -> None:
        """The fault says what to mend; no part of the URL shows in it."""
        with pytest.raises(ValueError, match="RFID3_MQTT_URL") as fault:
            address_of(url)

        assert "sec" not in str(fault.value)
        assert fault.value.__cause__ is None

    def test_the_password_shows_nowhere(self) -> None:
        """Neither the address as text nor the place holds it."""
        address = address_of("mqtt://suite:very-secret@broker/shop/#")

        assert "very-secret" not in f"{address!r} {address} {address.place}"

    @given(st.text(alphabet="ab/+#", min_size=0, max_size=8))
    def test_filters_are_those_of_the_specification(self, topic: str) -> None:
        """A wildcard stands alone in its level, # only in the last: said once by levels, once by a pattern."""
        import re

        assert is_filter(topic) == bool(topic and re.fullmatch(r"(?:(?:\+|[ab]*)/)*(?:\+|#|[ab]*)", topic))


class TestRows:
    @pytest.mark.parametrize(
        "content",
        [TIMED, [TIMED], json.dumps(TIMED).encode() + b"\n", b"\n" + json.dumps(TIMED).encode() + b"\r\n" + json.dumps(TIMED).encode()],
    )  # fmt: skip
    def test_object_array_and_lines_say_the_same(self, content: Any) -> None:
        """However a reader wraps a read, it is the same event."""
        found = rows_of(message(content), NOON)

        assert {row["event_id"] for row in found.rows} == {rows_of(message(TIMED), NOON).rows[0]["event_id"]}
        assert found.broken == 0

    @given(content=OBJECTS, later=st.timedeltas(timedelta(0), timedelta(days=400)))
    def test_a_row_with_its_time_is_the_same_event_whenever_it_comes(self, content: dict[str, Any], later: timedelta) -> None:
        """What is made of a message that says its time does not depend on its delivery."""
        timed = content | {"occurred_at": "2026-06-13T11:58:00"}
        first = rows_of(message(timed), NOON)
        again = rows_of(message(timed, mid=7, duplicate=True), NOON + later)

        assert first == again

    @given(one=OBJECTS, other=OBJECTS)
    def test_other_content_is_another_event(self, one: dict[str, Any], other: dict[str, Any]) -> None:
        """Two rows have the same derived id exactly when they say the same; a field without value says nothing."""
        ids = [rows_of(message({"tag_id": "A", **each}), NOON).rows[0].get("event_id") for each in (one, other)]
        said = [{"tag_id": "A"} | {k: v for k, v in each.items() if v not in (None, "")} for each in (one, other)]

        assert (ids[0] == ids[1]) == (json.dumps(said[0], sort_keys=True) == json.dumps(said[1], sort_keys=True))

    def test_an_id_of_its_own_stays(self) -> None:
        """Who names events is believed."""
        assert rows_of(message(TIMED | {"event_id": "r1-77"}), NOON).rows[0]["event_id"] == "r1-77"

    def test_topics_tell_readers_apart(self) -> None:
        """The same content from two topics has two ids; whether it is one read is `take_in`'s business."""
        ids = {rows_of(Message(topic, json.dumps(TIMED).encode()), NOON).rows[0]["event_id"] for topic in ("a", "b")}

        assert len(ids) == 2

    @pytest.mark.parametrize(
        ("properties", "expected"),
        [
            ((), "2026-06-13T17:00:00+00:00"),
            ((("timestamp", "2026-06-13T16:59:01Z"),), "2026-06-13T16:59:01Z"),
            ((("timestamp", "2026-06-13T16:59:01Z"), ("occurred_at", "2026-06-13T11:58:59")), "2026-06-13T11:58:59"),
            ((("timestamp", "just now"),), "2026-06-13T17:00:00+00:00"),
        ],
    )
    def test_a_read_without_time_counts_as_sent_else_as_received(
        self, properties: Sequence[tuple[str, str]], expected: str
    ) -> None:
        """A property of the message comes before its receipt, and one that is no time does not count."""
        found = rows_of(message([SCAN, TIMED], properties=properties), NOON)

        assert [row["occurred_at"] for row in found.rows] == [expected, TIMED["occurred_at"]]

    def test_a_kept_message_without_time_is_no_read(self) -> None:
        """A retained message comes with each new subscription; nobody knows when its tag was read."""
        found = rows_of(message([SCAN, TIMED], retained=True), NOON)

        assert ([row["occurred_at"] for row in found.rows], found.broken) == ([TIMED["occurred_at"]], 1)

    def test_a_broken_line_harms_itself_only(self) -> None:
        """Lines and elements that are no objects are counted, the others are rows."""
        lines = b"\n".join([json.dumps(TIMED).encode(), b'{"tag_id": "A', b"17", json.dumps(SCAN).encode()])

        assert (len(rows_of(message(lines), NOON).rows), rows_of(message(lines), NOON).broken) == (2, 2)
        assert rows_of(message([TIMED, None, [SCAN]]), NOON).broken == 2

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"hello", b"17", b"[]", b"[1, 2]", b"\n\n", b"[" * 100_000])
    def test_what_holds_no_object_cannot_be_used(self, content: bytes) -> None:
        """And the fault does not repeat it."""
        with pytest.raises(Unusable) as fault:
            rows_of(message(content), NOON)

        assert "hello" not in str(fault.value)

    def test_bounds(self) -> None:
        """No reader's message holds thousands of rows, or a topic that is no text."""
        with pytest.raises(Unusable, match="more than"):
            rows_of(message([{}] * (MOST_ROWS + 1)), NOON)
        with pytest.raises(Unusable, match="UTF-8"):
            rows_of(Message(None, b"{}"), NOON)


class TestReceipts:
    def test_what_is_delivered_again_keeps_its_first_time(self) -> None:
        """As often as it comes: on the next connection, and the one after."""
        receipts, first = Receipts(), message(SCAN, mid=3)
        again = message(SCAN, mid=3, duplicate=True)
        times = [receipts.first(first, NOON)]
        for hours in (1, 2):
            receipts.connected(session_present=True)
            times.append(receipts.first(again, NOON + timedelta(hours=hours)))

        assert times == [NOON] * 3

    @pytest.mark.parametrize(
        "other",
        [message(SCAN, mid=3), message(SCAN, mid=4, duplicate=True), message(TIMED, mid=3, duplicate=True)],
        ids=["not marked", "another number", "other content"],
    )
    def test_another_message_has_its_own_time(self, other: Message) -> None:
        """Only what is marked as delivered again, under its number and with its content, is the same message."""
        receipts, later = Receipts(), NOON + timedelta(hours=1)
        receipts.first(message(SCAN, mid=3), NOON)

        assert receipts.first(other, later) == later

    def test_a_new_session_begins_anew(self) -> None:
        """Where the broker has forgotten the session, its numbers mean other messages."""
        receipts, later = Receipts(), NOON + timedelta(hours=1)
        receipts.first(message(SCAN, mid=3), NOON)
        receipts.connected(session_present=False)

        assert receipts.first(message(SCAN, mid=3, duplicate=True), later) == later

    def test_memory_is_bounded(self) -> None:
        """The oldest are forgotten first."""
        receipts, later = Receipts(remembered=2), NOON + timedelta(hours=1)
        for mid in (1, 2, 3):
            receipts.first(message(SCAN, mid=mid), NOON)

        assert [receipts.first(message(SCAN, mid=mid, duplicate=True), later) == NOON for mid in (3, 2, 1)] == [
            True,
            True,
            False,
        ]


class Taken(NamedTuple):
    """A receipt that refuses nothing."""

    refused: Sequence[Any] = ()


class Book:
    """Takes rows in whole batches or not at all, as a transaction does; it fails where it is told to."""

    def __init__(self, poison: str = "", *, unavailable_for: str = "") -> None:
        self.poison, self.unavailable_for = poison, unavailable_for
        self.tags: list[str] = []

    async def take_in(self, rows: Sequence[dict[str, Any]]) -> Taken:
        tags = [row["tag_id"] for row in rows]
        if self.unavailable_for in tags:
            raise StoreUnavailable("out of reach")
        if self.poison in tags:
            raise RuntimeError("a fault of our own")
        self.tags += tags
        return Taken()


def batch(*tags: str) -> list[tuple[Message, datetime]]:
    """One message a tag."""
    return [(message({"tag_id": tag}), NOON) for tag in tags]


class TestSettling:
    async def test_a_message_that_breaks_us_is_given_up_alone(self) -> None:
        """Others get through, so the fault is its own."""
        book = Book("X")

        assert (await settle(batch("A", "X", "B"), book.take_in)).total() == 1
        assert book.tags == ["A", "B"]

    async def test_what_breaks_us_with_nothing_beside_it_waits(self) -> None:
        """A fault that meets all is no message's: none is given up until another gets through."""
        with pytest.raises(NothingTaken):
            await settle(batch("X", "X"), Book("X").take_in)

    async def test_an_unreachable_store_gives_nothing_up(self) -> None:
        """Neither at once nor in the middle of trying one by one."""
        with pytest.raises(StoreUnavailable):
            await settle(batch("A", "B"), Book(unavailable_for="B").take_in)

        class Failing(Book):
            async def take_in(self, rows: Sequence[dict[str, Any]]) -> Taken:
                if len(rows) > 1:
                    raise RuntimeError("a fault of our own")
                return await super().take_in(rows)

        with pytest.raises(StoreUnavailable):
            await settle(batch("X", "A", "B"), Failing("X", unavailable_for="B").take_in)

    async def test_only_unusable_messages_are_settled(self) -> None:
        """They must not come back for ever."""
        refused = await settle([(message(b"?"), NOON), (message(b"[1]"), NOON)], Book().take_in)

        assert refused.total() == 2
