"""What does a storage say that it holds, and is that so? Whatever every kind of storage asks of an artefact before it trusts it."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from rfid3_shared.errors import ModelUnavailable
from rfid3_shared.registry import artefact

UNREACHABLE = "The artefact storage cannot be reached now."
NOT_THERE = "The artefact storage does not have this model."
DAMAGED = "The artefact storage's copy of the model is not what was published."


def read_manifest(content: bytes, name: str) -> dict[str, Any]:
    """The manifest in the content, its file names harmless: what a storage says is not believed.

    Raises ModelUnavailable for anything else.
    """
    try:
        manifest = json.loads(content)
        for file, facts in manifest["files"].items():
            path = PurePosixPath(file)
            if path.is_absolute() or ".." in path.parts or str(path) != file or file in (".", artefact.MANIFEST):
                raise ValueError(file)
            if not isinstance(facts["sha256"], str) or not isinstance(facts["bytes"], int):
                raise ValueError(file)
        if not isinstance(manifest["digest"], str) or not manifest["files"]:
            raise ValueError("digest")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelUnavailable(DAMAGED, artefact=name, files=[artefact.MANIFEST]) from None
    return dict(manifest)


def refuse_incomplete(folder: Path, manifest: dict[str, Any]) -> None:
    """Raises ModelUnavailable when the folder lacks a described file."""
    if missing := [file for file in manifest["files"] if not (folder / file).is_file()]:
        raise ModelUnavailable("The model's files are missing.", artefact=folder.name, files=missing)


def is_whole(folder: Path, digest: str) -> bool:
    """Whether the folder is there with exactly this content."""
    try:
        artefact.verify(folder, digest)
    except ModelUnavailable:
        return False
    return True
