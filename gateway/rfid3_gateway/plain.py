"""How does text of somebody else reach a page that puts it into its HTML as it is? Without a character that could begin markup.

RFID3's pages insert texts with innerHTML, into attributes and, escaped, into charts and toasts, where an entity would be shown as
it is written. So nothing is turned into entities here: the few characters that markup is made of become their look-alikes, and the
text reads the same everywhere. Source: mission.md T-82.
"""

import re
from typing import Any

LOOK_ALIKES = str.maketrans({"<": "‹", ">": "›", '"': "”", "'": "’", "`": "’"})  # fmt: skip
LONGEST_TEXT = 1_000
_ENTITY = re.compile(r"&(?=#?\w+;)")


def plain(text: object, longest: int = LONGEST_TEXT) -> str:
    """The text in one line, safe to insert anywhere in a page; empty for None."""
    if text is None:
        return ""
    line = "".join(letter if letter.isprintable() else " " for letter in str(text)[: 2 * longest])
    safe = _ENTITY.sub("& ", " ".join(line.split())).translate(LOOK_ALIKES)
    return safe if len(safe) <= longest else f"{safe[: longest - 1]}…"


def plain_everywhere(value: Any) -> Any:
    """A JSON value with every text and every name in it made plain; numbers, nulls and the order stay."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {plain(name): plain_everywhere(inner) for name, inner in value.items()}
    return [plain_everywhere(inner) for inner in value] if isinstance(value, list) else value
