"""When jobs are due, held against a walk through every minute as Debian's cron makes it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_shared.jobs.schedule import Cron, Schedule, checked_cron, is_cron, latest_slot, next_slot, period
from rfid3_shared.settings import Settings, WrongSetting

CHICAGO = ZoneInfo("America/Chicago")
MINUTE = timedelta(minutes=1)
SPRING = (datetime(2026, 3, 7, 12, tzinfo=UTC), datetime(2026, 3, 9, 18, tzinfo=UTC))
AUTUMN = (datetime(2026, 10, 31, 12, tzinfo=UTC), datetime(2026, 11, 2, 18, tzinfo=UTC))
DAILY, OFTEN, WEEKLY = "30 2 * * *", "*/5 * * * *", "30 2 * * 0"
EXPRESSIONS = [
    DAILY, OFTEN, WEEKLY, "30 1 * * *", "0,30 1-3 * * *", "15 * * * *", "*/20 1 * * *", "*/30 2 * * *", "0 */2 * * *",
    "0 3 * * *", "59 23 * * *", "30 2 8 3 *", "30 1 1 11 0", "5 0 * * 7",
]  # fmt: skip


def numbers(field: str, low: int, high: int) -> set[int]:
    """The numbers a cron field stands for: `*`, `a`, `a-b`, steps, lists."""
    found: set[int] = set()
    for term in field.split(","):
        span, _, step = term.partition("/")
        first, last = (low, high) if span == "*" else (int(span.split("-")[0]), int(span.split("-")[-1]))
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def walk(cron: str, start: datetime, end: datetime) -> list[datetime]:
    """Every moment the expression is due, found minute by minute.

    A job with `*` in front of minutes or hours looks at the wall clock of each minute. Another one sees every minute of the wall
    clock once: those that are skipped it sees all at once afterwards, those that come again it does not look at.
    """
    minute, hour, day, month, weekday = cron.split()
    minutes, hours, months = numbers(minute, 0, 59), numbers(hour, 0, 23), numbers(month, 1, 12)
    days, weekdays = numbers(day, 1, 31), {number % 7 for number in numbers(weekday, 0, 7)}
    either = not (day.startswith("*") or weekday.startswith("*"))

    def meets(wall: datetime) -> bool:
        on_day, on_weekday = wall.day in days, wall.isoweekday() % 7 in weekdays
        on = on_day or on_weekday if either else on_day and on_weekday
        return on and wall.month in months and wall.hour in hours and wall.minute in minutes

    due, at, seen = [], start, start.astimezone(CHICAGO).replace(tzinfo=None) - MINUTE
    while at < end:
        wall = at.astimezone(CHICAGO).replace(tzinfo=None)
        if minute.startswith("*") or hour.startswith("*"):
            is_due = meets(wall)
        else:
            is_due = False
            while seen < wall:
                seen += MINUTE
                is_due |= meets(seen)
        due += [at] if is_due else []
        at += MINUTE
    return due


def slots(cron: str, start: datetime, end: datetime) -> list[datetime]:
    """Every slot from start to before end, one asked for after the other."""
    found, at = [], start - timedelta(seconds=1)
    while (at := next_slot(cron, at, CHICAGO)) is not None and at < end:
        found.append(at)
    return found


@pytest.mark.parametrize("days", [SPRING, AUTUMN], ids=["spring", "autumn"])
class TestDaysTheClockIsChanged:
    @pytest.mark.parametrize("cron", EXPRESSIONS)
    def test_slots_are_those_of_a_walk_through_every_minute(self, cron: str, days: tuple[datetime, datetime]) -> None:
        """No slot is skipped, none is there twice, whether looked for forwards or backwards, from whatever minute."""
        expected = walk(cron, *days)

        assert slots(cron, *days) == expected
        at, latest = days[0], None
        while at < days[1]:
            latest = at if at in expected else latest
            if latest is not None and at.minute % 10 in (0, 1):
                assert latest_slot(cron, at + timedelta(seconds=7), CHICAGO) == latest, at
            at += MINUTE

    def test_once_a_day_and_every_five_minutes(self, days: tuple[datetime, datetime]) -> None:
        """A job at half past two is due once on each calendar day, one of every five minutes every 300 seconds."""
        daily, often, weekly = (slots(cron, *days) for cron in (DAILY, OFTEN, WEEKLY))

        assert [slot.astimezone(CHICAGO).date().toordinal() for slot in daily] == [
            days[0].toordinal() + 1,
            days[0].toordinal() + 2,
        ]
        assert {later - earlier for earlier, later in pairwise(often)} == {timedelta(minutes=5)}
        assert weekly == daily[:1]


class TestLatestSlot:
    def test_a_slot_is_its_own_latest(self) -> None:
        """At the very moment a job is due its slot has come; a second before it has not."""
        slot = datetime(2026, 6, 1, 8, 30, tzinfo=UTC)

        assert latest_slot("30 3 * * 1", slot, CHICAGO) == slot
        assert latest_slot("30 3 * * 1", slot - timedelta(microseconds=1), CHICAGO) == slot - timedelta(days=7)
        assert next_slot("30 3 * * 1", slot, CHICAGO) == slot + timedelta(days=7)

    def test_never_has_none(self) -> None:
        """A schedule that is switched off is due at no time."""
        now = datetime(2026, 6, 1, tzinfo=UTC)

        assert (latest_slot("never", now, CHICAGO), next_slot("never", now, CHICAGO), period("never", now, CHICAGO)) == (
            None,
            None,
            None,
        )


class TestPeriod:
    def test_is_the_gap_that_now_lies_in(self) -> None:
        """A day that is an hour short has a period of 23 hours."""
        assert period(OFTEN, SPRING[0], CHICAGO) == timedelta(minutes=5)
        assert period("0 12 * * *", datetime(2026, 3, 8, 5, tzinfo=UTC), CHICAGO) == timedelta(hours=23)


class TestCheckedCron:
    def test_spaces_and_capitals_do_not_matter(self) -> None:
        """What people type is taken as it is meant."""
        assert checked_cron("  30  3 *\t* MON ") == "30 3 * * MON"
        assert checked_cron(" Never ") == "never"

    @pytest.mark.parametrize(
        ("expression", "said"),
        [("", "0 fields"), ("* * * *", "4 fields"), ("0 * * * * *", "6 fields"), ("61 * * * *", "bad minute"),
         ("@daily", "1 fields"), ("0 0 30 2 *", "bad day-of-month"), ("0 0 29 2 MON#6", "bad day-of-week"),
         ("5-1 * * * *", "bad minute"), ("*/0 * * * *", "bad minute")],
    )  # fmt: skip
    def test_a_bad_one_is_refused_with_the_settings_name(self, expression: str, said: str) -> None:
        """The words say which setting, what it holds, and what it may hold."""
        with pytest.raises(ValueError, match="RFID3_DEMAND_TRAIN_CRON must be a cron expression of five fields") as refusal:
            checked_cron(expression, "RFID3_DEMAND_TRAIN_CRON")

        assert said in str(refusal.value)
        assert repr(expression) in str(refusal.value)
        assert not is_cron(expression)

    @given(st.lists(st.text("0123456789*/,-#LWMONJAN?", min_size=1, max_size=6), min_size=5, max_size=5).map(" ".join))
    def test_any_text_is_taken_or_refused(self, expression: str) -> None:
        """Nothing but ValueError comes of bad text, and what is taken has a slot on either side of now."""
        now = datetime(2026, 6, 1, tzinfo=UTC)
        try:
            cron = checked_cron(expression)
        except ValueError:
            return

        later = next_slot(cron, now, CHICAGO)
        earlier = latest_slot(cron, now, CHICAGO)

        assert earlier is not None
        assert later is not None
        assert earlier <= now < later


class TestSetting:
    def test_a_bad_one_stops_the_start_with_its_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A service that was given no expression says which variable is wrong before it does anything."""

        class Knobs(Settings):
            own_score_cron: Cron = " 15  5 * * * "

        assert Knobs().own_score_cron == "15 5 * * *"
        monkeypatch.setenv("RFID3_OWN_SCORE_CRON", "at five")
        with pytest.raises(WrongSetting, match="RFID3_OWN_SCORE_CRON must be a cron expression"):
            Knobs()


class TestSchedule:
    def test_refuses_a_bad_expression_and_names_itself(self) -> None:
        """A schedule that cannot be kept is not made."""
        assert Schedule("demand", "train", " 0 3 * *  * ").cron == "0 3 * * *"
        with pytest.raises(ValueError, match="the schedule of demand/train"):
            Schedule("demand", "train", "at night")
