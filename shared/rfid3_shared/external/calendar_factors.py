"""Which days are holidays, and how long is the day? From a library and from astronomy; nobody is asked, nothing can be stale.

Holidays are those of the package `holidays`, by country and, where wanted, state: public ones, and those that are kept without a day
off (Mother's Day, Halloween, …) where the package knows them. The season is the length of the day, after the CBM model of Forsythe
and others (1995), Ecological Modelling 80: 87-95; it follows the sun instead of a table of months.
"""

import math
from datetime import date, timedelta

from rfid3_shared.errors import InvalidParameters
from rfid3_shared.external.measurement import Measurement
from rfid3_shared.external.provider import Fetched, Wanted
from rfid3_shared.http import Outside, Validators
from rfid3_shared.settings import Settings

SETTING = "RFID3_EXTERNAL_CALENDAR"
AHEAD_DAYS = 400
SUNRISE_DEGREES = 0.8333
"""The sun's upper edge is on the horizon, refraction included."""


class CalendarFactors:
    """Holidays and the length of the day, past and to come."""

    name = "calendar"
    about = "holidays and the length of the day, computed here"
    least_interval_s = 24 * 3600.0

    def why_off(self, settings: Settings) -> str | None:
        """It needs a country, and the package."""
        if not settings.external_calendar:
            return f"set {SETTING} to a country, with a state where wanted: US or US-MN"
        try:
            import holidays  # noqa: F401
        except ModuleNotFoundError:
            return "the package holidays is not installed here: install rfid3-shared[twin] or rfid3-demand[train]"
        return None

    async def fetch(self, outside: Outside, settings: Settings, wanted: Wanted, validators: Validators) -> Fetched:
        """All days wanted and a year more: a holiday is known long before it comes."""
        last = max(wanted.last, wanted.today + timedelta(days=AHEAD_DAYS))
        days = [wanted.first + timedelta(days=k) for k in range((last - wanted.first).days + 1)]
        public, kept = _holidays(settings.external_calendar, days[0].year, days[-1].year)
        rows = [Measurement("holiday", "public_holiday", day, float(day in public)) for day in days]
        rows += [Measurement("holiday", "observance", day, float(day in kept)) for day in days if kept]
        if settings.external_latitude is not None:
            rows += [
                Measurement("seasonal", "daylight_hours", day, daylight_hours(day, settings.external_latitude), settings.external_location)
                for day in days
            ]  # fmt: skip
        return Fetched(rows, f"{sum(day in public for day in days)} public holidays in {len(days)} days")


def _holidays(where: str, first_year: int, last_year: int) -> tuple[set[date], set[date]]:
    """Public holidays, and days that are kept without being off. Raises InvalidParameters for an unknown country or state."""
    import holidays

    country, _, state = where.strip().upper().partition("-")
    years = range(first_year, last_year + 1)
    try:
        public = holidays.country_holidays(country, subdiv=state or None, years=years)
        known = set(getattr(public, "supported_categories", ()))
        kept = (
            holidays.country_holidays(country, subdiv=state or None, years=years, categories=("unofficial",))
            if "unofficial" in known
            else {}
        )
    except NotImplementedError:
        raise InvalidParameters(
            f"{SETTING}={where!r} names no country or state that the package holidays knows.", parameter=SETTING
        ) from None
    return set(public), set(kept) - set(public)


def daylight_hours(day: date, latitude: float) -> float:
    """Hours from sunrise to sunset at a latitude in degrees, north positive; 0 and 24 beyond the polar circles."""
    number = day.timetuple().tm_yday
    theta = 0.2163108 + 2 * math.atan(0.9671396 * math.tan(0.00860 * (number - 186)))
    declination = math.asin(0.39795 * math.cos(theta))
    here = math.radians(latitude)
    cosine = (math.sin(math.radians(SUNRISE_DEGREES)) + math.sin(here) * math.sin(declination)) / (
        math.cos(here) * math.cos(declination)
    )
    return 24.0 - 24.0 / math.pi * math.acos(max(-1.0, min(1.0, cosine)))
