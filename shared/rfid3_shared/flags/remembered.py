"""What did the flags say when the store was last seen? One small file, read only while the store is out of reach.

Without it a process that starts during an outage would take every flag for off and refuse what it could answer from memory.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import orjson

from rfid3_shared.errors import AppError
from rfid3_shared.flags.flag import Flag, FlagState, checked_entities, checked_percent, default_state, flag_named


def keep(file: Path, states: Mapping[Flag, FlagState]) -> None:
    """Write the states of all flags that somebody has set; whole or not at all, and not again what is there already.

    Raises OSError.
    """
    rows = {
        state.flag.value: {
            **state.setting, "version": state.version, "updated_by": state.updated_by, "updated_at": state.updated_at
        }
        for state in states.values() if state.version
    }  # fmt: skip
    text = orjson.dumps(rows, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    if file.exists() and file.read_bytes() == text:
        return  # the suite's processes share the file
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    fresh.write_bytes(text)
    fresh.replace(file)


def recall(file: Path) -> dict[Flag, FlagState] | None:
    """The states as they were kept, defaults for the others; None when there is no such file or it cannot be understood."""
    try:
        rows = orjson.loads(file.read_bytes())
        states = {flag: default_state(flag) for flag in Flag}
        for name, row in rows.items():
            flag = flag_named(name)
            states[flag] = FlagState(
                flag, row["enabled"] is True, checked_percent(row["percent"]), checked_entities(row["entities"]),
                int(row["version"]), str(row["updated_by"]), datetime.fromisoformat(row["updated_at"]),
            )  # fmt: skip
    except (OSError, ValueError, TypeError, KeyError, AttributeError, AppError):
        return None
    return states
