"""A worker process of the tests: settings from the environment, work from sample_jobs.

`worker_process.py fork` forks its nursery, as the suite does, while it holds a file that no job may inherit.
"""

import asyncio
import os
import sys

from rfid3_shared.jobs.nursery import Nursery
from rfid3_shared.jobs.worker import run_worker, worker_class
from rfid3_shared.log import configure_logging
from rfid3_shared.settings import Settings

KINDS = {
    name: f"sample_jobs:{name}"
    for name in ("add", "bug", "circumstances", "kills_worker", "too_little", "wait_for_file", "with_child")
}


def __getattr__(name: str) -> type:
    """`arq worker_process.Worker`, made when asked for."""
    if name != "Worker":
        raise AttributeError(name)
    return worker_class("demand", KINDS)


def forked_nursery() -> Nursery:
    """A nursery forked by a process that holds an inheritable file."""
    os.set_inheritable(os.open(__file__, os.O_RDONLY), True)
    return Nursery.fork()


if __name__ == "__main__":
    configure_logging("worker")
    nursery = forked_nursery() if sys.argv[1:] == ["fork"] else None
    sys.exit(asyncio.run(run_worker(Settings(), service="demand", kinds=KINDS, nursery=nursery)))
