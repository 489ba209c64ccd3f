"""The whole suite as a newcomer starts it: `rfid3 up` on a small demo company, killed and stopped in every way."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from joblife import lives, named_below

RFID3 = Path(sys.executable).with_name("rfid3")
PATIENCE_S = 120
SPARING_S = 0.5
"""Between questions that may be many: keys have limits a minute, and the tests share one suite."""
pytestmark = pytest.mark.xdist_group("up")


def eventually(holds: Callable[[], bool], seconds: float = 20, every_s: float = 0.05) -> bool:
    """Whether it comes true in time."""
    until = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < until:
        time.sleep(every_s)
    return found


@dataclass
class Running:
    """A suite that is ready."""

    process: subprocess.Popen[str]
    home: Path
    url: str
    key: str

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and body of a GET with the key that was printed."""
        return self.send("GET", path)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Status and body of a request with the key that was printed."""
        headers = {"X-API-Key": self.key, "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=content, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def processes(self) -> dict[str, psutil.Process]:
        """Processes below the suite by name."""
        return named_below(self.process.pid)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal, wait for the end, return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


def up(home: Path, *options: str, path: str | None = None) -> Running:
    """Start the suite on a free port and wait until it says it is ready."""
    home.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "RFID3_HOME": str(home), "RFID3_PORT": "0", "PATH": path or os.environ["PATH"]}
    with (home / "stages.txt").open("w") as err:
        process = subprocess.Popen(
            [RFID3, "up", *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            cwd=home,
            start_new_session=True,
        )
    assert process.stdout
    with process.stdout as out:
        lines = [out.readline(), out.readline()]
    assert lines[0].startswith("ready http://127.0.0.1:"), (home / "stages.txt").read_text()
    return Running(process, home, lines[0].split()[1], lines[1].split()[2])


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Running:
    """The first start, with nothing on PATH, which creates the demo company and learns from it; stopped again."""
    home = tmp_path_factory.mktemp("up") / "var"
    bare = home.parent / "bin"
    bare.mkdir()
    suite = up(home, "--items", "300", "--months", "8", path=str(bare))
    assert suite.stop() == 0
    return suite


@pytest.fixture(scope="module")
def running(first: Running) -> Iterator[Running]:
    """The suite, started again on that home; one for all the tests that do not end it, and for the one that does."""
    suite = up(first.home)
    yield suite
    if suite.process.poll() is None:
        suite.stop()


@pytest.fixture
def home(first: Running, running: Running) -> Path:
    """That home, in which nothing runs any more."""
    if running.process.poll() is None:
        running.stop()
    return first.home


def served_version(suite: Running) -> str:
    """The model version that answers."""
    return str(suite.get("/api/predictive/demand/forecast")[1]["meta"]["model_version"])


def all_gone(processes: list[psutil.Process]) -> bool:
    """Whether none of them runs any more."""
    return not any(process.is_running() and lives(process.pid) for process in processes)


class TestUp:
    def test_the_first_start_names_its_stages(self, first: Running) -> None:
        """Whoever waits for a first start sees what it is at, and it works with neither Redis nor MariaDB on PATH."""
        prepared = (first.home / "log" / "redis.log").exists() and (first.home / "source.json").exists()

        assert prepared
        assert json.loads((first.home / "source.json").read_text())["complete"]

    def test_the_printed_key_gets_a_forecast_through_the_gateway(self, running: Running) -> None:
        """Two commands after nothing: a true forecast, the same to everyone who asks the same."""
        status, body = running.get("/api/predictive/demand/forecast?weeks=4")
        _, again = running.get("/api/predictive/demand/forecast?weeks=4")

        assert status == 200, body
        assert len(body["data"]["predictions"]) == 4
        assert body["data"] == again["data"]
        assert (running.home / "demo.key").read_text().strip() == running.key

    def test_a_second_suite_in_the_same_home_is_refused(self, running: Running) -> None:
        """In plain words, naming who is there, and without disturbing it."""
        environment = {**os.environ, "RFID3_HOME": str(running.home), "RFID3_PORT": "0"}

        second = subprocess.run([RFID3, "up"], env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

        assert second.returncode == 1
        assert f"already running here (process {running.process.pid})" in second.stderr
        assert "Traceback" not in second.stderr
        assert running.get("/api/predictive/demand/forecast")[0] == 200

    def test_a_taken_port_is_refused(self, running: Running, tmp_path: Path) -> None:
        """Exit code 2, and which port it is."""
        port = running.url.rpartition(":")[2]
        environment = {**os.environ, "RFID3_HOME": str(tmp_path / "other"), "RFID3_PORT": port}

        second = subprocess.run([RFID3, "up"], env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

        assert second.returncode == 2
        assert f"Port {port} is taken" in second.stderr

    def test_a_service_s_setting_that_cannot_be_used_is_told_in_words(self, tmp_path: Path) -> None:
        """Exit code 2, the variable and what it takes, and nothing goes on running."""
        environment = {
            **os.environ,
            "RFID3_HOME": str(tmp_path / "other"),
            "RFID3_PORT": "0",
            "RFID3_MAINTENANCE_CREW": "repair=8",
        }

        run = subprocess.run([RFID3, "up"], env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

        assert run.returncode == 2, run.stderr
        assert "RFID3_MAINTENANCE_CREW: a crew is written skill:hours" in " ".join(run.stderr.split())
        assert "Traceback" not in run.stderr

    def test_answers_go_on_while_redis_is_killed_and_comes_back(self, running: Running) -> None:
        """Losing Redis costs no answer; the supervisor starts another."""
        redis = running.processes()["redis-server"]

        redis.kill()
        statuses = [running.get(f"/api/predictive/demand/forecast?weeks={weeks}")[0] for weeks in (1, 2, 3)]

        assert statuses == [200, 200, 200]
        assert eventually(lambda: (other := running.processes().get("redis-server")) is not None and other.pid != redis.pid)

    def test_a_killed_service_is_started_again(self, running: Running) -> None:
        """Callers wait for the new process instead of being refused for good."""
        service = running.processes()["rfid3-demand"]

        service.kill()
        service.wait(10)

        assert eventually(lambda: running.get("/api/predictive/demand/forecast")[0] == 200)
        assert running.processes()["rfid3-demand"].pid != service.pid


class TestServices:
    def test_every_service_has_learned_and_answers_through_the_gateway(self, running: Running) -> None:
        """Maintenance and quality start, train and answer like demand, and stand in the one OpenAPI document."""
        schedule = running.get("/api/predictive/maintenance/schedule?min_failure_probability=0&limit=1")
        chosen = schedule[1]["data"]["maintenance_schedule"][0]["equipment_id"]
        condition = running.get(f"/api/predictive/quality/degradation/{chosen}")
        item = running.get(f"/api/integrated/item/{chosen}/predictions")[1]["data"]
        models = running.get("/api/predictive/models/status")[1]["data"]

        assert (schedule[0], condition[0]) == (200, 200)
        assert {one["prediction_type"] for one in item["predictions"]} >= {"maintenance", "quality"}
        assert {name: one["loaded"] for name, one in models.items()} == dict.fromkeys(
            ("demand", "maintenance", "quality"), True
        )


class TestLearning:
    def test_a_retrain_survives_its_killed_worker_and_redis(self, running: Running) -> None:
        """kill -9 of the worker and Redis in the middle: the job finishes, once, and meanwhile every forecast is answered."""
        status, body = running.send("POST", "/api/predictive/demand/retrain", {"hyperparameter_tuning": False})
        assert status == 202, body
        path = f"/api/predictive/jobs/{body['data']['training_job_id']}"
        assert eventually(lambda: running.get(path)[1]["data"]["progress"] > 0, every_s=SPARING_S)

        for name in ("rfid3-worker", "redis-server"):
            running.processes()[name].kill()
        statuses: list[int] = []

        def over() -> bool:
            time.sleep(1)  # keys have limits a minute
            statuses.append(running.get("/api/predictive/demand/forecast?weeks=2")[0])
            return running.get(path)[1]["data"]["state"] not in ("queued", "running")

        assert eventually(over, 90)
        job = running.get(path)[1]["data"]
        assert (job["state"], job["attempts"]) == ("succeeded", 2), job
        assert set(statuses) == {200}
        history = running.get("/api/predictive/models/version-history?service=demand")[1]["data"]["versions"]
        # the same data again: what came of it is a candidate that is no better than what serves
        assert [version["state"] for version in history].count("champion") == 1
        assert len([version for version in history if version["version"] == job["result"]["model_version"]]) == 1

    def test_a_flag_switched_off_takes_effect_and_is_in_the_audit(self, running: Running) -> None:
        """Off: 503 FEATURE_DISABLED, and RFID3's own view goes on with the other services; on again: forecasts. Who and why is kept."""
        environment = {**os.environ, "RFID3_HOME": str(running.home)}

        def switch(to: str, reason: str) -> None:
            command = [RFID3, "flags", to, "demand-forecasting", "--reason", reason]
            subprocess.run(command, env=environment, check=True, capture_output=True, timeout=PATIENCE_S)

        switch("off", "stock-taking")
        assert eventually(lambda: running.get("/api/predictive/demand/forecast?weeks=1")[0] == 503, every_s=SPARING_S)
        refused = running.get("/api/predictive/demand/forecast")[1]
        view = running.get("/api/inventory-analytics/enhanced-insights")[1]
        switch("on", "done")
        assert eventually(lambda: running.get("/api/predictive/demand/forecast")[0] == 200, every_s=SPARING_S)
        reasons = [change["reason"] for change in running.get("/api/predictive/flags/audit")[1]["data"]["changes"][:2]]

        assert refused["error"]["code"] == "FEATURE_DISABLED"
        shown = view["data"]["predictive_analytics"]
        assert shown["demand_forecast"] is None
        assert shown["maintenance_schedule"] is not None
        assert view["data"]["unavailable"]["demand_forecast"] == "Demand forecasting is switched off."
        assert reasons == ["done", "stock-taking"]


