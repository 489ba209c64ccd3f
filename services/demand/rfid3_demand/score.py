"""The scoring job: what was predicted, what happened, and do the predictions still keep their promises?

Runs daily in a process of its own, and whenever the source has moved on by a day. Scoring twice changes nothing.
"""

from collections.abc import Sequence
from typing import Any

from rfid3_demand import features, history, outcomes, watching
from rfid3_demand.ledger_rows import PREDICTION_TYPE
from rfid3_demand.settings import demand_settings
from rfid3_shared import feature_store, ledger
from rfid3_shared.db import transaction
from rfid3_shared.jobs import Progress
from rfid3_shared.ledger import Outcome, Target
from rfid3_shared.ledger.reckoning import reckon
from rfid3_shared.resources import open_resources
from rfid3_shared.settings import Settings


async def run(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Match predictions with outcomes and score them; returns {outcomes, estimated_outcomes, scored, restated, waiting, findings}.

    Raises InsufficientData when the source says nothing about units leaving.
    """
    own = demand_settings(settings)
    async with open_resources(own) as held:
        progress.report("reading the source", 0, 1)
        async with transaction(held.source) as connection:
            past = await history.weekly(connection, held.clock, own.demand_history_days)
            missed = await history.refused(connection, past) if own.demand_uncensor else past.units.clear()
        weeks = features.complete_weeks(past.span.first, past.span.last)
        progress.report("matching", 0, 1)
        found = estimated = 0
        if weeks:
            asked = features.demand_units(past.units, missed, weeks)

            def find(due: Sequence[Target]) -> Sequence[Outcome]:
                nonlocal estimated
                known = outcomes.of_targets(asked, past.classes, weeks, due)
                estimated = outcomes.estimated(known, outcomes.of_targets(past.units, past.classes, weeks, due))
                return known

            found, scored = await reckon(
                held, PREDICTION_TYPE, find, progress, upto=weeks[-1], restate_since=outcomes.restated_since(past.span.last)
            )
        else:
            scored = await ledger.score(held.store, PREDICTION_TYPE, held.clock, progress)
        progress.report("watching", 0, 1)
        findings = await watching.look(held, own, past)
        async with transaction(held.store) as connection:
            await feature_store.prune(connection, held.clock, older_than_days=own.demand_history_days)
        progress.report("watching", 1, 1)
    return {
        "outcomes": found,
        "estimated_outcomes": estimated,
        "scored": scored.scored,
        "restated": scored.restated,
        "waiting": scored.waiting,
        "findings": findings,
    }
