"""Which flags does the environment switch off, whatever the table says?

The setting `flags_off` (RFID3_FLAGS_OFF) names them, separated by commas. It can only switch off: an emergency brake that works
without a database, and that no table can release.
"""

from rfid3_shared.errors import InvalidParameters, NotFound
from rfid3_shared.flags.flag import Flag, flag_named


def switched_off(flags_off: str) -> frozenset[Flag]:
    """The flags a setting names; empty for an empty one.

    Raises InvalidParameters for a name nobody knows: a brake that was misspelt must not look as if it held.
    """
    names = [name for part in flags_off.split(",") if (name := part.strip())]
    try:
        return frozenset(flag_named(name) for name in names)
    except NotFound as unknown:
        raise InvalidParameters(
            f"RFID3_FLAGS_OFF: {unknown.message}", parameter="RFID3_FLAGS_OFF", known=[flag.value for flag in Flag]
        ) from None
