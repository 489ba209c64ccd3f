"""What does a forked process do for a living? Answer HTTP, or work off jobs, each on an event loop of its own."""

import asyncio
from importlib import import_module
from socket import socket
from typing import Any

from rfid3_deploy.topology import Service
from rfid3_shared.log import configure_logging

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


def work(name: str, service: Service, log_level: str) -> None:
    """Work off the service's jobs until SIGTERM.

    The service's room `worker` names them in KINDS; it may say when they are due (`schedules(settings)`), whether one may be asked
    for now (`allowed(kind)`), and what the worker sees to besides (`duties(settings)`).
    """
    configure_logging(name, log_level)
    import uvloop

    from rfid3_shared.jobs.nursery import Nursery
    from rfid3_shared.jobs.worker import run_worker

    room, settings = import_module(service.worker_module), service.settings()
    due = room.schedules(settings) if hasattr(room, "schedules") else ()
    duties = room.duties(settings) if hasattr(room, "duties") else ()
    # before the event loop: a fork of a process with threads or connections would share them with its jobs
    nursery = Nursery.fork([type(settings).__module__])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            run_worker(
                settings, service=service.name, kinds=room.KINDS, schedules=due, duties=duties,
                nursery=nursery, allowed=getattr(room, "allowed", None),
            )
        )  # fmt: skip
