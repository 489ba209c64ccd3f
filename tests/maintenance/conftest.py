"""One small company that has learned, made once a process and copied for each test that changes it."""

from pathlib import Path

import pytest
from learnedlife import copied
from maintenancelife import learned

from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_maintenance.snapshot import Snapshot, load


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A home with a model, and a key for each scope."""
    home = tmp_path_factory.mktemp("learned maintenance")
    return home, learned(home)


@pytest.fixture
def settings(shop: tuple[Path, dict[str, str]], tmp_path: Path, redis_url: str) -> MaintenanceSettings:
    """Settings of a copy of that home."""
    own = MaintenanceSettings(home=tmp_path, redis_url=redis_url, job_poll_ms=20)
    copied(shop[0], own)
    return own


@pytest.fixture
def keys(shop: tuple[Path, dict[str, str]]) -> dict[str, str]:
    """scope → key."""
    return shop[1]


@pytest.fixture(scope="session")
def snapshot(shop: tuple[Path, dict[str, str]]) -> Snapshot:
    """What the trained company answers from."""
    folder = next(path.parent for path in sorted(shop[0].rglob("spec.json")))
    return load(folder)
