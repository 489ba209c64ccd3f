"""Dates that a crew can keep, and what is said where nothing is found."""

from datetime import timedelta

import pytest
from handmade import AS_OF, made

from rfid3_maintenance import ranking, timetable
from rfid3_maintenance.schemas.schedule import ScheduleQuery

SNAPSHOT = made(20, 4)


class TestEntries:
    @pytest.mark.parametrize("days_later", [0, 3, 14])
    def test_nothing_is_advised_for_a_day_that_is_over(self, days_later: int) -> None:
        """Of data that end some days ago: what was best done then is best done today, what lies ahead keeps its day."""
        query, today = ScheduleQuery(min_failure_probability=0.0, limit=500), AS_OF + timedelta(days=days_later)
        found = ranking.ranked(SNAPSHOT, query.days_ahead, "all", 0.0, "priority", {})

        rows = timetable.entries(SNAPSHOT, found, query, None, today)

        days = [None if one != one else int(one) for one in found.moment.day_days.tolist()]
        dates = [None if day is None else max(AS_OF + timedelta(days=day), today) for day in days]
        assert [row["optimal_maintenance_date"] for row in rows] == dates
        assert [row["days_until_optimal"] for row in rows] == [None if one is None else (one - today).days for one in dates]
        assert any(one is not None for one in dates)


class TestRecommendations:
    def test_say_how_high_the_highest_is_where_none_is_high_enough(self) -> None:
        """Whoever asks too much learns what to ask."""
        query = ScheduleQuery(min_failure_probability=0.99, equipment_filter="Tents")
        found = ranking.ranked(SNAPSHOT, query.days_ahead, "Tents", 0.99, "priority", {})

        told = timetable.recommendations(SNAPSHOT, found, query)

        every = ranking.ranked(SNAPSHOT, query.days_ahead, "Tents", 0.0, "probability", {})
        assert told == [f"No item has a chance of 99% or more to fail within 30 days: the highest is {every.chance.max():.1%}."]
