"""Do the small rooms of the common library keep their word? Clock, envelope, errors, series, settings."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_shared import envelope, errors, series
from rfid3_shared.clock import FixedClock, naive_utc, week_start
from rfid3_shared.settings import Settings


def leaves(root: type[errors.AppError]) -> list[type[errors.AppError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in leaves(child))]


class TestClock:
    def test_the_business_day_is_the_shops(self) -> None:
        """At 03:00 UTC in summer it is still yesterday in Minneapolis."""
        assert FixedClock(datetime(2025, 7, 2, 3, tzinfo=UTC)).today() == date(2025, 7, 1)

    def test_the_business_day_follows_daylight_saving(self) -> None:
        """05:30 UTC is after midnight in summer and before it in winter."""
        assert FixedClock(datetime(2025, 7, 2, 5, 30, tzinfo=UTC)).today() == date(2025, 7, 2)
        assert FixedClock(datetime(2025, 1, 2, 5, 30, tzinfo=UTC)).today() == date(2025, 1, 1)

    @given(st.dates(date(1990, 1, 1), date(2090, 1, 1)))
    def test_weeks_start_on_monday(self, day: date) -> None:
        """The start of a day's week is the last Monday up to it."""
        start = week_start(day)
        assert start.isoweekday() == 1
        assert 0 <= (day - start).days < 7

    def test_stored_times_are_utc_in_whole_seconds(self) -> None:
        """An aware time is stored as naive UTC."""
        assert naive_utc(datetime.fromisoformat("2025-07-01T12:00:00.9-05:00")) == datetime(2025, 7, 1, 17)


class TestEnvelope:
    def test_success_has_every_field_of_the_contract(self) -> None:
        """success, data, message, timestamp, request_id, execution_time_ms and meta are always sent."""
        at = datetime(2025, 7, 1, tzinfo=UTC)
        body = orjson.loads(
            envelope.success({"a": 1}, message="m", request_id="r", at=at, execution_time_ms=3, meta={"cached": False})
        )

        assert body == {
            "success": True, "data": {"a": 1}, "message": "m", "timestamp": "2025-07-01T00:00:00.000Z", "request_id": "r",
            "execution_time_ms": 3, "meta": {"cached": False},
        }  # fmt: skip

    @pytest.mark.parametrize("leaf", leaves(errors.AppError))
    def test_every_error_fits_the_contract(self, leaf: type[errors.AppError]) -> None:
        """Each error has a documented code and status; facts become details."""
        body = orjson.loads(envelope.failure(leaf("words", found=3, at=date(2025, 1, 1)), request_id="r", at=datetime.now(UTC)))

        envelope.ErrorEnvelope.model_validate(body)
        assert body["error"]["details"] == {"found": 3, "at": "2025-01-01"}
        assert 400 <= leaf.status < 600

    def test_says_when_to_come_back(self) -> None:
        """429 and 503 carry Retry-After, 401 how to log in."""
        assert envelope.error_headers(errors.RateLimited("m", retry_after_s=7.2))["retry-after"] == "7"
        assert int(envelope.error_headers(errors.ModelUnavailable("m"))["retry-after"]) > 0
        assert envelope.error_headers(errors.Unauthorized("m"))["www-authenticate"] == "Bearer"


class TestSeries:
    @pytest.mark.parametrize(
        ("name", "last", "expected"),
        [
            ("D", date(2024, 2, 28), [date(2024, 2, 29), date(2024, 3, 1)]),
            ("W-MON", date(2024, 12, 30), [date(2025, 1, 6), date(2025, 1, 13)]),
            ("MS", date(2024, 11, 1), [date(2024, 12, 1), date(2025, 1, 1)]),
            ("QS", date(2024, 10, 1), [date(2025, 1, 1), date(2025, 4, 1)]),
            ("YS", date(2023, 1, 1), [date(2024, 1, 1), date(2025, 1, 1)]),
            ("h", datetime(2024, 1, 1, 23), [datetime(2024, 1, 2, 0), datetime(2024, 1, 2, 1)]),
            ("h", 700, [701, 702]),
        ],
    )
    def test_future_dates_go_on_as_the_calendar_does(self, name: str, last: object, expected: list) -> None:
        """Steps follow the calendar: leap days, year ends, quarters."""
        assert series.future_dates(last, series.parse_frequency(name), 2) == expected

    def test_an_unknown_frequency_is_refused_with_those_known(self) -> None:
        """The error names what is accepted."""
        with pytest.raises(errors.InvalidParameters) as refusal:
            series.parse_frequency("fortnight")

        assert "W-MON" in refusal.value.details["accepted"]

    def test_gaps_are_filled_with_zero_inside_each_series(self) -> None:
        """A week without a row is a week without demand, but only between a series' own first and last."""
        monday = date(2025, 1, 6)
        frame = pl.DataFrame(
            {"unique_id": ["a", "a", "b"], "ds": [monday, monday + timedelta(days=21), monday], "y": [1, 2, 3]}
        )

        filled = series.fill_gaps(frame, series.parse_frequency("W-MON"))

        assert filled.filter(unique_id="a")["y"].to_list() == [1, 0, 0, 2]
        assert filled.filter(unique_id="b")["y"].to_list() == [3]


class TestSettings:
    def test_defaults_stay_below_home(self, tmp_path: Path) -> None:
        """Without URLs, source, store, Redis and registry live in the home folder."""
        settings = Settings(home=tmp_path)

        assert settings.source_dsn == settings.store_dsn == f"sqlite:///{tmp_path / 'rfid3.db'}"
        assert settings.redis_dsn.startswith("unix://")
        assert settings.artefact_dir == tmp_path / "registry"

    def test_secrets_do_not_show(self) -> None:
        """A password in a URL is in no printed form of the settings."""
        settings = Settings(store_url="mysql://root:hunter2@db/x")

        assert "hunter2" not in repr(settings)
        assert settings.store_dsn.endswith("hunter2@db/x")
