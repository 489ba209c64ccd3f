"""Which factor does somebody mean who wrote its name a little differently?"""

import difflib
from collections.abc import Iterable

from rfid3_shared.errors import NotFound


def known_name(asked: str, names: Iterable[str]) -> str:
    """The name as it is kept: upper and lower case, spaces and hyphens do not matter.

    Raises NotFound, with what sounds like it, for a name that no factor has.
    """
    known = sorted(set(names))
    folded = {_folded(name): name for name in known}
    if (wanted := _folded(asked)) in folded:
        return folded[wanted]
    similar = (
        difflib.get_close_matches(wanted, folded, n=3, cutoff=0.5) or [name for name in folded if wanted and wanted in name][:3]
    )
    if similar:
        suggestion = ", ".join(folded[name] for name in similar)
        raise NotFound(f"No factor is called {asked!r}. Did you mean {suggestion}?", suggestion=suggestion)
    raise NotFound(f"No factor is called {asked!r}; `rfid3 external list` shows those there are.")


def _folded(name: str) -> str:
    return name.strip().casefold().replace("-", "_").replace(" ", "_")
