"""Publishing and opening models: named by content, verified byte by byte, current in one transaction."""

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.errors import ModelUnavailable, StoreUnavailable
from rfid3_shared.registry import Registry, Version

TRAINED = datetime(2026, 11, 22, 0, 31, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    # two hours ahead of the files' own times, so that clean-up does not take them for a publication under way
    return FixedClock(datetime.now(UTC) + timedelta(hours=2))


@pytest.fixture
def registry(engine: AsyncEngine, clock: FixedClock, tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry", engine, clock)


def model(tmp_path: Path, word: str = "good") -> Path:
    folder = tmp_path / f"trained-{word}"
    (folder / "trees").mkdir(parents=True, exist_ok=True)
    (folder / "spec.json").write_text(json.dumps({"word": word}))
    (folder / "trees" / "mean.txt").write_text(f"tree {word}\n" * 1000)
    return folder


async def publish(registry: Registry, folder: Path, **changes: Any) -> Version:
    facts = {
        "model_type": "ensemble", "metrics": {"wape": 0.21}, "data_from": date(2024, 1, 1), "data_to": date(2026, 11, 15),
        "parameters": {"seed": 7}, "trained_at": TRAINED, **changes,
    }  # fmt: skip
    return await registry.publish("demand", folder, **facts)


async def count(engine: AsyncEngine, table: str) -> int:
    async with transaction(engine) as connection:
        return int((await connection.execute(text(f"SELECT COUNT(*) FROM {table}"))).scalar_one())


class TestPublish:
    async def test_the_current_version_is_what_was_published(self, registry: Registry, tmp_path: Path) -> None:
        """The row, the local record and the files agree with what was handed over."""
        folder = model(tmp_path)

        version = await publish(registry, folder, job_id="j1", feature_importance={"lag_1": 0.5})

        assert await registry.current("demand") == version == registry.remembered("demand")[0]
        assert await registry.versions("demand") == [version]
        assert version.model_version == f"demand_v20261122_003100_{version.digest[:8]}"
        opened = registry.open_artefact(version)
        contents = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert {path: (opened / path).read_bytes() for path in contents} == contents
        assert version.bytes == sum(map(len, contents.values()))

    async def test_the_name_follows_from_content_alone(self, registry: Registry, tmp_path: Path) -> None:
        """Copies of a folder have one digest; a renamed file or a changed byte gives another."""
        first = await publish(registry, model(tmp_path))
        copied = Path(shutil.copytree(model(tmp_path), tmp_path / "copy"))
        same = await publish(registry, copied, trained_at=TRAINED + timedelta(hours=1))
        (copied / "spec.json").rename(copied / "spec2.json")
        renamed = await publish(registry, copied, trained_at=TRAINED + timedelta(hours=2))

        assert first.digest == same.digest != renamed.digest
        assert first.model_version != same.model_version

    async def test_the_same_again_changes_nothing(self, registry: Registry, engine: AsyncEngine, tmp_path: Path) -> None:
        """A job that runs twice publishes once, even when the world moved on between its runs."""
        first = await publish(registry, model(tmp_path), job_id="j1")
        newer = await publish(registry, model(tmp_path, "newer"), job_id="j2", trained_at=TRAINED + timedelta(days=1))

        again = await publish(registry, model(tmp_path, "other"), job_id="j1", trained_at=TRAINED + timedelta(days=2))

        assert again == first
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
        (registry.open_artefact(version) / "spec.json").write_text("{}")

        await publish(registry, model(tmp_path), trained_at=TRAINED + timedelta(days=1))

        assert json.loads((registry.open_artefact(version) / "spec.json").read_text()) == {"word": "good"}

    async def test_the_newest_five_artefacts_are_kept(self, registry: Registry, tmp_path: Path) -> None:
        """Clean-up deletes older artefacts and leftovers; rows of all versions stay."""
        leftover = tmp_path / "registry" / "demand" / ".unfinished-1"
        leftover.mkdir(parents=True)
        versions = [
            await publish(registry, model(tmp_path, str(number)), trained_at=TRAINED + timedelta(days=number))
            for number in range(7)
        ]

        kept = {path.name for path in (tmp_path / "registry" / "demand").iterdir() if path.is_dir()}
        assert kept == {version.folder_name for version in versions[2:]}
        assert await registry.versions("demand", limit=3) == versions[:3:-1]
        assert registry.remembered("demand") == versions[:1:-1]

    async def test_an_empty_folder_is_refused(self, registry: Registry, tmp_path: Path) -> None:
        """A version without content says nothing."""
        (tmp_path / "empty").mkdir()
        with pytest.raises(ValueError, match="at least one file"):
            await publish(registry, tmp_path / "empty")

    async def test_a_store_out_of_reach_is_said(self, clock: FixedClock, tmp_path: Path) -> None:
        """Nothing becomes current without its row."""
        engine = open_engine("mysql://nobody@127.0.0.1:1/none")
        registry = Registry(tmp_path / "registry", engine, clock)

        with pytest.raises(StoreUnavailable):
            await publish(registry, model(tmp_path))

        assert registry.remembered("demand") == []
        await engine.dispose()


class TestCurrent:
    async def test_nothing_is_current_before_the_first(self, registry: Registry) -> None:
        """A service without a model has no current version, and none of another's."""
        assert await registry.current("demand") is None
        assert await registry.versions("demand") == []
        assert registry.remembered("demand") == []


class TestOpenArtefact:
    @pytest.mark.parametrize(
        "damage",
        [
            lambda folder: (folder / "spec.json").write_bytes(b"{}"),
            lambda folder: (folder / "trees" / "mean.txt").unlink(),
            lambda folder: (folder / "trees" / "extra.txt").write_text("x"),
            lambda folder: (folder / "manifest.json").unlink(),
            lambda folder: (folder / "manifest.json").write_text("[]"),
            lambda folder: shutil.rmtree(folder),
            lambda folder: (folder / "link").symlink_to("/etc/hostname"),
        ],
        ids=["changed", "missing", "too many", "no manifest", "other manifest", "gone", "link"],
    )
    async def test_anything_but_what_was_published_is_refused(self, registry: Registry, tmp_path: Path, damage: Any) -> None:
        """A changed, missing or additional file, or a damaged manifest, makes the artefact unusable."""
        version = await publish(registry, model(tmp_path))
        damage(registry.open_artefact(version))

        with pytest.raises(ModelUnavailable):
            registry.open_artefact(version)
