"""Where do artefacts live for all hosts together? A storage by URL, beside each host's own folder; files only, no SQL.

`s3://bucket/prefix?endpoint=https://host&region=name` (any server that speaks S3) or `file:///folder` (a mounted share). An
artefact is there when its manifest is: that is written last, so half a push is never seen. What comes back is checked byte by
byte before it has a name. Everything here waits for disks and servers: call it in a thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from rfid3_shared.errors import InvalidParameters, ModelUnavailable, StoreUnavailable
from rfid3_shared.registry import artefact
from rfid3_shared.registry.stored_copy import DAMAGED, NOT_THERE, UNREACHABLE, read_manifest, refuse_incomplete

S3_OPTIONS = ("endpoint", "region")


class Storage(Protocol):
    """Artefacts by service and name, each with the manifest of `artefact.describe`."""

    def push(self, folder: Path, manifest: dict[str, Any], service: str, name: str) -> None:
        """Copy a described folder into the storage; once more changes nothing.

        Raises StoreUnavailable, and ModelUnavailable when the folder lacks a described file.
        """

    def fetch(self, service: str, name: str, target: Path) -> None:
        """Have the artefact as the folder `target`, whole or not at all; a damaged folder there is set aside.

        Raises StoreUnavailable, and ModelUnavailable when the storage does not have it or only a damaged copy.
        """

    def exists(self, service: str, name: str) -> bool:
        """Whether the storage has the artefact. Raises StoreUnavailable."""


class LocalOnly:
    """No storage besides this host's own folder."""

    def push(self, folder: Path, manifest: dict[str, Any], service: str, name: str) -> None:
        """Nothing to do."""

    def fetch(self, service: str, name: str, target: Path) -> None:
        """Raises ModelUnavailable: what this host lacks is nowhere else."""
        raise ModelUnavailable("The model's files are not on this host, and no storage for all hosts is set.", artefact=name)

    def exists(self, service: str, name: str) -> bool:
        """Never."""
        return False


class FolderStorage:
    """A folder that all hosts see; it must be there, so that an unmounted share is not taken for an empty one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def push(self, folder: Path, manifest: dict[str, Any], service: str, name: str) -> None:
        """See Storage."""
        refuse_incomplete(folder, manifest)
        with self._told():
            artefact.store(folder, manifest, self._root / service / name)

    def fetch(self, service: str, name: str, target: Path) -> None:
        """See Storage."""
        source = self._root / service / name
        if not self.exists(service, name):
            raise ModelUnavailable(NOT_THERE, artefact=name)
        with self._told():
            manifest = read_manifest((source / artefact.MANIFEST).read_bytes(), name)
            if any(not (source / file).is_file() for file in manifest["files"]):
                raise ModelUnavailable(DAMAGED, artefact=name)
            artefact.store(source, manifest, target)

    def exists(self, service: str, name: str) -> bool:
        """See Storage."""
        with self._told():
            return (self._root / service / name / artefact.MANIFEST).is_file()

    @contextmanager
    def _told(self) -> Iterator[None]:
        if not self._root.is_dir():
            raise StoreUnavailable(UNREACHABLE)
        try:
            yield
        except OSError as fault:
            raise StoreUnavailable(UNREACHABLE) from fault


def open_storage(url: str | None) -> Storage:
    """The storage of a URL; without one, only this host's folder. Connects to nothing and starts no thread yet.

    Raises InvalidParameters for a URL that cannot be used; credentials in it are refused, because URLs end up in logs.
    """
    if not url:
        return LocalOnly()
    address = urlsplit(url)
    options = dict(parse_qsl(address.query, keep_blank_values=True))
    if "@" in address.netloc:
        raise InvalidParameters(
            "Credentials do not belong in RFID3_REGISTRY_URL: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a role."
        )
    if address.scheme == "file" and address.path.startswith("/") and not (address.netloc or options):
        return FolderStorage(Path(address.path))
    if address.scheme == "s3" and address.netloc:
        return _open_s3(address.netloc, address.path.strip("/"), options)
    raise InvalidParameters(
        "RFID3_REGISTRY_URL cannot be used.", accepted=["s3://bucket/prefix?endpoint=…&region=…", "file:///folder"]
    )


def _open_s3(bucket: str, prefix: str, options: dict[str, str]) -> Storage:
    if unknown := sorted(set(options) - set(S3_OPTIONS)):
        raise InvalidParameters("RFID3_REGISTRY_URL has an unknown option.", unknown=unknown, accepted=list(S3_OPTIONS))
    if find_spec("obstore") is None:
        raise InvalidParameters("RFID3_REGISTRY_URL needs the package obstore: pip install 'rfid3-shared[s3]'.")
    from rfid3_shared.registry.storage_s3 import S3Storage

    return S3Storage(bucket, prefix, endpoint=options.get("endpoint"), region=options.get("region"))
