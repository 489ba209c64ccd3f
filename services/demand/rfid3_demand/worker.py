"""The jobs of the demand service: `arq rfid3_demand.worker.Worker`. The parent imports no model library."""

from typing import Any

from rfid3_demand.routes import SERVICE, TRAIN_KIND

KINDS = {TRAIN_KIND: "rfid3_demand.train:run"}
"""Job kind → the function that a subprocess runs."""


def __getattr__(name: str) -> Any:
    if name == "Worker":
        from rfid3_shared.jobs.worker import worker_class

        return worker_class(SERVICE, KINDS)
    raise AttributeError(name)
