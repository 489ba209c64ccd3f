"""When is a job due? Cron expressions in the shop's local time; pure, nothing here reads the clock or the store.

Days on which the clock is changed follow Debian's cron: a job at a fixed time of day that the spring change skips is due right
after it, and one in the hour that autumn repeats is due in its first passing only; a job whose minutes or hours begin with `*`
follows the wall clock. So a daily job is due once every day, and one of every five minutes every five minutes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, ValidationInfo

NEVER = "never"
ASIDE = timedelta(hours=3)
"""More than clocks are moved by on a day: looking begins so far from the moment asked about, where the order of slots is plain."""
SOME_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Schedule:
    """A kind of job of a service, and when it is due: five cron fields in the shop's time, or "never".

    Raises ValueError for an expression that is neither, naming service and kind.
    """

    service: str
    kind: str
    cron: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "cron", checked_cron(self.cron, f"the schedule of {self.service}/{self.kind}"))


def checked_cron(expression: str, setting: str = "this") -> str:
    """The expression with single spaces, or "never".

    Raises ValueError, which names the `setting`, when it is no cron expression of five fields, or one no day ever meets.
    """
    cron = " ".join(expression.split())
    if cron.lower() == NEVER:
        return NEVER
    wanted = f"{setting} must be a cron expression of five fields (minute hour day month weekday) or {NEVER!r}"
    if len(cron.split()) != 5:
        raise ValueError(f"{wanted}; {expression!r} has {len(cron.split())} fields")
    try:
        next(CronSim(cron, SOME_MOMENT))
    except StopIteration:
        raise ValueError(f"{wanted}; {expression!r} names a day that never comes") from None
    except CronSimError as fault:
        raise ValueError(f"{wanted}; {expression!r} is none: {str(fault).lower()}") from None
    return cron


def _checked_setting(expression: str, setting: ValidationInfo) -> str:
    return checked_cron(expression, f"RFID3_{(setting.field_name or '').upper()}")


Cron = Annotated[str, AfterValidator(_checked_setting)]
"""Type of a setting that says when something is due; a bad one is refused with the setting's name when settings are read."""


def is_cron(expression: str) -> bool:
    """Whether it is an expression that can be worked with."""
    try:
        return checked_cron(expression) == expression
    except ValueError:
        return False


def latest_slot(cron: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The latest moment at or before `now` (aware) at which the expression makes a job due, in UTC; None for "never"."""
    return _nearest(cron, now, zone, back=True)


def next_slot(cron: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The first moment after `now` (aware) at which the expression makes a job due, in UTC; None for "never"."""
    return _nearest(cron, now, zone, back=False)


def period(cron: str, now: datetime, zone: ZoneInfo) -> timedelta | None:
    """From the latest slot at or before `now` to the one after it; None for "never"."""
    latest, following = latest_slot(cron, now, zone), next_slot(cron, now, zone)
    return following - latest if latest and following else None


def _nearest(cron: str, now: datetime, zone: ZoneInfo, back: bool) -> datetime | None:
    if cron == NEVER:
        return None
    aside = now.astimezone(UTC) + (ASIDE if back else -ASIDE)
    for slot in CronSim(cron, aside.astimezone(zone), reverse=back):
        at = slot.astimezone(UTC)
        if at <= now if back else at > now:
            return at
    return None
