"""Publishing and opening models: named by content, verified byte by byte, a candidate until somebody decides."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from publishing import CHAMPION, SHADOW, damage, later_clock, model, publish, serve
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.errors import ModelUnavailable, NotFound, StoreUnavailable
from rfid3_shared.registry import Registry, code_version
from rfid3_shared.registry.storage import FolderStorage


@pytest.fixture
def clock() -> FixedClock:
    return later_clock()


@pytest.fixture
def registry(engine: AsyncEngine, clock: FixedClock, tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry", engine, clock)


async def count(engine: AsyncEngine, table: str) -> int:
    async with transaction(engine) as connection:
        return int((await connection.execute(text(f"SELECT COUNT(*) FROM {table}"))).scalar_one())


def folders(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "registry" / "demand").iterdir() if path.is_dir()}


class TestPublish:
    async def test_what_was_published_is_a_candidate_and_nothing_more(self, registry: Registry, tmp_path: Path) -> None:
        """The row and the files agree with what was handed over; nothing answers yet."""
        folder = model(tmp_path)

        version = await publish(
            registry,
            folder,
            job_id="j1",
            feature_importance={"lag_1": 0.5},
            feature_spec={"lag_1": {"bins": [0, 1]}},
            code_version="c0de",
        )

        assert await registry.versions("demand") == [version] == [await registry.find("demand", version.model_version)]
        assert (version.state, version.state_since, version.evidence) == ("candidate", version.published_at, None)
        assert (version.feature_spec, version.code_version) == ({"lag_1": {"bins": [0, 1]}}, "c0de")
        assert await registry.current("demand") is await registry.shadow("demand") is None
        assert registry.remembered("demand") == []
        assert version.model_version == f"demand_v20261122_003100_{version.digest[:8]}"
        opened = registry.open_artefact(version)
        contents = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert {path: (opened / path).read_bytes() for path in contents} == contents
        assert version.bytes == sum(map(len, contents.values()))

    async def test_the_name_follows_from_content_alone(self, registry: Registry, tmp_path: Path) -> None:
        """Copies of a folder have one digest; a renamed file or a changed byte gives another."""
        first = await publish(registry, model(tmp_path))
        copied = Path(shutil.copytree(model(tmp_path), tmp_path / "copy"))
        same = await publish(registry, copied, 1)
        (copied / "word.json").rename(copied / "word2.json")
        renamed = await publish(registry, copied, 2)

        assert first.digest == same.digest != renamed.digest
        assert first.model_version != same.model_version

    async def test_the_same_again_changes_nothing(self, registry: Registry, engine: AsyncEngine, tmp_path: Path) -> None:
        """A job that runs twice publishes once, even when the world moved on between its runs."""
        first = await serve(registry, model(tmp_path), job_id="j1")
        newer = await serve(registry, model(tmp_path, "newer"), 24, job_id="j2")

        again = await publish(registry, model(tmp_path, "other"), 48, job_id="j1")

        assert (again.model_version, again.state) == (first.model_version, "retired")
        assert await registry.settle(again, CHAMPION, by="test") == again
        assert await registry.current("demand") == newer
        assert await count(engine, "ml_model_performance") == 2
        assert await count(engine, "registry_current") == 1

    async def test_without_a_job_content_and_moment_decide(
        self, registry: Registry, engine: AsyncEngine, tmp_path: Path
    ) -> None:
        """The same content trained at the same moment is one version."""
        assert await publish(registry, model(tmp_path)) == await publish(registry, model(tmp_path))
        assert await count(engine, "ml_model_performance") == 1

    async def test_a_damaged_artefact_is_mended_by_publishing_it_again(self, registry: Registry, tmp_path: Path) -> None:
        """What lies under the content's name is checked, not trusted."""
        version = await publish(registry, model(tmp_path))
        damage(registry, version)

        await publish(registry, model(tmp_path), 24)

        assert json.loads((registry.open_artefact(version) / "word.json").read_text()) == "good"

    async def test_the_newest_five_artefacts_are_kept(self, registry: Registry, tmp_path: Path) -> None:
        """Clean-up deletes older artefacts and leftovers; rows of all versions stay."""
        leftover = tmp_path / "registry" / "demand" / ".unfinished-1"
        leftover.mkdir(parents=True)
        versions = [await publish(registry, model(tmp_path, str(number)), number) for number in range(7)]

        assert folders(tmp_path) == {version.folder_name for version in versions[2:]}
        assert await registry.versions("demand", limit=3) == versions[:3:-1]
        assert await registry.versions("demand", limit=3, offset=5) == versions[1::-1]

    async def test_who_serves_or_could_at_once_is_kept_however_old(self, registry: Registry, tmp_path: Path) -> None:
        """Newer candidates never push out the champion, the shadow or the champion to go back to."""
        previous = await serve(registry, model(tmp_path, "previous"), 0)
        champion = await serve(registry, model(tmp_path, "champion"), 1)
        shadow = await registry.settle(await publish(registry, model(tmp_path, "shadow"), 2), SHADOW, by="test")

        newest = [await publish(registry, model(tmp_path, str(number)), 3 + number) for number in range(7)]

        on_duty = {version.folder_name for version in (previous, champion, shadow)}
        assert folders(tmp_path) == on_duty | {version.folder_name for version in newest[-2:]}
        assert [version.model_version for version in registry.remembered("demand")] == [
            champion.model_version,
            previous.model_version,
        ]

    async def test_an_empty_folder_is_refused(self, registry: Registry, tmp_path: Path) -> None:
        """A version without content says nothing."""
        (tmp_path / "empty").mkdir()
        with pytest.raises(ValueError, match="at least one file"):
            await publish(registry, tmp_path / "empty")

    async def test_a_store_out_of_reach_is_said(self, clock: FixedClock, tmp_path: Path) -> None:
        """Nothing is published without its row."""
        engine = open_engine("mysql://nobody@127.0.0.1:1/none")
        registry = Registry(tmp_path / "registry", engine, clock)

        with pytest.raises(StoreUnavailable):
            await publish(registry, model(tmp_path))
        await registry.remember("demand")

        assert registry.remembered("demand") == []
        await engine.dispose()


