"""Do live predictions and inputs still look as they should, and what follows when they do not?"""

from datetime import date
from typing import Any

from rfid3_demand import feature_drift
from rfid3_demand.history import Weekly
from rfid3_demand.ledger_rows import HEADLINE_TYPE, PREDICTION_TYPE, TOTALS
from rfid3_demand.schemas import RetrainRequest
from rfid3_demand.settings import SERVICE, DemandSettings
from rfid3_shared.monitor import freshness
from rfid3_shared.monitor.follow import follow_up
from rfid3_shared.monitor.watch import watch
from rfid3_shared.resources import Resources

GAP_DAYS = 90


def days_with_departures(past: Weekly) -> list[date]:
    """Business days of the last GAP_DAYS of the data on which anything left."""
    known = {*past.daily["day"].to_list(), *past.posted["day"].to_list()}
    return sorted(day for day in known if (past.span.last - day).days <= GAP_DAYS)


async def look(held: Resources, own: DemandSettings, past: Weekly) -> list[dict[str, Any]]:
    """Run every monitor of the service; opens and closes alerts, and schedules a training run where an alarm asks for one."""
    champion = await held.registry.current(SERVICE)
    if champion is None:
        return []
    week, _, values = feature_drift.live(past.units, past.span.last)
    reference = feature_drift.references_of(champion.feature_spec, week) if week else {}
    findings = await watch(
        held.store, SERVICE, PREDICTION_TYPE, own, held.clock, reference=reference, live=values,
        data_as_of=past.span.last, backtest_wape=champion.metrics.get("wape"), model_version=champion.model_version,
        usual_gap_days=freshness.usual_gap(days_with_departures(past)), model_type=HEADLINE_TYPE, today=past.today, tested_like=TOTALS,
    )  # fmt: skip
    await follow_up(held, SERVICE, findings, RetrainRequest().model_dump())
    return [finding.as_dict() for finding in findings]
