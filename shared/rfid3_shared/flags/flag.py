"""Which abilities can be switched, and what may a switch say? Pure.

Ten flags, named as RFID3's integration plan names them. The master switches everything: whatever another flag says, nothing is
on while the master is off. A flag that nobody has set yet has its default, which is off for all but the predictive view in
RFID3's dashboard. Source: mission.md C-05, S4-22, T-80.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum
from math import isfinite
from typing import Any

from rfid3_shared.errors import InvalidParameters, NotFound

ENTITY_KINDS = ("key", "store", "category", "item")
"""What a flag can be switched on for by name: an API key's id, a store, a category, a tag or rental class."""
MOST_ENTITIES, LONGEST_ENTITY = 500, 300
_ENTITY = re.compile(rf"({'|'.join(ENTITY_KINDS)}):(.+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class About:
    """What a flag is there for."""

    title: str
    """The ability, as a sentence's subject in the singular."""
    description: str
    service: str | None = None
    """The service that needs it."""
    default: bool = False


class Flag(StrEnum):
    """A switch of one ability."""

    PREDICTIVE_ANALYTICS = "PREDICTIVE_ANALYTICS_ENABLED"
    DEMAND_FORECASTING = "DEMAND_FORECASTING_ENABLED"
    MAINTENANCE_PREDICTION = "MAINTENANCE_PREDICTION_ENABLED"
    QUALITY_ANALYTICS = "QUALITY_ANALYTICS_ENABLED"
    PRICING_OPTIMIZATION = "PRICING_OPTIMIZATION_ENABLED"
    INVENTORY_AUTOMATION = "INVENTORY_AUTOMATION_ENABLED"
    PACK_MANAGEMENT = "PACK_MANAGEMENT_ENABLED"
    MODEL_TRAINING = "MODEL_TRAINING_ENABLED"
    EXTERNAL_DATA_INTEGRATION = "EXTERNAL_DATA_INTEGRATION"
    PREDICTIVE_UI_ENHANCEMENTS = "PREDICTIVE_UI_ENHANCEMENTS"

    @property
    def about(self) -> About:
        """What it is there for."""
        return _ABOUT[self]

    @property
    def is_master(self) -> bool:
        """Whether every other flag is off while this one is."""
        return self is MASTER


MASTER = Flag.PREDICTIVE_ANALYTICS

_ABOUT = {
    Flag.PREDICTIVE_ANALYTICS: About("Predictive analytics", "The master: while it is off, everything is."),
    Flag.DEMAND_FORECASTING: About("Demand forecasting", "Forecasts of what will go out.", "demand"),
    Flag.MAINTENANCE_PREDICTION: About("Maintenance prediction", "Chances of failure and service dates.", "maintenance"),
    Flag.QUALITY_ANALYTICS: About("Quality analysis", "Grades to come and what to replace.", "quality"),
    Flag.PRICING_OPTIMIZATION: About("Pricing optimization", "Suggested prices and price tests.", "pricing"),
    Flag.INVENTORY_AUTOMATION: About("Inventory automation", "Restock advice, and approving it without a person.", "inventory"),
    Flag.PACK_MANAGEMENT: About("Pack management", "Which packs to make, change and dissolve.", "packs"),
    Flag.MODEL_TRAINING: About("Model training", "Training runs, asked for or scheduled."),
    Flag.EXTERNAL_DATA_INTEGRATION: About("Use of external data", "Weather, holidays and other outside series in models."),
    Flag.PREDICTIVE_UI_ENHANCEMENTS: About(
        "The predictive view", "Predictions inside RFID3's own dashboard and its older routes.", default=True
    ),
}


@dataclass(frozen=True)
class FlagState:
    """What is set for a flag; version 0 when nobody has set it yet."""

    flag: Flag
    enabled: bool
    percent: float
    """Share of keys, 0 to 100, for which an enabled flag is on."""
    entities: tuple[str, ...]
    """`key:…`, `store:…`, `category:…`, `item:…` for which an enabled flag is on whatever the share."""
    version: int
    updated_by: str
    updated_at: datetime | None

    @property
    def setting(self) -> dict[str, Any]:
        """What somebody chose, for the audit: enabled, percent, entities."""
        return {"enabled": self.enabled, "percent": self.percent, "entities": list(self.entities)}

    @property
    def words(self) -> str:
        """The setting as a person says it: `off`, `on`, `on for 10 % of keys and store:8101`."""
        if not self.enabled:
            return "off"
        if self.percent >= 100:
            return "on"
        share = [f"{self.percent:g} % of keys"] if self.percent or not self.entities else []
        return f"on for {' and '.join([*share, *self.entities])}"

    def as_dict(self) -> dict[str, Any]:
        """Everything about the flag as JSON values; times in ISO 8601, UTC."""
        about = self.flag.about
        return {
            "name": self.flag.value, "title": about.title, "description": about.description, "is_master": self.flag.is_master,
            "default": about.default, **self.setting, "version": self.version, "updated_by": self.updated_by or None,
            "updated_at": f"{self.updated_at.isoformat()}Z" if self.updated_at else None,
        }  # fmt: skip


def default_state(flag: Flag) -> FlagState:
    """The state of a flag that nobody has set."""
    return FlagState(flag, flag.about.default, 100.0, (), 0, "", None)


def flag_named(name: str) -> Flag:
    """The flag of a name, in any letter case and also without `_ENABLED`.

    Raises NotFound with the names that look like it.
    """
    spelling = name.strip().upper().replace("-", "_")
    for flag in Flag:
        if spelling in (flag.value, flag.name):
            return flag
    known = [flag.value for flag in Flag]
    near = get_close_matches(spelling, known, n=3, cutoff=0.5)
    raise NotFound(f"No flag is called {name[:64]!r}.", suggestion=near or known)


def flag_of_service(service: str) -> Flag | None:
    """The flag that a service of this name needs besides the master; None for a name no flag speaks of."""
    return next((flag for flag in Flag if flag.about.service == service), None)


def checked_percent(percent: float) -> float:
    """The share with the two decimals the table keeps.

    Raises InvalidParameters outside 0 to 100.
    """
    if isinstance(percent, bool) or not isfinite(percent) or not 0 <= percent <= 100:
        raise InvalidParameters("A share is a number from 0 to 100.", parameter="percent", given=str(percent))
    return round(float(percent), 2)


def checked_entities(entities: Iterable[str]) -> tuple[str, ...]:
    """The entities as they are kept: kind in lower case, no blanks around, no entity twice, in the order given.

    Raises InvalidParameters for a malformed one, or too many.
    """
    kept: dict[str, str] = {}
    for entity in entities:
        found = _ENTITY.fullmatch(entity.strip())
        if found is None or not found[2].strip() or len(entity) > LONGEST_ENTITY:
            raise InvalidParameters(
                f"An entity is written kind:name, with one of the kinds {', '.join(ENTITY_KINDS)}.",
                parameter="entities", given=entity[:LONGEST_ENTITY],
            )  # fmt: skip
        written = f"{found[1].lower()}:{found[2].strip()}"
        kept.setdefault(written.casefold(), written)
    if len(kept) > MOST_ENTITIES:
        raise InvalidParameters(f"A flag names at most {MOST_ENTITIES} entities.", parameter="entities", given=len(kept))
    return tuple(kept.values())
