"""What was asked of this start, and in which folder does its state live?"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from rfid3_shared.settings import Settings


@dataclass(frozen=True)
class Plan:
    """The options of one `rfid3 up`."""

    data: str | None = None
    """Folder of an RFID3 export; None = the demo company, unless the source holds something already."""
    items: int = 5000
    """Tagged units of the demo company."""
    months: int = 30
    """Months of history of the demo company."""
    seed: int = 7
    """Seed of the demo company."""

    def to_json(self) -> str:
        """The plan as one command-line word."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan `to_json` wrote."""
        return cls(**json.loads(text))


def home_of(plan: Plan, settings: Settings) -> Path:
    """The folder of all state, absolute.

    An export gets a folder of its own beside the demo's state, because the two must never be mixed; whoever sets RFID3_HOME
    decides alone.
    """
    home = settings.home.resolve()
    if plan.data is None or "home" in settings.model_fields_set:
        return home
    return home / f"export-{Path(plan.data).resolve().name}"


def key_files(plan: Plan, settings: Settings) -> list[Path]:
    """Where the demo key is written: in the state's folder, and always in the folder of the settings (`var/demo.key`)."""
    homes = dict.fromkeys((settings.home.resolve(), home_of(plan, settings)))
    return [home / "demo.key" for home in homes]


def shown(path: Path) -> str:
    """The path as a person in the present folder would write it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
