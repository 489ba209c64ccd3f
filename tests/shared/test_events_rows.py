"""Is every row either an event, as it was sent, or refused with the field at fault?"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from eventlife import line, noon, scan, window
from hypothesis import given
from hypothesis import strategies as st

from rfid3_shared.events.rows import LINE_FIELDS, SCAN_FIELDS, sort_out
from rfid3_shared.source.tables import PERSONAL_COLUMNS

CODES = {"001": "3607", "002": "6800"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=4,
)  # fmt: skip


def changed(make: Callable[..., Any], fields: Iterable[str]) -> st.SearchStrategy[Any]:
    """Rows in which one field is anything."""
    return st.builds(lambda name, value: make(**{name: value}), st.sampled_from(sorted(fields)), JSON)


def refusal(row: Any, **given: Any) -> tuple[str | None, str | None]:
    """(parameter, suggestion) with which the one row is refused."""
    found = sort_out([row], window(**given))
    assert (len(found.posted), len(found.refused)) == (0, 1)
    return found.refused[0].parameter, found.refused[0].suggestion


def posted(row: dict[str, Any], **given: Any) -> Any:
    """The one row's event."""
    found = sort_out([row], window(**given))
    assert found.refused == []
    return found.posted[0]


class TestScan:
    def test_is_kept_as_it_was_sent(self) -> None:
        """Every field in its place, blanks around words taken away, what was not said absent."""
        event = posted(scan(7, tag_id="  TAG7 ", quality=" A- ", status="", bin_location="null", store="1.0", event_id=" x7 "))

        assert (event.event_id, event.kind, event.tag_id, event.contract, event.rental_class) == (
            "x7",
            "scan",
            "TAG7",
            "210774",
            "61825",
        )
        assert event.facts == {"scan_type": "Rental", "quality": "A-", "store": "1"}
        assert event.occurred_at == datetime(2026, 5, 9, 11, 30)

    @pytest.mark.parametrize(
        ("change", "parameter", "meant"),
        [
            ({"scan_type": "rental"}, "scan_type", "Rental"), ({"scan_type": None}, "scan_type", None),
            ({"status": "Ready for Rent"}, "status", "Ready to Rent"), ({"quality": "a+"}, "quality", "A+"),
            ({"bin_location": "Resale"}, "bin_location", "resale"), ({"tag_id": " "}, "tag_id", None), ({"tag_id": 1.5}, "tag_id", None),
            ({"tag_id": "A" * 256}, "tag_id", None), ({"tag_id": "A\u0000B"}, "tag_id", None), ({"event_id": ""}, "event_id", None),
            ({"event_id": "x" * 65}, "event_id", None), ({"event_id": "a\nb"}, "event_id", None), ({"event_id": True}, "event_id", None),
            ({"kind": "sale"}, "kind", "scan, line"), ({"kind": ["scan"]}, "kind", "scan, line"),
            ({"occurred_at": None}, "occurred_at", "2026-05-09T14:30:00"),
            ({"store": "shop"}, "store", "001, 002, 3607, 6800"), ({"store": "9"}, "store", "001, 002, 3607, 6800"),
        ],
    )  # fmt: skip
    def test_a_field_that_cannot_be_taken_is_named(self, change: dict[str, Any], parameter: str, meant: str | None) -> None:
        """With what is probably meant, where something is; nothing is guessed."""
        found, suggestion = refusal(scan(**change), store_codes=CODES)

        assert found == parameter
        assert (suggestion or "").split(", ")[0] == (meant or "").split(", ")[0]

    def test_any_rack_will_do_as_a_bin(self) -> None:
        """Rack positions are no list of words."""
        assert posted(scan(bin_location="NR12x3")).facts["bin_location"] == "NR12x3"

    def test_names_of_people_are_counted_and_left_out(self) -> None:
        """No column that RFID3 keeps about people can be sent along, and no other field either."""
        extra = {**dict.fromkeys(PERSONAL_COLUMNS, "Jane Doe"), "colour": "Jane Doe"}

        found = sort_out([scan(1, **extra), line(1, **extra)], window())

        assert found.ignored == dict.fromkeys(extra, 2)
        assert "Jane" not in repr(found.posted)
        assert PERSONAL_COLUMNS.isdisjoint(SCAN_FIELDS | LINE_FIELDS)

    def test_without_codes_any_number_is_a_store(self) -> None:
        """RFID3's database may be out of reach: a reader's scan is not lost for that."""
        assert posted(scan(store="9999")).facts["store"] == "9999"


