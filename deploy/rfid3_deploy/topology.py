"""Which processes does the topology file name?

`deploy/topology.toml` lists the services; each is a package with the rooms `app` (answers HTTP) and `worker` (runs jobs). The
gateway stands before them.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rfid3_shared.settings import Settings

TOPOLOGY = Path(__file__).parents[1] / "topology.toml"
GATEWAY = "gateway"
GATEWAY_PACKAGE = "rfid3_gateway"


@dataclass(frozen=True)
class Service:
    """A service on this host: its package, and the TCP port it answers on when that is free."""

    name: str
    package: str
    port: int

    @property
    def app_module(self) -> str:
        """The module whose `app` answers HTTP."""
        return f"{self.package}.app"

    @property
    def worker_module(self) -> str:
        """The module whose `KINDS` are this service's jobs."""
        return f"{self.package}.worker"

    @property
    def upstream_variable(self) -> str:
        """The environment variable that tells the gateway where this service answers."""
        return "RFID3_UPSTREAM_" + self.name.upper().replace("-", "_")

    def settings(self) -> Settings:
        """The service's own settings, from the environment: the class its `settings` room defines."""
        room = import_module(f"{self.package}.settings")
        own = [kind for kind in vars(room).values() if isinstance(kind, type) and kind.__module__ == room.__name__]
        return next(kind() for kind in own if issubclass(kind, Settings))


def read_topology(path: Path = TOPOLOGY) -> list[Service]:
    """The services in the order of the file.

    Raises ValueError when a service lacks a TCP upstream, because then nobody could tell its port.
    """
    with path.open("rb") as file:
        tables = tomllib.load(file)["services"]
    return [_service(name, table) for name, table in tables.items()]


def _service(name: str, table: Mapping[str, Any]) -> Service:
    ports = [urlsplit(upstream).port for upstream in table["upstreams"]]
    if not ports or ports[0] is None:
        raise ValueError(f"{name}: the first upstream needs a TCP port")
    return Service(name, table.get("package", f"rfid3_{name}"), ports[0])
