"""Ages of data and of features."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rfid3_shared.monitor.freshness import Freshness, of_data, of_feature, usual_gap

FRIDAY = date(2026, 3, 6)
NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)


def days(*offsets: int) -> list[date]:
    return [FRIDAY + timedelta(days=offset) for offset in offsets]


class TestUsualGap:
    def test_is_the_weekend_of_a_shop_that_closes_for_it(self) -> None:
        """Data on working days only: three days from Friday to Monday, every week."""
        working = [day for k in range(60) if (day := FRIDAY + timedelta(days=k)).weekday() < 5]

        assert usual_gap(working) == 3

    def test_one_long_gap_is_an_accident(self) -> None:
        """An outage of two weeks that happened once is no reason to wait two weeks; twice it would be."""
        once = days(0, 1, 2, 16, 17, 18)

        assert usual_gap(once) == 1
        assert usual_gap([*once, *days(32, 33)]) == 14

    def test_says_nothing_without_two_gaps(self) -> None:
        """Nothing is usual yet."""
        assert usual_gap([]) == usual_gap(days(0)) == usual_gap(days(0, 9)) == 0

    @given(st.lists(st.integers(0, 400), max_size=40))
    def test_order_and_repetition_do_not_matter(self, offsets: list[int]) -> None:
        """Several rows a day, in any order, are the same days."""
        assert usual_gap(days(*offsets)) == usual_gap(days(*sorted(offsets + offsets)))


class TestOfData:
    def test_is_fresh_up_to_the_limit(self) -> None:
        """On the last day of the limit it is still fresh, on the next it is not."""
        assert of_data(FRIDAY, FRIDAY + timedelta(days=3), limit_days=3) == Freshness("FRESH", 3, 3)
        assert of_data(FRIDAY, FRIDAY + timedelta(days=4), limit_days=3) == Freshness("STALE", 4, 3)

    def test_a_longer_usual_gap_is_the_limit(self) -> None:
        """A shop that reports once a week is not stale on Thursday; a shorter gap does not tighten the set limit."""
        assert of_data(FRIDAY, FRIDAY + timedelta(days=7), limit_days=3, usual_gap_days=7).state == "FRESH"
        assert of_data(FRIDAY, FRIDAY + timedelta(days=3), limit_days=3, usual_gap_days=1).state == "FRESH"

    def test_nothing_is_missing(self) -> None:
        """No data at all is not the same as old data."""
        assert of_data(None, FRIDAY, limit_days=3) == Freshness("MISSING", None, 3)

    def test_a_day_ahead_is_as_fresh_as_today(self) -> None:
        """Data of tomorrow, by a clock that goes wrong, are 0 days old."""
        assert of_data(FRIDAY + timedelta(days=2), FRIDAY, limit_days=3).age_days == 0


class TestOfFeature:
    def test_states(self) -> None:
        """Up to the age that is allowed fresh, beyond it stale, without a moment missing."""
        day = timedelta(days=1)

        assert of_feature(NOON - day, NOON, day) == "FRESH"
        assert of_feature(NOON - day - timedelta(seconds=1), NOON, day) == "STALE"
        assert of_feature(None, NOON, day) == "MISSING"
