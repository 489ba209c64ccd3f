"""The `rfid3` command: light for those who name a command, complete for those who ask what there is."""

import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from typer.testing import CliRunner

from rfid3_shared.cli import COMMANDS, GROUPS, ORDER, build

NAMES = {point.name for group in (COMMANDS, GROUPS) for point in entry_points(group=group)}


class TestBuild:
    def test_help_lists_every_command_in_the_order_one_meets_them(self) -> None:
        """Single commands and groups, as ORDER has them; nothing installed is missing from it, and services stand where it says so."""
        told = CliRunner().invoke(build(), ["--help"]).output.splitlines()
        services = [point.name for point in entry_points(group=GROUPS) if point.module == f"rfid3_{point.name}.commands"]

        listed = [line[2:].split()[0] for line in told if line[:2] == "│ " and line[2] not in " -"]

        assert listed == [
            name for word in ORDER for name in (sorted(services) if word == "services" else [word]) if name in NAMES
        ]
        assert set(listed) == NAMES

    @pytest.mark.parametrize("name", sorted(NAMES))
    def test_each_command_works_alone(self, name: str) -> None:
        """Naming a command loads that one, and it keeps its name and its help."""
        told = CliRunner().invoke(build(name), [name, "--help"])

        assert told.exit_code == 0
        assert name in told.output.splitlines()[1]

    def test_an_unknown_command_is_told_apart_from_the_known(self) -> None:
        """A misspelt name is held against every command there is."""
        told = CliRunner().invoke(build("modles"), ["modles"])

        assert told.exit_code == 2
        assert "models" in told.output

    def test_naming_one_loads_no_other(self) -> None:
        """Listing jobs loads neither frames nor a model."""
        script = "import sys; from rfid3_shared.cli import build; build('jobs'); print({'polars', 'numpy'} & set(sys.modules))"

        said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout

        assert said.strip() == "set()"


class TestWrongSettings:
    def test_are_told_by_their_names_and_never_by_their_values(self) -> None:
        """Each variable that cannot be used is named with what it takes; what it was set to may be a secret."""
        environment = {**os.environ, "RFID3_PORT": "hunter2", "RFID3_JOB_POLL_MS": "soon"}

        run = subprocess.run(
            [sys.executable, "-m", "rfid3_shared.cli", "jobs", "list"], env=environment, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip

        assert run.returncode == 2, run.stderr
        for name in ("RFID3_PORT", "RFID3_JOB_POLL_MS"):
            assert f"{name}: Input should be a valid integer" in " ".join(run.stderr.split())
        assert "hunter2" not in run.stderr
        assert "Traceback" not in run.stderr
