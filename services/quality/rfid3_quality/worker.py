"""The jobs of the quality service: `arq rfid3_quality.worker.Worker`. The parent imports no model library."""

from rfid3_quality.settings import SERVICE, QualitySettings
from rfid3_shared.service_worker import worker_when_asked
from rfid3_shared.training_request import TRAIN_KIND

KINDS = {TRAIN_KIND: "rfid3_quality.train:run", "refresh": "rfid3_quality.train:refresh", "score": "rfid3_quality.score:run"}
"""Job kind → the function that a subprocess runs; due when the setting `quality_<kind>_cron` says so."""

__getattr__ = worker_when_asked(SERVICE, KINDS, QualitySettings)
