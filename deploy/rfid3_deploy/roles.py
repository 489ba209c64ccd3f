"""What does a forked process do for a living? Answer HTTP, or work off jobs, each on an event loop of its own."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib import import_module
from socket import socket
from typing import TYPE_CHECKING, Any

from rfid3_deploy.topology import Service
from rfid3_shared.log import configure_logging
from rfid3_shared.settings import Settings

if TYPE_CHECKING:
    from rfid3_shared.jobs.nursery import Nursery

DRAIN_S = 3
"""Longest wait for open connections when the process is asked to stop."""


def serve(name: str, app: Any, sock: socket, log_level: str) -> None:
    """Answer HTTP on the socket until SIGTERM."""
    import uvicorn

    configure_logging(name, log_level)
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", ws="none", lifespan="on", log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[sock])


def work(name: str, services: Sequence[Service], log_level: str) -> None:
    """Work off the jobs of all these services until SIGTERM, each from its own queues and on its own slots.

    A service's room `worker` names them in KINDS; it may say whether one may be asked for now (`allowed(kind)`), and what the worker
    sees to besides (`duties(settings)`). When they are due is set by name (`service_worker`).
    """
    configure_logging(name, log_level)
    import uvloop

    from rfid3_shared.jobs.nursery import Nursery

    settings = {service.name: service.settings() for service in services}
    # before the event loop: a fork of a process with threads or connections would share them with its jobs
    nursery = Nursery.fork(sorted({type(each).__module__ for each in settings.values()}))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work_off(services, settings, nursery))


async def _work_off(services: Sequence[Service], settings: Mapping[str, Settings], nursery: "Nursery") -> None:
    from rfid3_shared.jobs.worker import JobWorker, run_workers
    from rfid3_shared.service_worker import duties_of, schedules_of

    workers = []
    for service in services:
        room, own = import_module(service.worker_module), settings[service.name]
        due = schedules_of(service.name, room.KINDS, own)
        duties = duties_of(service.name, own, getattr(room, "duties", None))
        workers.append(
            JobWorker(
                own, service=service.name, kinds=room.KINDS, schedules=due, duties=duties, nursery=nursery,
                allowed=getattr(room, "allowed", None),
            )
        )  # fmt: skip
    try:
        await run_workers(workers)
    finally:
        await nursery.aclose()
