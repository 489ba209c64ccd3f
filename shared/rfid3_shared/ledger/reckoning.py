"""How does a service hold its predictions against what happened? find what is due → look up outcomes → write them → score."""

from collections.abc import Callable, Sequence
from datetime import date

from rfid3_shared.db import transaction
from rfid3_shared.jobs.progress import Progress
from rfid3_shared.ledger.outcomes import Outcome, Target, targets_due, write_outcomes
from rfid3_shared.ledger.score import Scored, score
from rfid3_shared.resources import Resources


async def reckon(
    held: Resources, prediction_type: str, find: Callable[[Sequence[Target]], Sequence[Outcome]], progress: Progress, *, upto: date,
    restate_since: date,
) -> tuple[int, Scored]:  # fmt: skip
    """Outcomes found, and what scoring did. `find` gives the outcomes it knows of the targets it is handed.

    Predictions for days up to `upto` are due; outcomes of `restate_since` or later are looked up again. Doing it twice changes nothing.
    """
    async with transaction(held.store) as connection:
        due = await targets_due(connection, prediction_type, upto=upto, restate_since=restate_since)
        known = find(due)
        await write_outcomes(connection, prediction_type, known, held.clock)
    return len(known), await score(held.store, prediction_type, held.clock, progress)
