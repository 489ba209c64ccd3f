"""How long from a fresh clone to the first true forecast, downloads included?

`python -m bench.first_forecast`. Copies what a clone of the present tree would hold, with an empty home folder and pip cache,
and without Redis or MariaDB on PATH, runs `make run`, and asks for a forecast the moment `ready` is printed.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

GOAL_S = 240.0
HIDDEN = ("redis", "valkey", "maria", "mysql")
ROOT = Path(__file__).parents[1]


def clone(folder: Path) -> None:
    """What git would check out of the present tree, new files included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def bare_path(folder: Path) -> str:
    """A PATH with every program of this machine but database servers."""
    folder.mkdir()
    for entry in os.environ["PATH"].split(os.pathsep):
        for program in Path(entry).glob("*") if Path(entry).is_dir() and ".venv" not in entry else ():
            if not program.name.startswith(HIDDEN) and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program)
    return str(folder)


@contextmanager
def suite(folder: Path, environment: dict[str, str]) -> Iterator[IO[str]]:
    """`make run`, stopped afterwards whatever happened; its standard output."""
    with subprocess.Popen(["make", "run"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def main() -> None:
    """Run it once and print the seconds of each step."""
    with tempfile.TemporaryDirectory(prefix="rfid3-newcomer-") as name:
        folder = Path(name)
        clone(folder / "clone")
        home = folder / "home"
        home.mkdir()
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "RFID3_", "VIRTUAL_ENV"))}
        environment |= {
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "RFID3_PORT": "0",
            "PATH": bare_path(folder / "bin"),
        }
        started = time.perf_counter()
        subprocess.run(["make", "setup"], cwd=folder / "clone", env=environment, check=True)
        set_up_s = time.perf_counter() - started
        with suite(folder / "clone", environment) as out:
            url, key = (line.split()[at] for line, at in ((out.readline(), 1), (out.readline(), 2)))
            ready_s = time.perf_counter() - started
            request = urllib.request.Request(url + "/api/predictive/demand/forecast?weeks=4", headers={"X-API-Key": key})
            with urllib.request.urlopen(request, timeout=30) as answer:
                weeks = json.load(answer)["data"]["predictions"]
            total_s = time.perf_counter() - started
    steps = f"set-up {set_up_s:.0f} s, demo company and training {ready_s - set_up_s:.0f} s"
    print(f"{steps}, first forecast after {total_s:.0f} s")
    print(f"first week: {weeks[0]['predicted_demand']} units; goal ≤ {GOAL_S:.0f} s")


if __name__ == "__main__":
    main()
