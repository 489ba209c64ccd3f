"""What do all processes cost while nobody asks, and how soon are they up? Forked from one parent, beside started apart.

`python -m bench.processes [--rounds 3]`. Memory is the summed proportional set size (smaps_rollup) of every process, Redis and
the parent included; both ways serve the same small demo company. Rounds alternate; figures are medians.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.servers import free_port
from rfid3_deploy.embedded_redis import redis_answers, redis_command, redis_program
from rfid3_deploy.sockets import status_of
from rfid3_deploy.topology import GATEWAY, GATEWAY_PACKAGE, read_topology

SETTLE_S, IDLE_S, PATIENCE_S = 4.0, 8.0, 120.0
GOAL_READY_S, GOAL_MB = 5.0, 350.0
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Cost:
    """What one way of starting costs."""

    processes: int
    ready_s: float
    pss_mb: float
    cpu_ratio: float
    """CPU of all processes while idle, as a share of one core."""


def wait_until(holds: Callable[[], bool]) -> None:
    """Return when it comes true; fails when it does not in time."""
    until = time.perf_counter() + PATIENCE_S
    while not holds():
        if time.perf_counter() > until:
            raise TimeoutError("the processes did not get ready")
        time.sleep(0.02)


def cost(ready_s: float, roots: list[psutil.Process]) -> Cost:
    """Let the processes rest, then weigh them."""
    time.sleep(SETTLE_S)
    alive = [process for root in roots for process in (root, *root.children(recursive=True))]
    before = sum(sum(process.cpu_times()[:2]) for process in alive)
    time.sleep(IDLE_S)
    busy = sum(sum(process.cpu_times()[:2]) for process in alive) - before
    pss_mb = sum(process.memory_full_info().pss for process in alive) / 2**20
    return Cost(len(alive), ready_s, pss_mb, busy / IDLE_S)


@contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator[psutil.Process]:
    """A process that is ended afterwards."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield psutil.Process(process.pid)
        process.terminate()


def forked(home: Path) -> Cost:
    """`rfid3 up` on a home that has its model."""
    port = free_port()
    environment = {**os.environ, "RFID3_HOME": str(home), "RFID3_PORT": str(port)}
    started = time.perf_counter()
    with running([str(BIN / "rfid3"), "up"], environment) as parent:
        wait_until(lambda: status_of(port, "/ready") == 200)
        return cost(time.perf_counter() - started, [parent])


def apart(home: Path) -> Cost:
    """The same services, each from its own interpreter and with a worker of its own, as containers would."""
    services, socket_path = read_topology(), home / "redis.sock"
    ports = {name: free_port() for name in (GATEWAY, *(service.name for service in services))}
    environment = {
        **os.environ, "RFID3_HOME": str(home), "RFID3_PORT": str(ports[GATEWAY]),
        **{service.upstream_variable: f"http://127.0.0.1:{ports[service.name]}" for service in services},
    }  # fmt: skip
    server = [sys.executable, "-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--port"]
    commands = [
        redis_command(redis_program(), socket_path), [*server, str(ports[GATEWAY]), f"{GATEWAY_PACKAGE}.app:app"],
        *([*server, str(ports[service.name]), f"{service.app_module}:app"] for service in services),
        *([str(BIN / "arq"), f"{service.worker_module}.Worker"] for service in services),
    ]  # fmt: skip
    started = time.perf_counter()
    with ExitStack() as stack:
        roots = [stack.enter_context(running(command, environment)) for command in commands]
        wait_until(lambda: redis_answers(socket_path) and all(status_of(port, "/ready") == 200 for port in ports.values()))
        return cost(time.perf_counter() - started, roots)


def first_start(home: Path) -> None:
    """Create and train a small demo company, once for all rounds."""
    port = free_port()
    environment = {**os.environ, "RFID3_HOME": str(home), "RFID3_PORT": str(port)}
    with running([str(BIN / "rfid3"), "up", "--items", "300", "--months", "8"], environment):
        wait_until(lambda: status_of(port, "/ready") == 200)


def main() -> None:
    """Measure both ways in alternating rounds and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="rfid3-bench-") as folder:
        home = Path(folder)
        first_start(home)
        found = {"forked (rfid3 up)": [], "started apart": []}  # type: dict[str, list[Cost]]
        for _ in range(rounds):
            found["forked (rfid3 up)"].append(forked(home))
            found["started apart"].append(apart(home))
    print(f"{'':20}{'processes':>10}{'ready s':>10}{'PSS MB':>10}{'idle CPU':>10}   (medians of {rounds})")
    for way, costs in found.items():
        ready_s, pss_mb, cpu = (
            statistics.median(getattr(each, name) for each in costs) for name in ("ready_s", "pss_mb", "cpu_ratio")
        )
        print(f"{way:20}{costs[0].processes:>10}{ready_s:>10.2f}{pss_mb:>10.0f}{cpu:>10.1%}")
    print(f"goal: ready again in {GOAL_READY_S:.0f} s; {GOAL_MB:.0f} MB for the whole suite of six services")


if __name__ == "__main__":
    main()
