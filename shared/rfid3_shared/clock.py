"""What time is it, and which business day? The only module that reads the time.

Inside the suite times are aware and in UTC; at the edges they are shop time (America/Chicago). RFID3 writes scan and
contract times as naive shop time.
"""

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SHOP_ZONE = "America/Chicago"


class Clock:
    """A clock that tests replace by one they set."""

    def __init__(self, zone: str = SHOP_ZONE) -> None:
        self.zone = ZoneInfo(zone)

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)

    def today(self) -> date:
        """The business day: the shop's calendar date."""
        return self.now().astimezone(self.zone).date()

    def monotonic(self) -> float:
        """Seconds on a clock that is never set back, for measuring spans."""
        return time.monotonic()


class FixedClock(Clock):
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime, zone: str = SHOP_ZONE) -> None:
        super().__init__(zone)
        if at.tzinfo is None:
            raise ValueError("a fixed clock needs an aware time")
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def advance(self, **span: float) -> None:
        """Move on by a timedelta given in its keywords, e.g. `advance(hours=1)`."""
        self.at += timedelta(**span)


def week_start(day: date) -> date:
    """The Monday of the week that holds `day`."""
    return day - timedelta(days=day.weekday())


def naive_utc(at: datetime) -> datetime:
    """An aware time as the stores keep it: UTC without zone, whole seconds."""
    return at.astimezone(UTC).replace(tzinfo=None, microsecond=0)


def epoch_s() -> float:
    """Seconds since 1970, for keys and headers that other programs read."""
    return time.time()
