"""How do artefacts get into an S3 bucket and back? The one seam to the object store's client.

Credentials are those of the environment (AWS_ACCESS_KEY_ID, …) or of the instance's role. Small requests are tried again a few
times by the client, whole transfers are not: whoever asked does that. The client is imported and started with the first
request, since its threads are missing in every process forked from this one afterwards, where it would wait for them for ever.
"""

import json
import os
import shutil
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, NoReturn, ParamSpec, TypeVar

from rfid3_shared.clock import Clock
from rfid3_shared.errors import ModelUnavailable, StoreUnavailable
from rfid3_shared.log import get_logger
from rfid3_shared.registry import artefact
from rfid3_shared.registry.stored_copy import DAMAGED, NOT_THERE, UNREACHABLE, is_whole, read_manifest, refuse_incomplete

P = ParamSpec("P")
R = TypeVar("R")
CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 60.0
"""Longest silence of the server, which is silent while it takes a part: 5 MiB in this time are 0.7 Mbit/s."""
TRANSFER_S = 600.0
RETRIES = 3
RETRY_S = 20.0
CHUNK_BYTES = 5 * 2**20
"""Size of the parts in which a large file goes up, one after the other: S3 takes none smaller."""
log = get_logger("registry.storage")


class S3Storage:
    """Artefacts as objects `<prefix>/<service>/<name>/<file>` of a bucket."""

    _process: ClassVar[int | None] = None
    """The process in which the client's threads are."""

    def __init__(
        self, bucket: str, prefix: str, *, endpoint: str | None = None, region: str | None = None,
        answer_timeout_s: float = ANSWER_TIMEOUT_S, clock: Clock | None = None,
    ) -> None:  # fmt: skip
        self._bucket, self._prefix, self._endpoint, self._region = bucket, prefix, endpoint, region
        self._answer_timeout_s, self._clock = answer_timeout_s, clock or Clock()
        self._opened: Any = None
        self._opening = threading.Lock()

    def push(self, folder: Path, manifest: dict[str, Any], service: str, name: str) -> None:
        """See Storage."""
        refuse_incomplete(folder, manifest)
        until = self._clock.monotonic() + TRANSFER_S
        try:
            for file in manifest["files"]:
                self._refuse_late(until)
                self._put(f"{service}/{name}/{file}", folder / file)
            self._put(f"{service}/{name}/{artefact.MANIFEST}", json.dumps(manifest, indent=1).encode())
        except FileNotFoundError as fault:
            # S3 answers 404 to an upload for one reason only
            self._give_up(fault, "The artefact storage has no bucket of this name.")

    def fetch(self, service: str, name: str, target: Path) -> None:
        """See Storage."""
        until = self._clock.monotonic() + TRANSFER_S
        try:
            manifest = read_manifest(self._get(f"{service}/{name}/{artefact.MANIFEST}"), name)
        except FileNotFoundError:
            raise ModelUnavailable(NOT_THERE, artefact=name) from None
        if is_whole(target, manifest["digest"]):
            return
        unfinished = target.with_name(f"{artefact.UNFINISHED}{uuid.uuid4().hex}")
        try:
            for file, facts in manifest["files"].items():
                self._download(f"{service}/{name}/{file}", unfinished / file, facts["bytes"], until)
            artefact.store(unfinished, manifest, target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def exists(self, service: str, name: str) -> bool:
        """See Storage."""
        from obstore import head

        try:
            self._asked(head, self._client(), self._key(f"{service}/{name}/{artefact.MANIFEST}"))
        except FileNotFoundError:
            return False
        return True

    def _put(self, key: str, content: Path | bytes) -> None:
        from obstore import put

        self._asked(put, self._client(), self._key(key), content, chunk_size=CHUNK_BYTES, max_concurrency=1)

    def _get(self, key: str) -> bytes:
        from obstore import get

        return bytes(self._asked(lambda: get(self._client(), self._key(key)).bytes()))

    def _download(self, key: str, target: Path, size: int, until: float) -> None:
        """Write an object of this size to a file. Raises ModelUnavailable when there is none, or one of another size."""
        from obstore import get

        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            found = self._asked(get, self._client(), self._key(key))
        except FileNotFoundError:
            raise ModelUnavailable(DAMAGED, files=[target.name]) from None
        if found.meta["size"] != size:
            raise ModelUnavailable(DAMAGED, files=[target.name])
        pieces = iter(found.stream())
        with target.open("wb") as file:
            while piece := self._asked(next, pieces, None):
                file.write(piece)
                self._refuse_late(until)

    def _asked(self, ask: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """What the client answers. Raises FileNotFoundError when the object is not there, StoreUnavailable for other faults."""
        from obstore import exceptions

        try:
            return ask(*arguments, **named)
        except FileNotFoundError:
            raise
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as fault:
            self._give_up(fault, "The artefact storage does not let this host in: check its credentials.")
        except (exceptions.BaseError, OSError) as fault:
            self._give_up(fault, UNREACHABLE)

    def _give_up(self, fault: Exception, message: str) -> NoReturn:
        log.warning("storage_unavailable", bucket=self._bucket, fault=type(fault).__name__)
        raise StoreUnavailable(message) from None  # the client's own words hold addresses and request headers

    def _refuse_late(self, until: float) -> None:
        if self._clock.monotonic() > until:
            raise StoreUnavailable("The artefact storage is too slow.", deadline_s=TRANSFER_S)

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _client(self) -> Any:
        if S3Storage._process not in (None, os.getpid()):
            raise RuntimeError("the artefact storage was used before this process was forked from that one")
        with self._opening:
            S3Storage._process = os.getpid()
            if self._opened is None:
                self._opened = self._open()
        return self._opened

    def _open(self) -> Any:
        from obstore.store import S3Store

        given = {"endpoint": self._endpoint, "region": self._region}
        chosen: Any = {name: value for name, value in given.items() if value}
        return S3Store(
            self._bucket, config=chosen,
            client_options={
                "allow_http": (self._endpoint or "").startswith("http://"),
                "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
                "read_timeout": timedelta(seconds=self._answer_timeout_s),
                "timeout": timedelta(seconds=TRANSFER_S),
            },
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": timedelta(seconds=RETRY_S),
                "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2)},
            },
        )  # fmt: skip
