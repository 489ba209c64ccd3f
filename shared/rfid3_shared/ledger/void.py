"""Which predictions will never have an outcome, and why? They stop waiting, without a score.

What was predicted of an item that then got lost is neither right nor wrong: it was censored at its last sight. Such a row keeps an empty
`actual_value` and has a `validated_at`: it neither waits nor counts in any error. Only what is too old to be restated is looked at, so
that a unit seen again in time is scored as any other; one that is seen again later stays void.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.jobs.requests import stored_now
from rfid3_shared.ledger.outcomes import Target, predictions, targets_due
from rfid3_shared.ledger.tables import analytics_predictions

Why = Callable[[Sequence[Target]], Mapping[Target, str]]
"""Of targets without an outcome, those that will never have one: the reason, in a few words."""


async def write_off(
    engine: AsyncEngine, prediction_type: str, why: Why, clock: Clock, *, before: date
) -> dict[str, int]:  # fmt: skip
    """Close the waiting predictions for days before `before` that cannot have an outcome; how many rows, by reason.

    Doing it twice closes nothing twice. Raises StoreUnavailable, and then nothing is closed.
    """
    counts: Counter[str] = Counter()
    async with transaction(engine) as connection:
        due = await targets_due(
            connection, prediction_type, upto=before - timedelta(days=1), restate_since=before
        )  # fmt: skip
        now = stored_now(clock)
        same = [predictions[name] == bindparam(f"its_{name}") for name in Target._fields]
        close = update(analytics_predictions).where(
            predictions.prediction_type == prediction_type, *same, predictions.validated_at.is_(None)
        ).values(validated_at=now, actual_value=None, error=None, pinball_loss=None, inside_interval=None, accuracy_score=None)  # fmt: skip
        for target, reason in why(due).items():
            closed = await connection.execute(close, {f"its_{name}": value for name, value in target._asdict().items()})
            counts[reason] += closed.rowcount
    return dict(counts)
