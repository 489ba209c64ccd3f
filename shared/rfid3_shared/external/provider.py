"""What is a provider of outside factors asked, and what does it answer?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Protocol

from rfid3_shared.external.measurement import Measurement
from rfid3_shared.settings import Settings

if TYPE_CHECKING:
    from rfid3_shared.http import Outside, Validators

OVERLAP_DAYS = 30
"""Days asked for once more: providers complete and revise what they said last."""
LATE_START_DAYS = 7


@dataclass(frozen=True)
class Wanted:
    """Which days are wanted, and which are there."""

    first: date
    today: date
    """The shop's date: of this day and later ones a value is a forecast."""
    last: date
    known: Mapping[tuple[str, str], tuple[date, date]] = field(default_factory=dict)
    """(factor_name, location) → first and last measured day that this provider's rows hold."""

    def since(self, names: Sequence[str], location: str = "") -> date:
        """The first day to ask for: all of them, unless what is kept of every one of these factors reaches back as far already."""
        spans = [self.known.get((name, location)) for name in names]
        kept = [span for span in spans if span is not None and span[0] <= self.first + timedelta(days=LATE_START_DAYS)]
        if len(kept) < len(names):
            return self.first
        return max(self.first, min(last for _, last in kept) - timedelta(days=OVERLAP_DAYS))


@dataclass(frozen=True)
class Fetched:
    """What a provider answered."""

    rows: Sequence[Measurement]
    note: str
    """What a person should know of it, in plain words."""


class Provider(Protocol):
    """Somebody who knows outside factors. Stateless: settings and the days wanted are handed in."""

    name: str
    """As in settings, commands and the column `data_source`."""
    about: str
    """What it tells, in a few words."""
    least_interval_s: float
    """It is not asked again before that."""

    def why_off(self, settings: Settings) -> str | None:
        """Why it is not asked, naming the setting that would change that; None when it is on."""

    async def fetch(self, outside: "Outside", settings: Settings, wanted: Wanted, validators: "Validators") -> Fetched:
        """Its values of the days wanted; none when it says that nothing changed.

        Raises UpstreamTimeout, UpstreamUnavailable, AnswerRefused; InvalidParameters for settings that make no sense.
        """
