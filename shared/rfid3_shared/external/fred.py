"""How does the economy do? The Federal Reserve Bank of St. Louis: daily and weekly series by their ids, with a (free) key.

Dated by the day a figure speaks of; it was published some days later, and revisions replace it. Series that come monthly can be
fetched, but weekly demand cannot be held against them: `rfid3 external coverage` says so. Source: fred.stlouisfed.org/docs/api.
"""

import asyncio
from datetime import date
from typing import Any

from rfid3_shared.errors import InvalidParameters, UpstreamError
from rfid3_shared.external.measurement import Measurement
from rfid3_shared.external.provider import Fetched, Wanted
from rfid3_shared.http import AnswerRefused, Outside, Validators, json_of
from rfid3_shared.settings import Settings

NAMES = {
    "GASREGW": "gasoline_usd_per_gallon", "MORTGAGE30US": "mortgage_30_years_percent", "ICSA": "initial_jobless_claims",
    "DGS10": "treasury_10_years_percent", "UMCSENT": "consumer_sentiment", "UNRATE": "unemployment_percent",
}  # fmt: skip
"""What well-known series are called here; others keep their id, in small letters."""
MOST_SERIES = 20
MISSING = "."


class Fred:
    """Economic series by id."""

    name = "fred"
    about = "economic series of the Federal Reserve Bank of St. Louis"
    least_interval_s = 6 * 3600.0

    def why_off(self, settings: Settings) -> str | None:
        """It needs a key."""
        return (
            None
            if settings.external_fred_key
            else "set RFID3_EXTERNAL_FRED_KEY to a key of fred.stlouisfed.org (they are free)"
        )

    async def fetch(self, outside: Outside, settings: Settings, wanted: Wanted, validators: Validators) -> Fetched:
        """One question a series, side by side; when some are not answered, the others are taken."""
        ids = [name.strip().upper() for name in settings.external_fred_series.split(",") if name.strip()]
        if not 1 <= len(ids) <= MOST_SERIES or settings.external_fred_key is None:
            raise InvalidParameters(f"Name 1 to {MOST_SERIES} series.", parameter="RFID3_EXTERNAL_FRED_SERIES")
        key = settings.external_fred_key.get_secret_value()
        asked = [_one(outside, settings.external_fred_url, key, number, wanted, validators) for number in ids]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        faults = {number: each for number, each in zip(ids, answers, strict=True) if isinstance(each, BaseException)}
        for fault in faults.values():
            if len(faults) == len(ids) or not isinstance(fault, UpstreamError):
                raise fault
        rows = [row for each in answers if not isinstance(each, BaseException) for row in each]
        note = f"{len(rows)} values of {', '.join(number for number in ids if number not in faults)}"
        return Fetched(rows, f"{note}; not answered: {', '.join(faults)}" if faults else note)


async def _one(outside: Outside, url: str, key: str, number: str, wanted: Wanted, validators: Validators) -> list[Measurement]:
    name = NAMES.get(number, number.lower())
    since = wanted.since((name,)).isoformat()
    asked = {"series_id": number, "api_key": key, "file_type": "json", "observation_start": since}
    try:
        body = await outside.get(url, asked, validators)
    except AnswerRefused as fault:
        if fault.details.get("status") in (400, 401, 403):
            raise AnswerRefused(
                f"FRED does not accept the question for {number}: is the key right, is there such a series?"
            ) from None
        raise
    return [] if body is None else _rows(json_of(body, "FRED"), name)


def _rows(answer: dict[str, Any], name: str) -> list[Measurement]:
    """Raises AnswerRefused for another shape than documented."""
    try:
        return [
            Measurement("economic", name, date.fromisoformat(each["date"]), float(each["value"]))
            for each in answer["observations"] if each["value"] != MISSING
        ]  # fmt: skip
    except (KeyError, TypeError, ValueError):
        raise AnswerRefused("FRED answered with JSON of another shape than it documents.") from None
