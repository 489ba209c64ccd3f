"""The jobs of the demand service: `arq rfid3_demand.worker.Worker`. The parent imports no model library."""

from collections.abc import Sequence

from rfid3_demand.settings import ADHOC_KIND, CORRELATE_KIND, FETCH_KIND, SERVICE, DemandSettings
from rfid3_demand.taking_in.duty import DUTY as TAKING_IN
from rfid3_shared.events import mqtt
from rfid3_shared.jobs.duties import Duty
from rfid3_shared.service_worker import worker_when_asked
from rfid3_shared.settings import Settings
from rfid3_shared.training_request import TRAIN_KIND

KINDS = {
    TRAIN_KIND: "rfid3_demand.train:run",
    "refresh": "rfid3_demand.train:refresh",
    "features": "rfid3_demand.live_features:run",
    "score": "rfid3_demand.score:run",
    ADHOC_KIND: "rfid3_demand.adhoc:run",
    FETCH_KIND: "rfid3_shared.external.fetch:run",
    CORRELATE_KIND: "rfid3_demand.correlations:run",
}
"""Job kind → the function that a subprocess runs; due when the setting `demand_<kind>_cron` says so."""


def duties(settings: Settings) -> Sequence[Duty]:
    """What the worker sees to besides what every worker does."""
    return (TAKING_IN, *mqtt.duties(settings))


__getattr__ = worker_when_asked(SERVICE, KINDS, DemandSettings, duties)
