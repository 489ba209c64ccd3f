"""Which events take place near the shop? A CSV file that somebody keeps, or that a site offers: date, name, and what else is known.

Columns: date, name; end_date, attendance, location where known. Of each day from the file's first to its last one it follows how many
events there are (0 on days between, which is knowledge too) and, where attendance is given for all, how many people they draw. What
lies beyond the file's last day nobody knows.
"""

import asyncio
import tempfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

from rfid3_shared.errors import InvalidParameters
from rfid3_shared.external.measurement import Measurement
from rfid3_shared.external.provider import Fetched, Wanted
from rfid3_shared.http import AnswerRefused, Outside, Validators
from rfid3_shared.settings import Settings
from rfid3_shared.source.csv_rows import DAMAGE, BrokenRow, CsvFile

SETTING = "RFID3_EXTERNAL_EVENTS"
MOST_BYTES, MOST_EVENTS, LONGEST_EVENT_DAYS = 5_000_000, 50_000, 60
Event = tuple[date, date, float | None]


class LocalEvents:
    """Events near the shop, counted by day."""

    name = "events"
    about = "local events from a CSV file or URL"
    least_interval_s = 3600.0

    def why_off(self, settings: Settings) -> str | None:
        """It needs a file or URL."""
        return None if settings.external_events else f"set {SETTING} to a CSV file or URL with the columns date and name"

    async def fetch(self, outside: Outside, settings: Settings, wanted: Wanted, validators: Validators) -> Fetched:
        """Rows that cannot be read are counted in the note, the others are taken."""
        where = settings.external_events
        if where.startswith(("http://", "https://")):
            body = await outside.get(where, None, validators)
            if body is None:
                return Fetched([], "the list of events has not changed")
        else:
            body = await asyncio.to_thread(_read_file, where)
        events, bad = await asyncio.to_thread(_events, body)
        if not events:
            raise AnswerRefused(f"The list of events holds no event that can be read; {bad} rows cannot.")
        note = f"{len(events)} events" + (f"; {bad} rows could not be read" if bad else "")
        return Fetched(by_day(events, settings.external_location), note)


def by_day(events: list[Event], place: str) -> list[Measurement]:
    """Number of events, and people where every event says, of each day from the first event to the last."""
    count: Counter[date] = Counter()
    people: Counter[date] = Counter()
    for begin, end, attendance in events:
        days = (end - begin).days + 1
        for k in range(days):
            count[begin + timedelta(days=k)] += 1
            people[begin + timedelta(days=k)] += (attendance or 0.0) / days  # type: ignore[assignment]
    first, last = min(count), max(count)
    every = [first + timedelta(days=k) for k in range((last - first).days + 1)]
    rows = [Measurement("events", "local_events", day, float(count[day]), place) for day in every]
    if all(attendance is not None for _, _, attendance in events):
        rows += [Measurement("events", "local_event_attendance", day, float(people[day]), place) for day in every]
    return rows


def _read_file(where: str) -> bytes:
    """Raises InvalidParameters when it is not there or too large."""
    path = Path(where).expanduser()
    if not path.is_file():
        raise InvalidParameters(f"{SETTING} names a file that is not there: {path}.", parameter=SETTING)
    if path.stat().st_size > MOST_BYTES:
        raise InvalidParameters(f"{path.name} is larger than {MOST_BYTES / 1e6:g} MB.", parameter=SETTING)
    return path.read_bytes()


def _events(body: bytes) -> tuple[list[Event], int]:
    """Events, and how many rows could not be read. Raises AnswerRefused without a header that names date and name."""
    events: list[Event] = []
    bad = 0
    with tempfile.NamedTemporaryFile(suffix=".csv") as held:
        held.write(body)
        held.flush()
        try:
            with CsvFile(Path(held.name)) as file:
                names = [name.lower() for name in file.header]
                if not {"date", "name"} <= set(names):
                    raise AnswerRefused("The list of events has no header with the columns date and name.")
                for _, fields in file.rows():
                    event = None if isinstance(fields, BrokenRow) else _event(dict(zip(names, fields, strict=False)))
                    if event is None:
                        bad += 1
                    else:
                        events.append(event)
                    if len(events) > MOST_EVENTS:
                        raise AnswerRefused(f"The list of events holds more than {MOST_EVENTS:,} events.")
        except DAMAGE:
            raise AnswerRefused("The list of events is damaged.") from None
    return events, bad


def _event(row: dict[str, str]) -> Event | None:
    """None for a row that cannot be read, or an event that ends before it begins or lasts for months."""
    try:
        begin = date.fromisoformat(row["date"].strip()[:10])
        end = date.fromisoformat(row["end_date"].strip()[:10]) if row.get("end_date", "").strip() else begin
        people = float(row["attendance"]) if row.get("attendance", "").strip() else None
    except (KeyError, ValueError):
        return None
    sensible = (
        0 <= (end - begin).days < LONGEST_EVENT_DAYS and (people is None or 0 <= people < 1e8) and row.get("name", "").strip()
    )
    return (begin, end, people) if sensible else None
