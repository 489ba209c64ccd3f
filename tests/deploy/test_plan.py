"""Where a start keeps its state."""

from pathlib import Path

import pytest

from rfid3_deploy.plan import Plan, home_of, key_files
from rfid3_shared.settings import Settings


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working folder where nobody has set RFID3_HOME."""
    monkeypatch.delenv("RFID3_HOME")
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestHomeOf:
    def test_parts_an_export_from_the_demo(self, unset: Path) -> None:
        """The demo lives in var, an export in a folder of its own below it."""
        assert home_of(Plan(), Settings()) == unset / "var"
        assert home_of(Plan(data="/data/june/"), Settings()) == unset / "var" / "export-june"

    def test_obeys_whoever_sets_the_home(self, tmp_path: Path) -> None:
        """RFID3_HOME is used as it is, with an export too."""
        assert home_of(Plan(data="/data/june"), Settings()) == tmp_path / "var"


class TestKeyFiles:
    def test_one_key_opens_the_demo_and_an_export(self, unset: Path) -> None:
        """`var/demo.key` always holds the key of what was started last."""
        assert key_files(Plan(), Settings()) == [unset / "var" / "demo.key"]
        assert key_files(Plan(data="/data/june"), Settings()) == [unset / "var/demo.key", unset / "var/export-june/demo.key"]


class TestPlan:
    def test_survives_the_command_line(self) -> None:
        """What `rfid3 up` was asked reaches the process it turns into, spaces and all."""
        plan = Plan(data="/a folder/ü", items=300, months=8, seed=1)

        assert Plan.from_json(plan.to_json()) == plan
