"""A worker process of the tests: settings from the environment, work from sample_jobs."""

import asyncio
import sys

from rfid3_shared.jobs.worker import run_worker, worker_class
from rfid3_shared.log import configure_logging
from rfid3_shared.settings import Settings

KINDS = {name: f"sample_jobs:{name}" for name in ("add", "wait_for_file", "with_child")}


def __getattr__(name: str) -> type:
    """`arq worker_process.Worker`, made when asked for."""
    if name != "Worker":
        raise AttributeError(name)
    return worker_class("demand", KINDS)


if __name__ == "__main__":
    configure_logging("worker")
    sys.exit(asyncio.run(run_worker(Settings(), service="demand", kinds=KINDS)))
