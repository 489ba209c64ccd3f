"""Artefacts in a storage for all hosts: whole or not at all, byte for byte, and refused in plain words.

The S3 side talks to a real server of that protocol in this process; boto3 looks at its objects from outside.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock, FixedClock
from rfid3_shared.errors import InvalidParameters, ModelUnavailable, StoreUnavailable
from rfid3_shared.registry import Registry, Version, artefact
from rfid3_shared.registry.storage import LocalOnly, Storage, open_storage
from rfid3_shared.registry.storage_s3 import TRANSFER_S, S3Storage

BUCKET, SECRET = "models", "not-to-be-seen-anywhere"
BIG = 12 * 2**20  # larger than one part of an upload


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(moto: str, credentials: None) -> Iterator[Any]:
    """An empty bucket, seen by another client."""
    client = boto3.resource("s3", endpoint_url=moto, region_name="us-east-1", config=Config(retries={"max_attempts": 1}))
    made = client.create_bucket(Bucket=BUCKET)
    yield made
    made.objects.delete()
    made.delete()
    client.meta.client.close()


@pytest.fixture
def s3(moto: str, bucket: Any) -> Storage:
    return open_storage(f"s3://{BUCKET}/shop/registry?endpoint={urllib.parse.quote(moto)}&region=us-east-1")


@pytest.fixture(params=["s3", "folder"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "s3":
        return request.getfixturevalue("s3")  # type: ignore[no-any-return]
    (tmp_path / "share").mkdir()
    return open_storage(f"file://{tmp_path}/share")


@pytest.fixture
def damage(storage: Storage, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str, bytes | None], None]:
    """Replaces or deletes a stored file behind the storage's back."""

    def change(name: str, content: bytes | None) -> None:
        if isinstance(storage, S3Storage):
            thing = request.getfixturevalue("bucket").Object(f"shop/registry/demand/abc/{name}")
            thing.delete() if content is None else thing.put(Body=content)
        else:
            path = tmp_path / "share" / "demand" / "abc" / name
            path.unlink() if content is None else path.write_bytes(content)

    return change


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "trees").mkdir(parents=True)
    (folder / "spec.json").write_text('{"größe": 1}')
    (folder / "empty").touch()
    (folder / "trees" / "a tree+1%20.npy").write_bytes(bytes(range(256)) * (BIG // 256))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def publish(registry: Registry, folder: Path) -> Version:
    """A candidate of demand."""
    return await registry.publish(
        "demand", folder, model_type="ensemble", metrics={}, data_from=None, data_to=None, parameters={},
        trained_at=datetime(2026, 11, 22, tzinfo=UTC),
    )  # fmt: skip


class TestRoundTrip:
    def test_comes_back_byte_for_byte(self, storage: Storage, model: Path, tmp_path: Path) -> None:
        """What is fetched holds the same files with the same bytes, verifies, and leaves nothing else beside it."""
        manifest = artefact.describe(model)
        assert not storage.exists("demand", "abc")

        storage.push(model, manifest, "demand", "abc")
        storage.fetch("demand", "abc", tmp_path / "here" / "demand" / "abc")

        fetched = contents(tmp_path / "here" / "demand" / "abc")
        assert json.loads(fetched.pop(artefact.MANIFEST)) == manifest
        assert fetched == contents(model)
        artefact.verify(tmp_path / "here" / "demand" / "abc", manifest["digest"])
        assert [path.name for path in (tmp_path / "here" / "demand").iterdir()] == ["abc"]
        assert storage.exists("demand", "abc")
        assert not storage.exists("packs", "abc")

    def test_twice_is_once(self, storage: Storage, model: Path, tmp_path: Path) -> None:
        """Pushing and fetching again changes nothing."""
        manifest = artefact.describe(model)
        for _ in range(2):
            storage.push(model, manifest, "demand", "abc")
            storage.fetch("demand", "abc", tmp_path / "here" / "abc")

        assert contents(tmp_path / "here" / "abc").keys() == {*contents(model), artefact.MANIFEST}
        assert [path.name for path in (tmp_path / "here").iterdir()] == ["abc"]

    def test_a_damaged_folder_here_is_replaced(self, storage: Storage, model: Path, tmp_path: Path) -> None:
        """Fetching mends what lies under the name; the damaged one is set aside for whoever wants to know."""
        storage.push(model, artefact.describe(model), "demand", "abc")
        storage.fetch("demand", "abc", tmp_path / "here" / "abc")
        (tmp_path / "here" / "abc" / "spec.json").write_text("{}")

        storage.fetch("demand", "abc", tmp_path / "here" / "abc")

        assert contents(tmp_path / "here" / "abc")["spec.json"] == (model / "spec.json").read_bytes()
        assert sorted(path.name.partition("-")[0] for path in (tmp_path / "here").iterdir()) == [".corrupt", "abc"]

    def test_a_damaged_copy_there_is_mended_by_pushing_again(
        self, storage: Storage, model: Path, tmp_path: Path, damage: Callable[[str, bytes | None], None]
    ) -> None:
        """What the storage holds under the name is not trusted but written anew."""
        manifest = artefact.describe(model)
        storage.push(model, manifest, "demand", "abc")
        damage("spec.json", b"{}")

        storage.push(model, manifest, "demand", "abc")
        storage.fetch("demand", "abc", tmp_path / "abc")

        artefact.verify(tmp_path / "abc", manifest["digest"])


class TestFetchRefuses:
    def refused(self, storage: Storage, tmp_path: Path, words: str) -> None:
        with pytest.raises(ModelUnavailable, match=words):
            storage.fetch("demand", "abc", tmp_path / "here" / "abc")
        assert not list((tmp_path / "here").glob("*")), "something of it was left"

    def test_what_was_never_pushed(self, storage: Storage, tmp_path: Path) -> None:
        """An unknown name is missing, and nothing appears here."""
        self.refused(storage, tmp_path, "does not have")

    @pytest.mark.parametrize(
        ("name", "content"),
        [("spec.json", b'{"gr\xc3\xb6\xc3\x9fe": 2}'), ("spec.json", b"x" * 99), ("spec.json", None), ("trees/a tree+1%20.npy", b"")],
        ids=["changed", "longer", "gone", "emptied"],
    )  # fmt: skip
    def test_a_changed_file(
        self, storage: Storage, model: Path, tmp_path: Path, damage: Callable[..., None], name: str, content: bytes | None
    ) -> None:
        """One byte that differs, or a file that is gone, and the artefact does not come to this host."""
        storage.push(model, artefact.describe(model), "demand", "abc")
        damage(name, content)

        self.refused(storage, tmp_path, "not what was published")

    @pytest.mark.parametrize(
        "change",
        [
            lambda manifest: {**manifest, "digest": "0" * 64},
            lambda manifest: {**manifest, "files": {"../spec.json": manifest["files"]["spec.json"]}},
            lambda manifest: {**manifest, "files": {"/tmp/x": manifest["files"]["spec.json"]}},
            lambda manifest: {**manifest, "files": {"manifest.json": manifest["files"]["spec.json"]}},
            lambda manifest: {**manifest, "files": {}},
            lambda manifest: {**manifest, "files": ["spec.json"]},
            lambda manifest: [],
        ],
        ids=["other digest", "outside", "absolute", "itself", "no files", "list", "no manifest"],
    )
    def test_a_changed_manifest(
        self, storage: Storage, model: Path, tmp_path: Path, damage: Callable[..., None], change: Callable[[Any], Any]
    ) -> None:
        """A manifest that lies is refused, above all one that names files outside of the folder."""
        manifest = artefact.describe(model)
        storage.push(model, manifest, "demand", "abc")
        damage(artefact.MANIFEST, json.dumps(change(manifest)).encode())

        self.refused(storage, tmp_path, "not what was published")


class TestInterruptedPush:
    def test_leaves_nothing_visible(self, storage: Storage, model: Path, tmp_path: Path, damage: Callable[..., None]) -> None:
        """All files without the manifest, which is what a push that died before its end left: there is no artefact."""
        storage.push(model, artefact.describe(model), "demand", "abc")
        damage(artefact.MANIFEST, None)

        assert not storage.exists("demand", "abc")
        with pytest.raises(ModelUnavailable, match="does not have"):
            storage.fetch("demand", "abc", tmp_path / "abc")

    def test_a_server_that_dies_in_the_middle(self, moto: str, bucket: Any, model: Path, tmp_path: Path) -> None:
        """With the connection gone after the first of three files no manifest is there; the next push completes it."""
        with Wire(moto, puts=1) as wire:
            with pytest.raises(StoreUnavailable, match="cannot be reached"):
                open_storage(f"s3://{BUCKET}?endpoint={wire.url}&region=us-east-1").push(
                    model, artefact.describe(model), "demand", "abc"
                )
            seen = [thing.key for thing in bucket.objects.all()]
        whole = open_storage(f"s3://{BUCKET}?endpoint={moto}&region=us-east-1")

        assert seen == ["demand/abc/empty"]
        assert not whole.exists("demand", "abc")
        whole.push(model, artefact.describe(model), "demand", "abc")
        whole.fetch("demand", "abc", tmp_path / "abc")

    def test_the_manifest_is_the_last_to_go_up(self, moto: str, bucket: Any, model: Path) -> None:
        """Whoever sees the manifest sees all the files."""
        with Wire(moto) as wire:
            open_storage(f"s3://{BUCKET}?endpoint={wire.url}").push(model, artefact.describe(model), "demand", "abc")

        assert wire.put[-1].endswith("/demand/abc/manifest.json")
        assert len({path.partition("?")[0] for path in wire.put}) == 4

    def test_a_folder_that_lacks_a_file_is_not_pushed(self, storage: Storage, model: Path) -> None:
        """Half an artefact is refused before anything goes up."""
        manifest = artefact.describe(model)
        (model / "spec.json").unlink()

        with pytest.raises(ModelUnavailable, match="missing"):
            storage.push(model, manifest, "demand", "abc")

        assert not storage.exists("demand", "abc")


class TestUnreachable:
    @pytest.fixture
    def closed(self, credentials: None) -> Storage:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        return open_storage(f"s3://{BUCKET}?endpoint=http://127.0.0.1:{port}")

    @pytest.mark.parametrize("what", ["push", "fetch", "exists"])
    def test_is_said_plainly(
        self, closed: Storage, model: Path, tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A server that is down is our fault, to be tried again; no address, path or secret is in the words or the log."""
        calls = {
            "push": lambda: closed.push(model, artefact.describe(model), "demand", "abc"),
            "fetch": lambda: closed.fetch("demand", "abc", tmp_path / "abc"),
            "exists": lambda: closed.exists("demand", "abc"),
        }

        with pytest.raises(StoreUnavailable) as caught:
            calls[what]()

        assert caught.value.message == "The artefact storage cannot be reached now."
        assert caught.value.retryable
        assert caught.value.__cause__ is None
        told = "".join(capsys.readouterr())
        assert SECRET not in told
        assert "127.0.0.1" not in told

    def test_a_silent_server_is_given_up(self, credentials: None) -> None:
        """A server that takes the connection and never answers holds nobody for ever."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}"
            with pytest.raises(StoreUnavailable):
                S3Storage(BUCKET, "", endpoint=url, answer_timeout_s=0.1).exists("demand", "abc")

    def test_a_slow_transfer_is_given_up(self, moto: str, bucket: Any, model: Path) -> None:
        """However alive the server is, a transfer ends in time; here every look at the clock finds half of it gone."""

        class Hurried(FixedClock):
            def monotonic(self) -> float:
                self.advance(seconds=TRANSFER_S / 2)
                return super().monotonic()

        hurried = S3Storage(BUCKET, "", endpoint=moto, clock=Hurried(datetime(2026, 11, 22, tzinfo=UTC)))

        with pytest.raises(StoreUnavailable, match="too slow"):
            hurried.push(model, artefact.describe(model), "demand", "abc")

        assert not hurried.exists("demand", "abc")

    def test_a_missing_bucket_is_named_as_such(self, moto: str, credentials: None, model: Path) -> None:
        """A typing error in the URL is told from a server that is down."""
        other = open_storage(f"s3://modles?endpoint={moto}")

        with pytest.raises(StoreUnavailable, match="no bucket of this name"):
            other.push(model, artefact.describe(model), "demand", "abc")

    def test_an_unmounted_share_is_not_an_empty_one(self, model: Path, tmp_path: Path) -> None:
        """A folder that is not there is out of reach; nothing is created in its place."""
        share = open_storage(f"file://{tmp_path}/share")

        with pytest.raises(StoreUnavailable):
            share.push(model, artefact.describe(model), "demand", "abc")
        with pytest.raises(StoreUnavailable):
            share.exists("demand", "abc")

        assert not (tmp_path / "share").exists()


class TestRegistryOfTwoHosts:
    """Each host has a folder of its own; store and storage are the same."""

    @pytest.fixture
    def hosts(self, engine: AsyncEngine, s3: Storage, tmp_path: Path) -> tuple[Registry, Registry]:
        here, there = (Registry(tmp_path / host, engine, Clock(), s3) for host in ("here", "there"))
        return here, there

    async def test_what_one_publishes_the_other_opens(self, hosts: tuple[Registry, Registry], model: Path) -> None:
        """Published and promoted here, the files are there as well, byte for byte; also after this host lost its own."""
        here, there = hosts
        version = await publish(here, model)
        await there.promote("demand", version.model_version, by="test", reason="it is good")

        opened = there.open_artefact(version)
        shutil.rmtree(here.open_artefact(version))

        assert contents(opened) | contents(model) == contents(opened)
        assert contents(here.open_artefact(version)) == contents(opened)

    async def test_a_damaged_copy_in_the_storage_stays_there(
        self, hosts: tuple[Registry, Registry], model: Path, bucket: Any
    ) -> None:
        """The other host refuses it and takes nothing over; the publisher's own files go on serving."""
        here, there = hosts
        version = await publish(here, model)
        bucket.Object(f"shop/registry/demand/{version.folder_name}/spec.json").put(Body=b'{"gr\xc3\xb6\xc3\x9fe": 2}')

        with pytest.raises(ModelUnavailable):
            there.open_artefact(version)
        with pytest.raises(ModelUnavailable):
            await there.promote("demand", version.model_version, by="test", reason="it is good")

        assert (await here.find("demand", version.model_version)).state == "candidate"
        assert contents(here.open_artefact(version)) | contents(model) == contents(here.open_artefact(version))

    async def test_without_the_storage_nothing_is_published(self, engine: AsyncEngine, model: Path, tmp_path: Path) -> None:
        """A version that other hosts could not open is not written down; published again later it is the same one."""
        (tmp_path / "share").mkdir()
        registry = Registry(tmp_path / "here", engine, Clock(), open_storage(f"file://{tmp_path}/share"))
        (tmp_path / "share").rename(tmp_path / "unmounted")

        with pytest.raises(StoreUnavailable):
            await publish(registry, model)
        assert await registry.versions() == []

        (tmp_path / "unmounted").rename(tmp_path / "share")
        version = await publish(registry, model)
        assert [found.model_version for found in await registry.versions()] == [version.model_version]


class TestOpenStorage:
    @pytest.mark.parametrize("url", [None, ""])
    def test_without_a_url_there_is_only_this_host(self, url: str | None, model: Path, tmp_path: Path) -> None:
        """Pushing does nothing, nothing exists elsewhere, and what is missing stays missing."""
        storage = open_storage(url)
        storage.push(model, artefact.describe(model), "demand", "abc")

        assert isinstance(storage, LocalOnly)
        assert not storage.exists("demand", "abc")
        with pytest.raises(ModelUnavailable):
            storage.fetch("demand", "abc", tmp_path / "abc")

    @pytest.mark.parametrize(
        "url",
        ["s3://", "s3:///prefix", "gs://bucket", "/folder", "file://host/folder", "file:folder", "s3://b?endpint=http://x",
         f"s3://key:{SECRET}@bucket", f"s3://bucket?secret_access_key={SECRET}"],
    )  # fmt: skip
    def test_another_url_is_refused_without_repeating_it(self, url: str) -> None:
        """Typing errors and credentials are refused when the process starts, in words that hold no secret."""
        with pytest.raises(InvalidParameters) as caught:
            open_storage(url)

        assert SECRET not in f"{caught.value.message} {caught.value.details}"

    def test_opening_does_not_even_import_the_client(self) -> None:
        """What is opened before processes are forked must not have threads yet, which the forks would miss."""
        script = (
            "import sys; from rfid3_shared.registry.storage import open_storage;"
            "open_storage('s3://models?endpoint=http://127.0.0.1:1'); print('obstore' in sys.modules)"
        )

        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

        assert run.stdout == "False\n"

    def test_a_fork_of_a_process_that_used_it_is_refused(self, s3: Storage) -> None:
        """The client's threads are missing there: a clear error instead of waiting for ever."""
        s3.exists("demand", "abc")
        assert isinstance(s3, S3Storage)
        kept, S3Storage._process = S3Storage._process, os.getppid()  # what a forked child finds

        try:
            with pytest.raises(RuntimeError, match="forked"):
                s3.exists("demand", "abc")
        finally:
            S3Storage._process = kept


class Wire:
    """A way to an HTTP server that notes uploads and, told so, breaks for good after some of them."""

    def __init__(self, target: str, puts: int | None = None) -> None:
        address = urllib.parse.urlsplit(target)
        self._far = (str(address.hostname), int(address.port or 0))
        self._left = puts
        self.put: list[str] = []

    def __enter__(self) -> "Wire":
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._break()

    def _break(self) -> None:
        for end in [self._server, *self._open]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.create_connection(self._far)
            self._open += [near, far]
            for one, other, asks in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._copy, args=(one, other, asks), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket, asks: bool) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                if asks and data.startswith(b"PUT "):
                    if self._left is not None and len(self.put) >= self._left:
                        return self._break()
                    self.put.append(data.split(b" ", 2)[1].decode())
                other.sendall(data)
