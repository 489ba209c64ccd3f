"""When did it happen, in shop time? ISO 8601 as readers and tills write it.

A time with an offset is converted to shop time; one without is shop time already. A time that shop clocks show twice (the hour after
daylight saving ends) is kept as written, as RFID3 keeps it. A time that they skip never was: it is refused, and the time an hour later,
which is probably meant, is suggested.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from rfid3_shared.events.refusal import BadField

LONGEST = 40
LONGEST_DATE = 10
"""Letters of the longest date without a time."""
YEARS = (1970, 2200)


def shop_moment(value: object, parameter: str, zone: ZoneInfo, *, date_will_do: bool = False) -> tuple[datetime, datetime]:
    """(naive shop time, naive UTC), in whole seconds; of a time that comes twice the UTC of the first.

    Raises BadField for anything but a time that was; a date alone is midnight where `date_will_do`.
    """
    if not isinstance(value, str) or not 8 <= len(text := value.strip()) <= LONGEST:
        raise BadField(parameter, "is no time in ISO 8601", "2026-05-09T14:30:00")
    try:
        at = datetime.fromisoformat(text)
        if not YEARS[0] <= at.year <= YEARS[1]:
            raise BadField(parameter, f"lies outside the years {YEARS[0]} to {YEARS[1]}")
        at = at.replace(microsecond=0)
        if at.tzinfo is not None:
            utc = at.astimezone(UTC)
            return utc.astimezone(zone).replace(tzinfo=None, fold=0), utc.replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise BadField(parameter, "is no time in ISO 8601", "2026-05-09T14:30:00") from None
    if len(text) <= LONGEST_DATE and not date_will_do:
        raise BadField(parameter, "is a date without a time", f"{at:%Y-%m-%dT14:30:00}")
    first, second = (_offset(at, zone, fold) for fold in (0, 1))
    if first < second:
        meant = at + (second - first)
        raise BadField(parameter, f"was skipped by the clocks of {zone.key} that day", meant.isoformat())
    return at, at - first


def _offset(at: datetime, zone: ZoneInfo, fold: int) -> timedelta:
    return at.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0)
