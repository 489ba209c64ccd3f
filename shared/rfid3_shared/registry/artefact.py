"""Is a folder on disk exactly what was published? Folders named by content, with a manifest of digests; files only, no SQL.

manifest.json: {"digest": …, "files": {"path/in/folder": {"sha256": …, "bytes": …}}}. The digest covers every file's path and
content, so the same content has the same name wherever and whenever it is written.
"""

import contextlib
import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any

from rfid3_shared.errors import ModelUnavailable

MANIFEST = "manifest.json"
UNFINISHED, CORRUPT = ".unfinished-", ".corrupt-"


def describe(folder: Path) -> dict[str, Any]:
    """The manifest of a folder as it lies on disk; an existing manifest in it is not part of its content.

    Raises ValueError for an empty folder and for anything that is not a plain file.
    """
    files: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ValueError(f"{name} is not a plain file")
        if path.is_file() and name != MANIFEST:
            with path.open("rb") as file:
                files[name] = {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}
    if not files:
        raise ValueError("an artefact needs at least one file")
    whole = hashlib.sha256()
    for name, facts in files.items():
        whole.update(f"{name}\0{facts['sha256']}\n".encode())
    return {"digest": whole.hexdigest(), "files": files}


def verify(folder: Path, digest: str) -> None:
    """Make sure that the folder holds exactly the content with this digest.

    Raises ModelUnavailable when it is missing, incomplete, changed or has files too many.
    """
    try:
        found = describe(folder)
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        raise ModelUnavailable("The model's files are missing or cannot be read.", artefact=folder.name) from None
    if found["digest"] != digest or manifest != found:
        files = manifest.get("files", {}) if isinstance(manifest, dict) else {}
        wrong = sorted(name for name in files | found["files"] if files.get(name) != found["files"].get(name))
        raise ModelUnavailable("The model's files are not what was published.", artefact=folder.name, files=wrong or [MANIFEST])


def store(source: Path, manifest: dict[str, Any], target: Path) -> None:
    """Copy a described folder to `target` so that it is there whole or not at all, even when power fails.

    Does nothing when the same content is there already; what is there but damaged is set aside.
    """
    if target.exists():
        try:
            verify(target, manifest["digest"])
            return os.utime(target)  # young again: nobody prunes it before its version is written down
        except ModelUnavailable:
            target.rename(target.with_name(f"{CORRUPT}{target.name}-{uuid.uuid4().hex[:8]}"))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
    try:
        for name in manifest["files"]:
            (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, unfinished / name)
        (unfinished / MANIFEST).write_text(json.dumps(manifest, indent=1))
        for path in (*unfinished.rglob("*"), unfinished):
            _sync(path)
        verify(unfinished, manifest["digest"])
        with contextlib.suppress(OSError):  # another process was first, with the same content
            unfinished.rename(target)
        _sync(target.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file so that a reader sees the old or the new content, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
    beside.write_bytes(content)
    _sync(beside)
    beside.replace(path)
    _sync(path.parent)


def prune(service_dir: Path, keep: set[str], older_than: float) -> None:
    """Delete artefacts not in `keep` and leftovers; only those last touched before `older_than` (epoch s).

    A younger one may be another process's that has not written its version down yet.
    """
    for path in service_dir.iterdir():
        if path.name not in keep and path.is_dir() and path.stat().st_mtime < older_than:
            shutil.rmtree(path, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
