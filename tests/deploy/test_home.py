"""One suite per home."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rfid3_deploy.home import HomeInUse, take_home

HOLD = """
import sys
from pathlib import Path
from rfid3_deploy.home import take_home
home = take_home(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has taken the home."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdin
    assert process.stdout.readline() == "held\n"
    yield process
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


class TestTakeHome:
    def test_makes_the_folders(self, tmp_path: Path) -> None:
        """A home that does not exist yet is made whole."""
        home = take_home(tmp_path / "a" / "home")
        os.close(home.lock_fd)

        assert {path.name for path in home.path.iterdir()} == {"log", "run", "registry", "spill"}

    def test_refuses_a_home_in_use(self, holder: subprocess.Popen[str], tmp_path: Path) -> None:
        """Two suites in one folder would fight for its database; the second is told who is there."""
        with pytest.raises(HomeInUse, match=str(holder.pid)):
            take_home(tmp_path)

    def test_is_free_again_when_its_holder_was_killed(self, holder: subprocess.Popen[str], tmp_path: Path) -> None:
        """No stale lock file needs to be deleted by hand."""
        holder.kill()
        holder.wait(10)

        home = take_home(tmp_path)
        os.close(home.lock_fd)

        assert (tmp_path / "run" / "lock").read_text() == f"{os.getpid()}\n"
