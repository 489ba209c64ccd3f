"""How does a person read and try the API without the internet? Swagger UI from the installed `fastapi-swagger` package.

Only that package's files are used, never its code; the page loads nothing from elsewhere, and its policy forbids it to.
"""

import gzip
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI sets style attributes, hence 'unsafe-inline' for styles; scripts come from files only."""
KINDS = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".conf": "text/plain; charset=utf-8",
}  # fmt: skip
PROXY = "rfid3-dashboard.conf"
"""How nginx puts RFID3's own page before the gateway and adds the key."""
ASSETS = ("swagger-ui-bundle.js", "swagger-ui.css", "start.js", "look.css", PROXY)


@dataclass(frozen=True)
class Asset:
    """A file of the page, as it travels."""

    content: bytes
    zipped: bytes
    kind: str


def _folder_of_swagger_ui() -> Path:
    spec = find_spec("fastapi_swagger")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package fastapi-swagger is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "resources"


@cache
def asset(name: str) -> Asset:
    """The page (`index.html`) or one of ASSETS.

    Raises FileNotFoundError for another name.
    """
    if name not in (*ASSETS, "index.html"):
        raise FileNotFoundError(name)
    path = STATIC / name
    content = (path if path.exists() else _folder_of_swagger_ui() / name).read_bytes()
    return Asset(content, gzip.compress(content, 6), KINDS[path.suffix])
