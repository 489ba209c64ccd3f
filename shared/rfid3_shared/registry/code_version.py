"""Which code made this model? A digest of the members' own source files; no git, no build step, the same on every machine."""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

DIGITS = 16


@cache
def code_version(*packages: str) -> str:
    """Digest of the Python files of the packages, e.g. ("rfid3_demand", "rfid3_shared"): their names and content, 16 hex digits.

    Line ends do not matter, nor does where the packages lie. Raises ModuleNotFoundError for a package that is not installed.
    """
    digest = hashlib.sha256()
    for package in packages:
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(f"no package is called {package}", name=package)
        for folder in map(Path, spec.submodule_search_locations):
            for path in sorted(folder.rglob("*.py"), key=lambda path: path.relative_to(folder).as_posix()):
                name = f"{package}/{path.relative_to(folder).as_posix()}"
                content = path.read_bytes().replace(b"\r\n", b"\n")
                digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:DIGITS]
