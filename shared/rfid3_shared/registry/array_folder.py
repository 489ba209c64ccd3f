"""In which form does training hand numbers to a service? One folder: `spec.json` and arrays that processes map into memory.

Nothing in it can run code. The same content gives the same bytes. Arrays are mapped, so that processes share their pages and loading
costs milliseconds. A service declares its snapshot as a dataclass: `spec` (a dataclass of what everything means), fields that are arrays,
and parts that write and read themselves; `kept_in_folder` does the rest.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import numpy as np
import orjson

SPEC = "spec.json"
S = TypeVar("S")


def write_folder(folder: Path, layout: int, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray | None]) -> None:
    """Write spec (JSON values, dates, numpy scalars) and arrays into a folder; an array that is None is left out.

    layout: the number of the format, which `read_folder` asks for.
    """
    options = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY
    (folder / SPEC).write_bytes(orjson.dumps({"format": layout, **spec}, option=options))
    for name, values in arrays.items():
        if values is not None:
            np.save(folder / f"{name}.npy", np.ascontiguousarray(values), allow_pickle=False)


def read_folder(folder: Path, layout: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(spec, arrays) of a folder, the arrays read-only. Raises ValueError for another layout."""
    spec: dict[str, Any] = orjson.loads((folder / SPEC).read_bytes())
    if spec.pop("format") != layout:
        raise ValueError("this snapshot was written by another version of the suite")
    return spec, {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in sorted(folder.glob("*.npy"))}


def array_names(kind: type) -> tuple[str, ...]:
    """The fields of a snapshot's class that are arrays, or may be, in their order."""
    return tuple(name for name, hint in _fields(kind).items() if hint in (np.ndarray, np.ndarray | None))


def write_snapshot(snapshot: Any, folder: Path, layout: int) -> None:
    """Write a snapshot into an empty folder: its `spec`, its arrays, and its parts by their own `write(folder)`."""
    kind = type(snapshot)
    write_folder(folder, layout, asdict(snapshot.spec), {name: getattr(snapshot, name) for name in array_names(kind)})
    for name in _parts(kind):
        getattr(snapshot, name).write(folder)


def read_snapshot(kind: type[S], folder: Path, layout: int) -> S:
    """The snapshot in a folder, its arrays memory-mapped and read-only; parts by their classes' own `read(folder)`.

    Raises ValueError for another layout, KeyError or TypeError where something is missing that has no default.
    """
    raw, found = read_folder(folder, layout)
    make: Any = kind
    spec = _fields(make)["spec"]
    days = {name: date.fromisoformat(raw[name]) for name, hint in _fields(spec).items() if hint is date}
    arrays = {name: np.asarray(found[name]) for name in array_names(make) if name in found}
    parts = {name: part.read(folder) for name, part in _parts(make).items()}
    snapshot: S = make(spec=spec(**{**raw, **days}), **parts, **arrays)
    return snapshot


def kept_in_folder(kind: type[S], layout: int) -> tuple[Callable[[S, Path], None], Callable[[Path], S]]:
    """`write(snapshot, folder)` and `load(folder)` of a service's snapshot: `write_snapshot` and `read_snapshot` in its layout."""

    def write(snapshot: S, folder: Path) -> None:
        write_snapshot(snapshot, folder, layout)

    def load(folder: Path) -> S:
        return read_snapshot(kind, folder, layout)

    return write, load


def _parts(kind: type) -> dict[str, Any]:
    """The fields that are neither `spec` nor arrays, and their types: they write and read themselves."""
    return {name: hint for name, hint in _fields(kind).items() if name != "spec" and name not in array_names(kind)}


@cache
def _fields(kind: Any) -> dict[str, Any]:
    """A dataclass's fields and their types."""
    hints = get_type_hints(kind)
    return {one.name: hints[one.name] for one in fields(kind)}
