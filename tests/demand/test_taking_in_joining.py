"""Do RFID3's rows and the events' make one list in which each scan and line stands once, as it was said last?"""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rfid3_demand.taking_in import joining
from rfid3_demand.taking_in.shapes import CONTRACTS, EVENT_LINES, LINES, SCANS, frame

START = datetime(2025, 5, 5)
said = st.tuples(
    st.sampled_from("AB"), st.integers(1, 2), st.integers(0, 3), st.integers(1, 9), st.sampled_from([None, "Open", "Void"])
)
"""contract, line, hour, units, status"""


def event_line(seq: int, contract: str, number: int, hour: int, qty: int, status: str | None) -> tuple[Any, ...]:
    return (seq, START + timedelta(hours=hour), contract, number, "10", qty, "1", status, None, None, None)


@given(st.lists(said, max_size=12), st.randoms(use_true_random=False))
def test_of_a_line_the_last_word_stands(words, drawn) -> None:
    """By when it was said, then by arrival; of its contract each fact that was said at all; in whatever order the rows come."""
    rows = [event_line(seq, *word) for seq, word in enumerate(words)]
    units: dict[tuple[str, int], int] = {}
    states: dict[str, str] = {}
    first: dict[str, datetime] = {}
    for row in sorted(rows, key=lambda each: (each[1], each[0])):
        units[row[2], row[3]] = row[5]
        first.setdefault(row[2], row[1])
        if row[7]:
            states[row[2]] = row[7]
    shuffled = frame(drawn.sample(rows, len(rows)), EVENT_LINES)

    lines = joining.all_lines(frame([], LINES), shuffled)
    contracts = joining.all_contracts(frame([], CONTRACTS), shuffled)

    assert {(row[0], row[1]): row[3] for row in lines.rows()} == units
    assert {row[0]: (row[2], row[3]) for row in contracts.rows()} == {
        name: (states.get(name), at) for name, at in first.items()
    }
    assert lines.height == len(units)


def test_rfid3s_own_rows_stand() -> None:
    """A line that RFID3 has, and a contract whose number it knows, are as RFID3 says, whatever was said of them later."""
    late = frame([event_line(1, "A", 1, 3, 9, "Void"), event_line(2, "A", 2, 3, 7, "Void")], EVENT_LINES)
    lines = joining.all_lines(frame([("A", 1, "10", 4)], LINES), late)
    contracts = joining.all_contracts(frame([("A", "003", "Open", START, None, None)], CONTRACTS), late)

    assert sorted(lines.rows()) == [("A", 1, "10", 4), ("A", 2, "10", 7)]
    assert contracts.rows() == [("A", "003", "Open", START, None, None)]


def test_a_scan_that_rfid3_has_is_no_news() -> None:
    """Same tag, kind, second and contract: RFID3's; none named is the same as none named. Of a scan sent twice the later stands."""

    def scan(arrival: int, kind: str, contract: str | None, status: str | None = None) -> tuple[Any, ...]:
        return (arrival, "T1", kind, START, contract, None, status, None)

    own = frame([scan(1, "Rental", "A"), scan(2, "Return", None)], SCANS)
    sent = [scan(10, "Rental", "A"), scan(11, "Return", None), scan(13, "Rental", "B", "Staged"), scan(12, "Rental", "B")]

    assert joining.new_scans(own, frame(sent, SCANS)).rows() == [scan(13, "Rental", "B", "Staged")]


def test_a_contract_number_of_two_stores_has_no_store() -> None:
    """Where two stores use a number nobody knows which of them a scan under it means."""
    rows = [("A", "001", None, None, None, None), ("A", "002", None, None, None, None), ("B", "3", None, None, None, None)]

    assert joining.contract_stores(frame(rows, CONTRACTS)).rows() == [("B", "3")]
