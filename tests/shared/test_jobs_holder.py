"""Is a process called gone exactly when it is?"""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from rfid3_shared.jobs.holder import is_gone, own_name

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a process began")


def name_of(pid: int) -> str:
    """The name the process would give itself."""
    machine, _, _, tail = own_name().rsplit(":", 3)
    begun = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return f"{machine}:{pid}:{begun}:{tail}"


class TestIsGone:
    def test_a_living_process_is_not(self) -> None:
        """This one, and one it started."""
        with subprocess.Popen(["sleep", "60"]) as process:
            assert not is_gone(own_name())
            assert not is_gone(name_of(process.pid))
            process.kill()

    def test_a_killed_one_is_at_once(self) -> None:
        """Before its parent has taken notice, and afterwards."""
        process = subprocess.Popen(["sleep", "60"])
        name = name_of(process.pid)
        process.kill()
        # until it is waited for, something of it is left
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            pass

        assert is_gone(name)
        process.wait()
        assert is_gone(name)

    def test_another_process_with_its_number_is_not_it(self) -> None:
        """Numbers are used again; when a process began is not."""
        machine, pid, begun, tail = own_name().rsplit(":", 3)

        assert is_gone(f"{machine}:{pid}:{int(begun) - 1}:{tail}")

    @pytest.mark.parametrize(
        "name", ["", "elsewhere:1:1:aaaaaaaa", "elsewhere/00000000/1:999999:5:aaaaaaaa", "host:12:ab12", "a:b:c:d"]
    )
    def test_what_cannot_be_seen_from_here_is_not_judged(self, name: str) -> None:
        """Another host, another boot or container, and names of earlier versions: their leases decide."""
        assert not is_gone(name)

    def test_names_fit_the_column_and_differ(self) -> None:
        """At most 100 characters, and never the same twice."""
        assert len(own_name()) <= 100
        assert own_name() != own_name()
        assert f":{os.getpid()}:" in own_name()
