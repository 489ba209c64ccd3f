"""Which service answers this path, and in which rate class does it count? Decided by the topology file alone."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from rfid3_shared.errors import NotFound

RATE_CLASSES = ("RT", "BATCH", "TRAIN", "SYS", "EVENTS")
SCOPES_OF_CLASS = {"TRAIN": ("train",), "EVENTS": ("read", "events")}
"""Where it is not `read`; of EVENTS, reading them and posting them are one path."""
GATEWAY = "gateway"
UPSTREAM_VARIABLE = "RFID3_UPSTREAM_"
LONGEST_SUGGESTIBLE = 120
SERVICE_WORDS, PATH_WORDS = {"package", "prefixes", "upstreams", "class", "paths"}, {"class", "deadline_s", "body_bytes"}
"""What the topology file may say of a service, and of a path below its prefix."""


@dataclass(frozen=True)
class Service:
    """One service of the topology: the paths that lead to it and the instances behind it."""

    name: str
    prefixes: tuple[str, ...]
    upstreams: tuple[str, ...]
    rate_class: str
    classes: Mapping[str, str]
    deadlines_s: Mapping[str, float] = field(default_factory=dict)
    """Path template → seconds its answer may take, where that is not the setting."""
    body_bytes: Mapping[str, int] = field(default_factory=dict)
    """Path template → bytes its request may have, where that is not the setting."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes; `template` labels it in metrics, `is_open` paths need no key.

    The answer of an `is_stream` path lasts as long as there is something to tell: the deadline ends when it begins.
    """

    service: str
    rate_class: str
    template: str
    is_open: bool = False
    is_stream: bool = False
    deadline_s: float | None = None
    body_bytes: int | None = None

    @property
    def scopes(self) -> tuple[str, ...]:
        """A key needs one of these to pass the gateway; who answers may ask for more."""
        return SCOPES_OF_CLASS.get(self.rate_class, ("read",))


def read_topology(path: Path, environ: Mapping[str, str]) -> tuple[Service, ...]:
    """The services of a topology file; RFID3_UPSTREAM_<SERVICE> in `environ` replaces a service's upstreams.

    Raises ValueError for a word that nobody knows, an unknown class, a limit of nothing or a service without prefix; FileNotFoundError
    without the file.
    """
    entries = tomllib.loads(path.read_text())["services"]
    return tuple(
        _service(name, entry, environ.get(UPSTREAM_VARIABLE + name.upper().replace("-", "_")))
        for name, entry in entries.items()
    )


def _service(name: str, entry: Mapping[str, Any], upstreams: str | None) -> Service:
    """A service as the file says it, upstreams (comma-separated) as given where they are."""
    prefixes = tuple(prefix.rstrip("/") for prefix in entry.get("prefixes", [f"/api/predictive/{name}"]))
    told = {f"{prefix}{below}": said for prefix in prefixes for below, said in entry.get("paths", {}).items()}
    urls = [url.strip() for url in upstreams.split(",")] if upstreams else entry.get("upstreams", [])
    service = Service(
        name=name, prefixes=prefixes, upstreams=tuple(url for url in urls if url), rate_class=entry.get("class", "RT"),
        classes={f"{prefix}/retrain": "TRAIN" for prefix in prefixes} | _said(told, "class"), deadlines_s=_said(told, "deadline_s"),
        body_bytes=_said(told, "body_bytes"),
    )  # fmt: skip
    if strange := {*entry} - SERVICE_WORDS | {word for said in told.values() for word in said} - PATH_WORDS:
        raise ValueError(f"topology: service {name} has {', '.join(sorted(strange))}, which means nothing here")
    unknown = {service.rate_class, *service.classes.values()} - set(RATE_CLASSES)
    if unknown or not service.prefixes:
        raise ValueError(f"topology: service {name} has no prefix, or an unknown class {sorted(unknown)}")
    if any(not limit > 0 for limit in [*service.deadlines_s.values(), *service.body_bytes.values()]):
        raise ValueError(f"topology: deadlines and body sizes of service {name} are above 0")
    return service


def _said(told: Mapping[str, Mapping[str, Any]], word: str) -> dict[str, Any]:
    return {template: said[word] for template, said in told.items() if word in said}


def _pattern(template: str) -> re.Pattern[str]:
    """A template's regular expression: `{x}` is one segment, `{x:path}` any number of them."""
    parts = re.split(r"(\{[^}]+\})", template)
    expression = [(".+" if part.endswith(":path}") else "[^/]+") if part.startswith("{") else re.escape(part) for part in parts]
    return re.compile("".join(expression))


class RouteTable:
    """Routes by path: known paths at once, others by their longest prefix."""

    def __init__(self, services: Iterable[Service], own: Iterable[Route] = ()) -> None:
        self._services = tuple(services)
        self._own = tuple(own)
        prefixes = [(prefix, service) for service in self._services for prefix in service.prefixes]
        self._prefixes = sorted(prefixes, key=lambda pair: -len(pair[0]))
        self.learn({})

    def learn(self, documented: Mapping[str, Iterable[str]]) -> None:
        """Take over the path templates each service documents; they sharpen labels and suggestions, not the way."""
        routes = list(self._own)
        for service in self._services:
            # the topology comes first: where both name a path by different placeholders, its class counts
            named = (*service.classes, *service.deadlines_s, *service.body_bytes)
            templates = dict.fromkeys([*named, *documented.get(service.name, ())])
            routes += [self._route(service, template) for template in templates]
        self._exact = {route.template: route for route in routes if "{" not in route.template}
        self._patterns = [(_pattern(route.template), route) for route in routes if "{" in route.template]
        self._rest = {prefix: self._route(service, prefix + "/*") for prefix, service in self._prefixes}
        self.suggest = lru_cache(maxsize=512)(self._suggest)

    def match(self, path: str) -> Route:
        """The route of a path.

        Raises NotFound with the nearest known path as suggestion.
        """
        if (route := self._exact.get(path)) is not None:
            return route
        # a path a proxy and a service could read differently is no path
        if "//" not in path and "/." not in path:
            for pattern, route in self._patterns:
                if pattern.fullmatch(path):
                    return route
            for prefix, _ in self._prefixes:
                if path.startswith(prefix) and (len(path) == len(prefix) or path[len(prefix)] == "/"):
                    return self._rest[prefix]
        nearest = self.suggest(path[:LONGEST_SUGGESTIBLE])
        raise NotFound("There is no such path.", **({"suggestion": nearest[0], "similar": list(nearest)} if nearest else {}))

    def _route(self, service: Service, template: str) -> Route:
        return Route(
            service.name, service.classes.get(template, service.rate_class), template,
            deadline_s=service.deadlines_s.get(template), body_bytes=service.body_bytes.get(template),
        )  # fmt: skip

    def _suggest(self, path: str) -> tuple[str, ...]:
        shown = [route.template for route in self._own if not route.template.startswith("/docs/")]
        known = dict.fromkeys([*shown, *self._exact, *(route.template for _, route in self._patterns)])
        return tuple(difflib.get_close_matches(path, known, n=3, cutoff=0.6))
