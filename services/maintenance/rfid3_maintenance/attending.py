"""Which items are brought to people's attention today, and which alerts have lost their reason? Runs after each daily refresh."""

from typing import Any

import numpy as np

from rfid3_maintenance import alerting
from rfid3_maintenance.costing import costs_of
from rfid3_maintenance.decisions.attention import Alert as Raised
from rfid3_maintenance.decisions.attention import Candidate, Level, Rules, State, attend
from rfid3_maintenance.ranking import chances
from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_maintenance.snapshot import Snapshot
from rfid3_shared.db import transaction
from rfid3_shared.errors import NotFound
from rfid3_shared.resources import Resources

WITHIN_DAYS = 30
MOST_LOOKED_AT = 2_000
LEVELS: dict[Level, str] = {"warning": "info", "high": "warning", "critical": "critical"}
"""Levels of attention as the suite's alerts spell them."""


async def look(held: Resources, own: MaintenanceSettings, snapshot: Snapshot, model_version: str) -> dict[str, int]:
    """Raise and close alerts of items; returns {raised, changed, closed, left}. Looking twice a day raises nothing twice."""
    async with transaction(held.store) as connection:
        before = await alerting.open_items(connection)
        state = State(
            {item: _level(alert.evidence) for item, alert in before.items()}, await alerting.resting(connection, held.clock),
            await alerting.raised_today(connection, held.clock),
        )  # fmt: skip
        found = attend(candidates(snapshot, set(before)), state, held.clock.now(), Rules(per_day=own.maintenance_alerts_a_day))
        over = [(before[item], "Over: too little is at stake now.") for item in found.closed]
        # another level is another alert: the old one ends
        over += [(before[one.item], f"Now {one.level}.") for one in found.changed]
        closed = await alerting.close_over(connection, over, held.clock)
        new = await alerting.raise_all(
            connection, [_told(one, snapshot) for one in (*found.raised, *found.changed)], model_version, held.clock
        )  # fmt: skip
    return {
        "raised": len(new) - len(found.changed),
        "changed": len(found.changed),
        "closed": closed - len(found.changed),
        "left": len(found.left),
    }


def candidates(snapshot: Snapshot, already: set[str]) -> list[Candidate]:
    """The items with most at stake, and those that have an alert; an item that is gone has nothing at stake.

    A failure costs its dollars whether or not somebody writes it down: all count, where the share of the recorded ones is known.
    """
    chance = chances(snapshot, WITHIN_DAYS, of_all=True)
    unplanned = costs_of(snapshot, np.arange(len(snapshot.ids))).unplanned_usd
    usd = np.where(snapshot.answerable, chance * unplanned, 0.0)
    rows = np.flatnonzero(usd > 0)
    rows = rows[np.lexsort((rows, -usd[rows]))][:MOST_LOOKED_AT].tolist()
    for item in sorted(already):
        try:
            rows.append(snapshot.row_of(item))
        except NotFound:
            continue
    return [Candidate(snapshot.id_of(row), float(usd[row]), float(chance[row])) for row in dict.fromkeys(rows)]


def _told(one: Raised, snapshot: Snapshot) -> dict[str, Any]:
    row = snapshot.row_of(one.item)
    noted = float(chances(snapshot, WITHIN_DAYS)[row])
    message = f"{one.item}: {one.probability:.0%} chance to fail within {WITHIN_DAYS} days, ${one.at_stake_usd:,.2f} at stake."
    evidence = {"attention": one.level, "probability": round(one.probability, 4), "at_stake_usd": round(one.at_stake_usd, 2),
                "within_days": WITHIN_DAYS, "probability_written_down": round(noted, 4),
                "repairs_per_recorded": round(float(snapshot.per_recorded(np.array([row]))[0]), 3)}  # fmt: skip
    return {"item_id": one.item, "level": LEVELS[one.level], "message": message, "evidence": evidence}


def _level(evidence: dict[str, Any]) -> Level:
    word = evidence.get("attention")
    return word if word in LEVELS else "warning"
