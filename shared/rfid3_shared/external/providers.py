"""Who can be asked for outside factors? The suite's own providers, and plug-ins.

A plug-in is a class of the shape `provider.Provider`, named by an entry point of the group `rfid3.external_providers` in whatever
distribution is installed. Every provider is off until its settings say whom to ask for what.
"""

import difflib
from collections.abc import Iterable
from importlib.metadata import entry_points

from rfid3_shared.errors import NotFound
from rfid3_shared.external.calendar_factors import CalendarFactors
from rfid3_shared.external.fred import Fred
from rfid3_shared.external.local_events import LocalEvents
from rfid3_shared.external.open_meteo import OpenMeteo
from rfid3_shared.external.provider import Provider

GROUP = "rfid3.external_providers"
OWN: tuple[type[Provider], ...] = (OpenMeteo, Fred, CalendarFactors, LocalEvents)


def all_providers() -> dict[str, Provider]:
    """Every provider by name: the suite's own, then plug-ins, which may not take an own one's name."""
    found: dict[str, Provider] = {}
    for make in (*OWN, *(point.load() for point in sorted(entry_points(group=GROUP), key=lambda point: point.name))):
        provider: Provider = make()
        found.setdefault(provider.name, provider)
    return found


def chosen(names: Iterable[str]) -> list[Provider]:
    """The providers of these names, or every one when none is named.

    Raises NotFound, with what sounds like it, for a name that nobody has.
    """
    known, wanted = all_providers(), list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in known]:
        similar = difflib.get_close_matches(unknown[0], known, n=1, cutoff=0.4)
        raise NotFound(
            f"No provider of outside data is called {unknown[0]!r}.",
            suggestion=similar[0] if similar else None,
            known=list(known),
        )
    return [known[name] for name in wanted or known]