class TestLine:
    def test_is_kept_as_it_was_sent(self) -> None:
        """Numbers as numbers, also from a CSV; dates in shop time, a day alone is its midnight."""
        event = posted(line(3, qty="24", line_number=3.0, store_no=1.0, status="Open", contract_date="2026-05-02",
                            promised_delivery_date="2026-05-09T05:30:00Z", close_date=""))  # fmt: skip

        assert (event.kind, event.contract, event.rental_class, event.tag_id) == ("line", "210774", "61825", "")
        assert event.facts == {
            "line_number": 3, "store_no": "1", "qty": 24, "status": "Open", "contract_date": "2026-05-02T00:00:00",
            "promised_delivery_date": "2026-05-09T00:30:00",
        }  # fmt: skip

    @pytest.mark.parametrize(
        "change",
        [
            {"contract_no": None}, {"line_number": -1}, {"line_number": 2**40}, {"line_number": "three"}, {"line_number": True},
            {"line_number": 1.5}, {"store_no": None}, {"store_no": "9"}, {"item_num": ""}, {"qty": None}, {"qty": 10**9},
            {"qty": float("nan")}, {"contract_date": "soon"}, {"close_date": 5}, {"status": "x" * 51}, {"occurred_at": "2026-05-09"},
        ],
        ids=repr,
    )  # fmt: skip
    def test_a_field_that_cannot_be_taken_is_named(self, change: dict[str, Any]) -> None:
        """The field that was changed is the one at fault."""
        assert refusal(line(**change), store_codes=CODES)[0] == next(iter(change))

    def test_a_newer_version_is_another_event(self) -> None:
        """Whatever changes in a line, it is a new fact; the same under another id, and its store spelt otherwise, is the same one."""
        first = posted(line(1))

        for change in ({"qty": 25}, {"status": "Closed"}, {"occurred_at": "2026-05-09T11:00:01"}, {"item_num": "61826"}):
            assert posted(line(1, **change)).sameness != first.sameness
        assert posted(line(1, event_id="other", store_no="1.0", client_name="x")).sameness == first.sameness


class TestSameness:
    def test_of_scans_is_tag_type_second_and_contract(self) -> None:
        """Half a second, blanks, an offset, an id and a grade do not make another fact of it; these four do."""
        first = posted(scan(1))

        for same in ({"occurred_at": "2026-05-09T11:30:00.5"}, {"occurred_at": "2026-05-09T16:30:00Z"}, {"tag_id": " TAG1"},
                     {"event_id": "other"}, {"quality": "B"}, {"rental_class": "9"}):  # fmt: skip
            assert posted(scan(1, **same)).sameness == first.sameness, same
        for other in (
            {"tag_id": "TAG2"},
            {"scan_type": "Return"},
            {"occurred_at": "2026-05-09T11:30:01"},
            {"contract_number": None},
        ):
            assert posted(scan(1, **other)).sameness != first.sameness, other


