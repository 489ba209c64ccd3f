"""The jobs of the demand service: `arq rfid3_demand.worker.Worker`. The parent imports no model library."""

from collections.abc import Sequence
from typing import Any

from rfid3_demand.routes import TRAIN_KIND
from rfid3_demand.settings import ADHOC_KIND, CORRELATE_KIND, FETCH_KIND, SERVICE, DemandSettings, demand_settings
from rfid3_demand.taking_in.duty import DUTY as TAKING_IN
from rfid3_shared.events import mqtt
from rfid3_shared.jobs.duties import Duty
from rfid3_shared.jobs.schedule import Schedule
from rfid3_shared.registry.promotion import promotion_duty
from rfid3_shared.settings import Settings

KINDS = {
    TRAIN_KIND: "rfid3_demand.train:run",
    "refresh": "rfid3_demand.train:refresh",
    "features": "rfid3_demand.live_features:run",
    "score": "rfid3_demand.score:run",
    ADHOC_KIND: "rfid3_demand.adhoc:run",
    FETCH_KIND: "rfid3_shared.external.fetch:run",
    CORRELATE_KIND: "rfid3_demand.correlations:run",
}
"""Job kind → the function that a subprocess runs."""
PROMOTION_INTERVAL_S = 5.0
DUTIES = (Duty("promotion", PROMOTION_INTERVAL_S, promotion_duty(SERVICE)), TAKING_IN)


def duties(settings: Settings) -> Sequence[Duty]:
    """What the worker sees to beside its jobs."""
    return (*DUTIES, *mqtt.duties(settings))


def schedules(settings: Settings) -> Sequence[Schedule]:
    """When the jobs run by themselves, in shop time."""
    own = demand_settings(settings)
    times = {
        TRAIN_KIND: own.demand_train_cron, "refresh": own.demand_refresh_cron, "features": own.demand_features_cron,
        "score": own.demand_score_cron, FETCH_KIND: own.demand_external_fetch_cron, CORRELATE_KIND: own.demand_correlate_cron,
    }  # fmt: skip
    return [Schedule(SERVICE, kind, cron) for kind, cron in times.items()]


def __getattr__(name: str) -> Any:
    if name == "Worker":
        from rfid3_shared.jobs.worker import worker_class

        settings = DemandSettings()
        return worker_class(SERVICE, KINDS, settings, schedules=schedules(settings), duties=duties(settings))
    raise AttributeError(name)
