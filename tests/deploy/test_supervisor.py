"""Processes under supervision, in a parent of their own: the tests' process must not reap or block anything."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

PROLOGUE = """
import os, signal, sys, time
from pathlib import Path
from rfid3_deploy.kernel import adopt_orphans
from rfid3_deploy.process import Process
from rfid3_deploy.supervisor import Stopped, Supervisor

here = Path(sys.argv[1])
def say(words): os.write(1, f"{words}\\n".encode())  # one write: lines of several processes must not mix
def sleep():
    say(f"up {os.getpid()}")
    time.sleep(60)
def leave_a_grandchild():
    if os.fork() == 0:
        os.setsid()
        say(f"up {os.getpid()}")
        time.sleep(60)
    sleep()
def ignore_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleep()
adopt_orphans()
supervisor = Supervisor([], say)
"""


def eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether it comes true in time."""
    until = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < until:
        time.sleep(0.02)
    return found


class Parent:
    """A supervising process that runs a script."""

    def __init__(self, script: str, folder: Path) -> None:
        self._folder = folder
        command = [sys.executable, "-u", "-c", PROLOGUE + textwrap.dedent(script), str(folder)]
        with (folder / "out").open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)

    @property
    def said(self) -> list[str]:
        """Lines of the script and its processes so far."""
        return (self._folder / "out").read_text().splitlines()

    def pids(self, count: int) -> list[int]:
        """The pids of the first `count` processes that said `up`."""
        assert eventually(lambda: len([line for line in self.said if line.startswith("up ")]) >= count), self.said
        return [int(line.split()[1]) for line in self.said if line.startswith("up ")]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Parent]]:
    """Starts a supervising process; ended after the test."""
    parents: list[Parent] = []

    def start(script: str) -> Parent:
        parents.append(Parent(script, tmp_path))
        return parents[-1]

    yield start
    for parent in parents:
        if parent.process.poll() is None:
            parent.process.kill()
        parent.process.wait(10)


def gone(pids: list[int]) -> bool:
    """Whether none of the processes is left, zombies aside."""
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


class TestWatch:
    def test_starts_again_what_ended(self, start: Callable[[str], Parent]) -> None:
        """A killed process comes back as another, and the person is told what happened."""
        parent = start("supervisor.start(Process('a', sleep)); supervisor.watch(); supervisor.stop()")
        (first,) = parent.pids(1)

        os.kill(first, signal.SIGKILL)
        second = parent.pids(2)[1]

        assert second != first
        assert any("a was ended by SIGKILL; starting it again in 0.1 s" in line for line in parent.said)

    def test_waits_longer_after_each_failure_in_a_row(self, start: Callable[[str], Parent]) -> None:
        """A process that cannot run does not keep the machine busy: 0.1, 0.2, 0.4 … seconds."""
        parent = start("supervisor.start(Process('a', lambda: 3)); supervisor.watch()")

        told = [f"a ended with exit code 3; starting it again in {pause} s" for pause in (0.1, 0.2, 0.4)]

        assert eventually(lambda: [line for line in parent.said if line.startswith("a ended")][:3] == told), parent.said


class TestStop:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_leaves_nothing_behind(self, start: Callable[[str], Parent], number: signal.Signals) -> None:
        """However a person ends the suite, every process ends, also what processes had started themselves."""
        parent = start("""
            supervisor.start(Process("first", sleep)); supervisor.start(Process("second", leave_a_grandchild))
            supervisor.watch(); supervisor.stop()
        """)
        pids = parent.pids(3)

        parent.process.send_signal(number)

        assert parent.process.wait(20) == 0
        assert gone(pids)

    def test_kills_what_does_not_end_by_itself(self, start: Callable[[str], Parent]) -> None:
        """A second Ctrl-C ends the wait for a process that ignores the request to stop."""
        parent = start("supervisor.start(Process('a', ignore_sigterm)); supervisor.watch(); say('stopping'); supervisor.stop()")
        pids = parent.pids(1)
        parent.process.send_signal(signal.SIGINT)
        assert eventually(lambda: "stopping" in parent.said)

        parent.process.send_signal(signal.SIGINT)

        assert parent.process.wait(20) == 0
        assert gone(pids)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
    def test_not_even_a_killed_parent_leaves_a_process(self, start: Callable[[str], Parent]) -> None:
        """The kernel ends the processes when the parent was killed."""
        parent = start("supervisor.start(Process('a', sleep)); supervisor.start(Process('b', sleep)); supervisor.watch()")
        pids = parent.pids(2)

        parent.process.kill()
        parent.process.wait(10)

        assert eventually(lambda: gone(pids))


class TestRunOnce:
    def test_returns_the_exit_code_and_does_not_start_again(self, start: Callable[[str], Parent]) -> None:
        """A stage is run to its end once."""
        parent = start("say(f'code {supervisor.run_once(Process(\"stage\", lambda: 7))}'); supervisor.stop()")

        assert parent.process.wait(20) == 0
        assert parent.said == ["code 7"]

    def test_ends_with_the_suite(self, start: Callable[[str], Parent]) -> None:
        """Stopping while a stage runs ends the stage."""
        parent = start("""
            try:
                supervisor.run_once(Process("stage", sleep))
            except Stopped:
                say("stopped")
        """)
        pids = parent.pids(1)

        parent.process.terminate()

        assert parent.process.wait(20) == 0
        assert parent.said[-1] == "stopped"
        assert gone(pids)


class TestFork:
    def test_a_process_has_a_name_a_log_and_a_group_of_its_own(self, start: Callable[[str], Parent], tmp_path: Path) -> None:
        """ps shows what it is; what it prints goes to its log; Ctrl-C at the terminal does not reach it."""
        start("supervisor.start(Process('demand', sleep, here / 'demand.log')); supervisor.watch(); supervisor.stop()")
        log = tmp_path / "demand.log"
        assert eventually(lambda: log.exists() and log.read_text().startswith("up "))
        pid = int(log.read_text().split()[1])

        assert psutil.Process(pid).name() == "rfid3-demand"
        assert os.getpgid(pid) == pid

    def test_an_error_stays_in_the_fork(self, start: Callable[[str], Parent]) -> None:
        """What a process raises is printed to its log; it never runs on in the parent's code."""
        parent = start("say(f'code {supervisor.run_once(Process(\"stage\", lambda: 1 / 0))}')")

        assert parent.process.wait(20) == 0
        assert parent.said[-1] == "code 1"
        assert any("ZeroDivisionError" in line for line in parent.said)
        assert len([line for line in parent.said if line.startswith("code")]) == 1
