"""One small company that has learned, made once a process and copied for each test that changes it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from learnedlife import copied
from qualitylife import learned, serving

from rfid3_quality.settings import QualitySettings
from rfid3_quality.snapshot import Snapshot, load


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A home with a model, and a key for each scope."""
    home = tmp_path_factory.mktemp("learned quality")
    return home, learned(home)


@pytest.fixture
def settings(shop: tuple[Path, dict[str, str]], tmp_path: Path, redis_url: str) -> QualitySettings:
    """Settings of a copy of that home."""
    own = QualitySettings(home=tmp_path, redis_url=redis_url)
    copied(shop[0], own)
    return own


@pytest.fixture
def keys(shop: tuple[Path, dict[str, str]]) -> dict[str, str]:
    """scope → key."""
    return shop[1]


@pytest.fixture(scope="session")
def snapshot(shop: tuple[Path, dict[str, str]]) -> Snapshot:
    """What the trained company answers from."""
    return load(next(path.parent for path in sorted(shop[0].rglob("wear.json"))))


@pytest.fixture
async def client(settings: QualitySettings, keys: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """A client that may read and report, of a service on a copy of the company."""
    async with serving(settings, keys["events"]) as (found, _):
        yield found