class TestStop:
    def test_training_under_way_ends_with_the_suite(self, running: Running) -> None:
        """A job's own process group does not outlive the suite; the job runs again at the next start."""
        request = urllib.request.Request(
            running.url + "/api/predictive/demand/retrain", data=b"{}", method="POST",
            headers={"X-API-Key": running.key, "content-type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 202
        worker = running.processes()["rfid3-worker"]
        assert eventually(lambda: "rfid3-job" in named_below(worker.pid))
        processes = list(running.processes().values())

        code = running.stop(signal.SIGTERM)

        assert code == 0
        assert len(processes) >= 4
        assert all_gone(processes)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
    def test_a_killed_parent_leaves_no_process_and_a_usable_home(self, home: Path, first: Running) -> None:
        """SIGKILL of the parent: the kernel ends the rest. The next start works at once, and Ctrl-C ends that with exit code 0.

        It keeps data, model and key: nothing is created, trained or handed out twice.
        """
        killed = up(home)
        processes, version = list(killed.processes().values()), served_version(killed)

        killed.stop(signal.SIGKILL)
        later = up(home)
        lived = list(later.processes().values())

        assert all_gone(processes)
        assert served_version(later) == version
        assert {killed.key, later.key} == {first.key}
        assert "kept as it is" in (home / "stages.txt").read_text()
        assert later.stop(signal.SIGINT) == 0
        assert len(lived) >= 4
        assert all_gone(lived)