class TestTimes:
    @pytest.mark.parametrize(
        ("written", "shop"),
        [
            ("2026-05-09T11:30:00", "2026-05-09T11:30:00"), ("2026-05-09 11:30", "2026-05-09T11:30:00"),
            ("2026-05-09T11:30:00.999999", "2026-05-09T11:30:00"), ("2026-05-09T16:30:00Z", "2026-05-09T11:30:00"),
            ("2026-05-09T18:30:00+02:00", "2026-05-09T11:30:00"), ("20260509T113000", "2026-05-09T11:30:00"),
            ("2026-03-08T08:30:00Z", "2026-03-08T03:30:00"), ("2026-03-08T07:30:00Z", "2026-03-08T01:30:00"),
        ],
    )  # fmt: skip
    def test_are_kept_in_shop_time(self, written: str, shop: str) -> None:
        """With an offset converted, without one as written; fractions of a second are cut."""
        assert posted(scan(occurred_at=written)).occurred_at.isoformat() == shop

    @pytest.mark.parametrize("written", ["yesterday", "2026-05-09", "", 1_778_000_000, "2026-13-01T00:00:00", "0001-01-01T00:00:00+14:00",
                                         "9999-12-31T23:59:59-14:00", "2026-05-09T25:00:00", "x" * 41, None, True])  # fmt: skip
    def test_what_is_no_time_is_refused(self, written: Any) -> None:
        """No number is taken for one, and no day for a moment."""
        assert refusal(scan(occurred_at=written))[0] == "occurred_at"

    def test_an_hour_that_clocks_skip_never_was(self) -> None:
        """02:30 of the day on which summer time begins is refused, with the time that is probably meant; 03:30 is good."""
        assert refusal(scan(occurred_at="2026-03-08T02:30:00")) == ("occurred_at", "2026-03-08T03:30:00")
        assert posted(scan(occurred_at="2026-03-08T03:30:00")).occurred_at.hour == 3

    def test_an_hour_that_comes_twice_is_kept_as_written(self) -> None:
        """Of 01:30 without an offset nobody knows which one it is; it is not taken for the future while one of them is past."""
        given = {"latest": datetime(2026, 11, 1, 6, 45), "earliest": datetime(2026, 9, 1)}  # 01:45 for the first time

        assert posted(scan(occurred_at="2026-11-01T01:30:00"), **given).occurred_at == datetime(2026, 11, 1, 1, 30)
        assert refusal(scan(occurred_at="2026-11-01T01:30:00-06:00"), **given)[0] == "occurred_at"

    def test_from_the_future(self) -> None:
        """Five minutes a reader's clock may be ahead; a second more is refused."""
        assert posted(scan(occurred_at="2026-05-09T12:05:00"))
        assert refusal(scan(occurred_at="2026-05-09T12:05:01"))[0] == "occurred_at"

    def test_a_simulated_company_has_lived_further(self) -> None:
        """Its events lie before the end of its last day, whatever our clock says."""
        lived = {"lived_until": datetime(2026, 5, 16, 23, 59, 59)}

        assert posted(scan(occurred_at="2026-05-16T23:59:59"), **lived)
        assert refusal(scan(occurred_at="2026-05-17T00:00:00"), **lived)[0] == "occurred_at"

    def test_too_long_ago(self) -> None:
        """Ninety days, to the second."""
        oldest = (noon().now() - timedelta(days=90)).astimezone(UTC)

        assert posted(scan(occurred_at=oldest.isoformat()))
        assert refusal(scan(occurred_at=(oldest - timedelta(seconds=1)).isoformat()))[0] == "occurred_at"


class TestSortOut:
    @given(st.lists(JSON | changed(scan, SCAN_FIELDS) | changed(line, LINE_FIELDS), max_size=6))
    def test_whatever_is_sent_every_row_ends_in_one_of_both(self, rows: list[Any]) -> None:
        """No row is lost and none breaks another, whatever JSON it is."""
        found = sort_out(rows, window(store_codes=CODES))

        assert sorted([one.row for one in found.posted] + [one.row for one in found.refused]) == list(range(len(rows)))
        assert all(len(one.event_id) <= 64 and one.event_id.isprintable() for one in found.posted)
