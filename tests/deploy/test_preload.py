"""The parent of all processes: what it may hold when it forks."""

import json
import os
import subprocess
import sys

from rfid3_shared.fork_safety import ONE_THREAD


def run(script: str) -> str:
    """What a fresh interpreter prints for a script, whatever thread limits other tests' libraries left in this process."""
    env = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=env).stdout


class TestPreload:
    def test_loads_everything_that_serves_in_one_thread(self) -> None:
        """After all apps are imported and made, one thread runs, no model library is there, and the objects are frozen."""
        script = """
import gc, json, os, sys
from rfid3_deploy.preload import freeze, preload
from rfid3_shared.fork_safety import running_threads
from rfid3_deploy.suite import create_app
before = dict(os.environ)
preload(["rfid3_gateway.app", "rfid3_demand.app", "rfid3_demand.worker"])
apps = [create_app("rfid3_gateway.app"), create_app("rfid3_demand.app")]
freeze()
heavy = [name for name in ("polars", "lightgbm", "statsforecast", "pandas") if name in sys.modules]
print(json.dumps([running_threads(), heavy, gc.get_freeze_count() > 100_000, dict(os.environ) == before]))
"""
        assert json.loads(run(script)) == [1, [], True, True]

    def test_leaves_training_its_threads(self) -> None:
        """The limit of one thread per library holds for the imports only, not for what the processes start."""
        script = "import os; from rfid3_deploy.preload import preload; preload([]); "

        assert run(script + f"print([os.environ.get(name) for name in {ONE_THREAD}])").strip() == "[None, None, None]"


class TestFreeze:
    def test_refuses_to_fork_with_threads(self) -> None:
        """A thread would be missing in the forks, and its locks would stay locked for ever."""
        script = """
import threading
from rfid3_deploy.preload import freeze
from rfid3_shared.fork_safety import NotForkSafe
threading.Thread(target=threading.Event().wait, daemon=True).start()
try:
    freeze()
except NotForkSafe:
    print("refused")
"""
        assert run(script).strip() == "refused"
