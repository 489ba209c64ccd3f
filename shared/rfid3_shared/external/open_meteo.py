"""What was the weather at the shop, and what will it be? Open-Meteo: free, without a key (its terms: not for commercial use beyond
its limits; a paid or own server is a base URL away).

Two questions: the archive (reanalysis, some days behind) for what has been, the forecast with its last days for what the archive
lacks and for 16 days to come. Source of the shapes: open-meteo.com/en/docs.
"""

from datetime import date, timedelta
from typing import Any

from rfid3_shared.errors import InvalidParameters
from rfid3_shared.external.measurement import Measurement
from rfid3_shared.external.provider import Fetched, Wanted
from rfid3_shared.http import AnswerRefused, Outside, Validators, json_of
from rfid3_shared.settings import Settings

FACTORS = {
    "temperature_2m_mean": "temperature_mean_f", "temperature_2m_max": "temperature_max_f", "temperature_2m_min": "temperature_min_f",
    "precipitation_sum": "precipitation_in", "snowfall_sum": "snowfall_in", "wind_speed_10m_max": "wind_max_mph",
}  # fmt: skip
"""Open-Meteo's daily variables → our names, units in them: those of RFID3's own weather where it has some."""
UNITS = {"temperature_unit": "fahrenheit", "precipitation_unit": "inch", "wind_speed_unit": "mph"}
FORECAST_DAYS, PAST_DAYS = 16, 14
QUALITY_ARCHIVE, QUALITY_RECENT, QUALITY_FORECAST = 1.0, 0.9, 0.7
"""A ranking for whoever must choose between sources, not a measurement."""


class OpenMeteo:
    """Daily weather at one place."""

    name = "open-meteo"
    about = "daily weather, and its forecast for 16 days"
    least_interval_s = 3600.0

    def why_off(self, settings: Settings) -> str | None:
        """It needs to be chosen, and a place."""
        if settings.external_weather != self.name:
            return f"set RFID3_EXTERNAL_WEATHER={self.name}, RFID3_EXTERNAL_LATITUDE and RFID3_EXTERNAL_LONGITUDE"
        if settings.external_latitude is None or settings.external_longitude is None:
            return "RFID3_EXTERNAL_LATITUDE and RFID3_EXTERNAL_LONGITUDE say where; they are not both set"
        return None

    async def fetch(self, outside: Outside, settings: Settings, wanted: Wanted, validators: Validators) -> Fetched:
        """Archive first, then what is newer and to come, which the archive does not have yet."""
        if settings.external_latitude is None or settings.external_longitude is None:
            raise InvalidParameters("Weather needs a latitude and a longitude.", parameter="RFID3_EXTERNAL_LATITUDE")
        place = settings.external_location
        asked = {
            "latitude": f"{settings.external_latitude:.4f}", "longitude": f"{settings.external_longitude:.4f}",
            "daily": ",".join(FACTORS), "timezone": settings.time_zone, **UNITS,
        }  # fmt: skip
        since, until = wanted.since(tuple(FACTORS.values()), place), wanted.today - timedelta(days=1)
        span = {"start_date": since.isoformat(), "end_date": until.isoformat()}
        ahead = {"past_days": str(PAST_DAYS), "forecast_days": str(FORECAST_DAYS)}
        found: dict[tuple[str, date], Measurement] = {}
        for url, parameters, quality in (
            (settings.external_weather_url, ahead, QUALITY_RECENT),
            (settings.external_weather_archive_url, span, QUALITY_ARCHIVE),
        ):
            body = await outside.get(url, {**asked, **parameters}, validators)
            for row in [] if body is None else _rows(json_of(body, "Open-Meteo"), wanted.today, place, quality):
                found[row.factor_name, row.day] = row
        rows = [row for row in found.values() if row.day >= wanted.first]
        days = {row.day for row in rows}
        return Fetched(rows, f"{len(days)} days of weather, {sum(day >= wanted.today for day in days)} of them forecast")


def _rows(answer: dict[str, Any], today: date, place: str, quality: float) -> list[Measurement]:
    """Days without a value are left out. Raises AnswerRefused for another shape than documented."""
    try:
        daily = answer["daily"]
        days = [date.fromisoformat(day) for day in daily["time"]]
        columns = {ours: daily[theirs] for theirs, ours in FACTORS.items() if theirs in daily}
        rows = [
            Measurement(
                "weather", name, day, float(value), place, is_forecast=day >= today,
                quality=QUALITY_FORECAST if day >= today else quality,
            )
            for name, values in columns.items() for day, value in zip(days, values, strict=True) if value is not None
        ]  # fmt: skip
    except (KeyError, TypeError, ValueError):
        raise AnswerRefused("Open-Meteo answered with JSON of another shape than it documents.") from None
    if not rows:
        raise AnswerRefused("Open-Meteo answered without a single value.")
    return rows
