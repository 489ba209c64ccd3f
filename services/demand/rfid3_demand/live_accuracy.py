"""How good were the predictions people were shown, beside what the back-test promised? Reads the ledger; shapes the answer."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_demand import performance, resolve
from rfid3_demand.ledger_rows import HEADLINE_TYPE, PREDICTION_TYPE, TOTALS
from rfid3_demand.nodes import ALL
from rfid3_demand.schemas import AccuracyQuery
from rfid3_demand.settings import SERVICE
from rfid3_demand.snapshot import Snapshot
from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.ledger.live import LiveAccuracy, LiveErrors
from rfid3_shared.ledger.live import live_accuracy as read_live
from rfid3_shared.monitor.watch import look, report
from rfid3_shared.settings import Settings

NOT_KNOWN: dict[str, Any] = {"live": None, "live_waiting": None, "everything_shown": None, "monitors": {}}
"""What is said while the ledger is out of reach."""
ENOUGH_WEEKS = 4
"""From so many scored weeks on the headline figures are live ones."""


async def read(
    store: AsyncEngine, settings: Settings, clock: Clock, snapshot: Snapshot, query: AccuracyQuery, backtest_wape: float | None
) -> dict[str, Any]:
    """`live` (the same target as the back-test), `live_waiting`, `everything_shown` (all targets) and `monitors`.

    backtest_wape: what the model promised. Raises StoreUnavailable.
    """
    category = resolve.category(snapshot, query.category)
    since = performance.span_start(snapshot.spec.data_as_of, query.days_back)
    async with transaction(store) as connection:
        own = await read_live(
            connection, PREDICTION_TYPE, since=since, target_item_id="", target_category=category, model_type=query.model_type
        )
        every = await read_live(connection, PREDICTION_TYPE, since=since) if category == ALL else None
        findings = await look(
            connection, SERVICE, PREDICTION_TYPE, settings, clock, reference={}, live={}, data_as_of=snapshot.spec.data_as_of,
            backtest_wape=backtest_wape, model_type=HEADLINE_TYPE, tested_like=TOTALS,
        )  # fmt: skip
    return {
        "live": scores(own) if own.predictions else None,
        "live_waiting": own.waiting,
        "everything_shown": scores(every) if every and every.predictions else None,
        "monitors": report(findings),
    }


def scores(found: LiveAccuracy) -> dict[str, Any]:
    """Live errors as the answer shows them; the latest prediction of each target, which is what a back-test speaks of."""
    return {
        **_errors(found.latest), "every_showing": _errors(found), "first_week": found.first_day, "last_week": found.last_day,
        "last_scored_at": found.last_scored_at, "waiting": found.waiting,
    }  # fmt: skip


def _errors(found: LiveErrors) -> dict[str, Any]:
    figures = {name: getattr(found, name) for name in ("mae", "rmse", "mape", "wape", "bias", "pinball")}
    return {
        "predictions": found.predictions, "targets": found.targets, "weeks": found.weeks,
        **{name: None if value is None else round(value, 4) for name, value in figures.items()},
        "coverage": [
            {"level": part.level, "share": round(part.share, 4), "predictions": part.predictions} for part in found.coverage
        ],
    }  # fmt: skip


def headline(live: dict[str, Any] | None, promised: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Which figures stand on top, and what they are: the live ones from ENOUGH_WEEKS scored weeks on, else the back-test's."""
    if not live or live["weeks"] < ENOUGH_WEEKS or live["wape"] is None:
        return "back-test", promised
    inside = next((part["share"] for part in live["coverage"] if part["level"] == 0.8), None)
    kept = {name: live[name] for name in ("mae", "rmse", "mape")}
    return "live", {"overall_accuracy": max(0.0, round(1.0 - live["wape"], 4)), **kept, "coverage_80": inside}