class TestCatalogue:
    async def test_nothing_is_known_before_the_first(self, registry: Registry) -> None:
        """A service without a model has no champion, and none of another's."""
        assert await registry.current("demand") is None
        assert await registry.on_duty("demand") == (None, None)
        assert await registry.versions("demand") == await registry.events("demand") == []
        assert registry.remembered("demand") == []
        with pytest.raises(NotFound):
            await registry.find("demand", "demand_v1")

    async def test_versions_can_be_asked_for_by_service_and_state(self, registry: Registry, tmp_path: Path) -> None:
        """Without a service all are listed, newest first; states narrow it."""
        champion = await serve(registry, model(tmp_path))
        other = await publish(registry, model(tmp_path), service="packs")

        assert await registry.versions() == [other, champion]
        assert await registry.versions("packs") == [other]
        assert await registry.versions(states=["champion"]) == [champion]
        assert await registry.on_duty("demand") == (champion.model_version, None)


class TestOpenArtefact:
    @pytest.mark.parametrize(
        "harm",
        [
            lambda folder: (folder / "word.json").write_bytes(b"{}"),
            lambda folder: (folder / "trees" / "mean.txt").unlink(),
            lambda folder: (folder / "trees" / "extra.txt").write_text("x"),
            lambda folder: (folder / "manifest.json").unlink(),
            lambda folder: (folder / "manifest.json").write_text("[]"),
            lambda folder: shutil.rmtree(folder),
            lambda folder: (folder / "link").symlink_to("/etc/hostname"),
        ],
        ids=["changed", "missing", "too many", "no manifest", "other manifest", "gone", "link"],
    )
    async def test_anything_but_what_was_published_is_refused(self, registry: Registry, tmp_path: Path, harm: Any) -> None:
        """A changed, missing or additional file, or a damaged manifest, makes the artefact unusable."""
        version = await publish(registry, model(tmp_path))
        harm(registry.open_artefact(version))

        with pytest.raises(ModelUnavailable):
            registry.open_artefact(version)

    async def test_another_host_fetches_what_it_lacks(self, engine: AsyncEngine, clock: FixedClock, tmp_path: Path) -> None:
        """With a storage for all hosts a model published on one is opened, and mended, on another."""
        (tmp_path / "mount").mkdir()
        storage = FolderStorage(tmp_path / "mount")
        version = await publish(Registry(tmp_path / "here", engine, clock, storage), model(tmp_path))
        there = Registry(tmp_path / "there", engine, clock, storage)

        assert json.loads((there.open_artefact(version) / "word.json").read_text()) == "good"
        damage(there, version)
        assert json.loads((there.open_artefact(version) / "word.json").read_text()) == "good"

        (tmp_path / "mount").rename(tmp_path / "unmounted")
        assert there.open_artefact(version).is_dir()
        damage(there, version)
        with pytest.raises(StoreUnavailable):
            there.open_artefact(version)

    async def test_nothing_is_written_down_that_the_storage_did_not_take(
        self, engine: AsyncEngine, clock: FixedClock, tmp_path: Path
    ) -> None:
        """A version in the store is one that every host can fetch."""
        registry = Registry(tmp_path / "here", engine, clock, FolderStorage(tmp_path / "not mounted"))

        with pytest.raises(StoreUnavailable):
            await publish(registry, model(tmp_path))

        assert await registry.versions("demand") == []

    async def test_what_the_storage_has_under_the_name_is_checked_too(
        self, engine: AsyncEngine, clock: FixedClock, tmp_path: Path
    ) -> None:
        """Another model's files, in order by themselves, are not taken for this one's."""
        (tmp_path / "mount").mkdir()
        storage = FolderStorage(tmp_path / "mount")
        registry = Registry(tmp_path / "here", engine, clock, storage)
        good, other = await publish(registry, model(tmp_path)), await publish(registry, model(tmp_path, "other"), 1)
        for place in ("here", "mount"):
            shutil.rmtree(tmp_path / place / "demand" / good.folder_name)
        shutil.copytree(tmp_path / "mount" / "demand" / other.folder_name, tmp_path / "mount" / "demand" / good.folder_name)

        with pytest.raises(ModelUnavailable):
            registry.open_artefact(good)


class TestCodeVersion:
    def test_it_names_the_source_and_nothing_else(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same files give the same name wherever they lie; a changed, renamed or new file gives another."""
        monkeypatch.syspath_prepend(tmp_path)
        seen = []
        for name, content in (("one", b"x = 1\n"), ("one", b"x = 1\r\n"), ("one", b"x = 2\n"), ("two", b"x = 1\n")):
            package = tmp_path / "codeversioned"
            shutil.rmtree(package, ignore_errors=True)
            (package / "__pycache__").mkdir(parents=True)
            (package / "__init__.py").touch()
            (package / f"{name}.py").write_bytes(content)
            (package / "__pycache__" / f"{name}.pyc").write_bytes(bytes([len(seen)]))
            code_version.cache_clear()
            seen.append(code_version("codeversioned"))

        assert seen[0] == seen[1]
        assert len(set(seen)) == 3
        assert len(code_version("rfid3_shared", "codeversioned")) == 16
        with pytest.raises(ModuleNotFoundError):
            code_version("rfid3_nowhere")
