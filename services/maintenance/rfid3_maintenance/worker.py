"""The jobs of the maintenance service: `arq rfid3_maintenance.worker.Worker`. The parent imports no model library."""

from rfid3_maintenance.settings import PLAN_KIND, SERVICE, MaintenanceSettings
from rfid3_shared.service_worker import worker_when_asked
from rfid3_shared.training_request import TRAIN_KIND

KINDS = {
    TRAIN_KIND: "rfid3_maintenance.train:run",
    "refresh": "rfid3_maintenance.train:refresh",
    "score": "rfid3_maintenance.score:run",
    PLAN_KIND: "rfid3_maintenance.planning:run",
}
"""Job kind → the function that a subprocess runs; due when the setting `maintenance_<kind>_cron` says so."""

__getattr__ = worker_when_asked(SERVICE, KINDS, MaintenanceSettings)
