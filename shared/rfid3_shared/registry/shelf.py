"""What of a service's models does this host's disk hold? Their artefacts, and a record of champions for when the store is gone."""

import contextlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.errors import ModelUnavailable
from rfid3_shared.log import get_logger
from rfid3_shared.registry import artefact
from rfid3_shared.registry.history import read_line
from rfid3_shared.registry.storage import Storage
from rfid3_shared.registry.tables import ml_model_performance as published
from rfid3_shared.registry.version import Version, folder_name

KEPT_ARTEFACTS = 5
SEARCHED_VERSIONS = 100
RECORD = "current.json"
log = get_logger("registry.shelf")


class Shelf:
    """The folder of artefacts, and behind it the storage for all hosts. Everything here waits for disks: call it in a thread."""

    def __init__(self, folder: Path, storage: Storage) -> None:
        self._folder, self._storage = folder, storage

    def put(self, folder: Path, manifest: dict[str, Any], service: str) -> None:
        """Store a copy of a described folder here and in the storage. Raises StoreUnavailable."""
        name = folder_name(manifest["digest"])
        target = self._folder / service / name
        artefact.store(folder, manifest, target)
        self._storage.push(target, manifest, service, name)

    def open(self, version: Version) -> Path:
        """The version's folder, every byte verified; what is missing or damaged here is fetched from the storage.

        Raises ModelUnavailable when it is nowhere as published, StoreUnavailable when the storage is out of reach.
        """
        folder = self._folder / version.service / version.folder_name
        try:
            artefact.verify(folder, version.digest)
        except ModelUnavailable as here:
            try:
                self._storage.fetch(version.service, version.folder_name, folder)
                artefact.verify(folder, version.digest)
            except ModelUnavailable:
                raise here from None
        with contextlib.suppress(OSError):
            os.utime(folder)  # young again: nobody prunes what is about to be used
        return folder

    @contextlib.contextmanager
    def lend(self, version: Version) -> Iterator[Path]:
        """The version's files as a verified copy that nobody else knows, deleted at the end; what was mapped into memory stays.

        A file that is cut short while it is mapped ends the process that reads it (SIGBUS), and one that is written to changes the
        answers under its feet: a model that serves must not depend on what happens to the published files. Where a disk has no room
        for a copy they are lent themselves. Raises as `open` does.
        """
        place = _place_beside(self._folder / version.service / version.folder_name)
        try:
            yield self._copied(version, place)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _copied(self, version: Version, place: Path) -> Path:
        with contextlib.suppress(ModelUnavailable):
            return _copy(self._folder / version.service / version.folder_name, place, version)
        source = self.open(version)
        try:
            return _copy(source, place, version)
        except ModelUnavailable:  # a disk without room must not keep a sound model from answering
            log.warning("model_not_copied", service=version.service, model_version=version.model_version)
            return source

    def keep(self, service: str, champions: Iterable[Version], kept: set[str], older_than: float) -> None:
        """Write down the champions, newest first, and delete artefacts not in `kept` last touched before `older_than` (epoch s).

        Raises OSError.
        """
        content = json.dumps([version.as_dict() for version in champions], indent=1).encode()
        artefact.write_whole(self._folder / service / RECORD, content)
        artefact.prune(self._folder / service, kept, older_than)

    def remembered(self, service: str) -> list[Version]:
        """The champions written down last, newest first; none when there is no record or it cannot be read."""
        try:
            kept = json.loads((self._folder / service / RECORD).read_bytes())
            return [Version.from_dict(version) for version in kept]
        except (OSError, ValueError, KeyError, TypeError):
            return []


def _copy(source: Path, target: Path, version: Version) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    with contextlib.suppress(OSError, shutil.Error):  # whatever is missing is found missing
        shutil.copytree(source, target, symlinks=True)
        os.utime(target)  # copied times would make it look old, and old leftovers are deleted
    artefact.verify(target, version.digest)
    return target


def _place_beside(folder: Path) -> Path:
    """A place for a copy, on the same disk unless that is read-only; clean-up knows its name should this process die."""
    place = folder.with_name(f"{artefact.UNFINISHED}{uuid.uuid4().hex}")
    try:
        place.mkdir(parents=True)
    except OSError:
        with contextlib.suppress(OSError):
            return Path(tempfile.mkdtemp(prefix="rfid3-"))
    return place


async def read_kept(connection: AsyncConnection, service: str) -> tuple[list[Version], set[str]]:
    """The champion and those that led to it, newest first; and the folders to keep.

    Whatever else goes, those of champion, shadow and previous champion stay. The newest comes next, which may be about to be settled,
    then champions before, for going back further, then others, the newest first.
    """
    line = (await read_line(connection, service))[::-1][:KEPT_ARTEFACTS]
    of_service = published.c.service_name == service
    wanted = published.c.model_version.in_(line) | (published.c.state == "shadow")
    rows = (await connection.execute(select(published).where(of_service, wanted))).mappings()
    known = {version.model_version: version for version in map(Version.from_row, rows)}
    champions = [known[name] for name in line if name in known]
    shadows = [version for version in known.values() if version.state == "shadow"]
    query = select(published.c.artefact_digest).where(of_service).order_by(published.c.id.desc()).limit(SEARCHED_VERSIONS)
    newest = [folder_name(digest) for digest in await connection.scalars(query)]
    first = [version.folder_name for version in (*champions[:2], *shadows)]
    further = [version.folder_name for version in champions[2:]]
    wished = [*first, *newest[:1], *further, *newest]
    return champions, set(list(dict.fromkeys(wished))[:KEPT_ARTEFACTS])
