"""Log files of the processes: what a person is told of them, and how large they grow."""

import json
import os
from pathlib import Path

import pytest

from rfid3_deploy.logs import ProcessLog, in_short


def line(**event: object) -> bytes:
    """One JSON log line."""
    return json.dumps(event).encode() + b"\n"


@pytest.fixture
def log(tmp_path: Path) -> ProcessLog:
    """The log of a process that has written nothing yet."""
    return ProcessLog(tmp_path / "demand.log", max_bytes=1000)


class TestNewErrors:
    def test_tells_each_error_once_and_nothing_else(self, log: ProcessLog) -> None:
        """Errors since the last look, in short; warnings stay in the file."""
        writer = log.open()
        os.write(
            writer, line(level="warning", event="slow") + line(level="error", event="unhandled", path="/x", exception="secret")
        )

        first, second = log.new_errors(), log.new_errors()
        os.close(writer)

        assert first == ["unhandled path=/x"]
        assert second == []

    def test_waits_for_the_end_of_a_line(self, log: ProcessLog) -> None:
        """Half a line is not lost when it is read while it is written."""
        writer = log.open()
        whole = line(level="error", event="unhandled")

        os.write(writer, whole[:10])
        early = log.new_errors()
        os.write(writer, whole[10:])
        late = log.new_errors()
        os.close(writer)

        assert (early, late) == ([], ["unhandled"])

    def test_skips_what_earlier_starts_wrote(self, log: ProcessLog) -> None:
        """A new start does not repeat old errors."""
        log.path.write_bytes(line(level="error", event="old"))

        assert ProcessLog(log.path).new_errors() == []


class TestCut:
    def test_moves_a_large_log_aside_while_its_process_goes_on_writing(self, log: ProcessLog) -> None:
        """The writer's own descriptor stays good; two files of bounded size are kept."""
        writer = log.open()
        os.write(writer, b"x" * 1001)

        was_cut = log.cut()
        os.write(writer, b"after")
        os.close(writer)

        assert was_cut
        assert log.path.read_bytes() == b"after"
        assert len(log.path.with_suffix(".log.1").read_bytes()) == 1001

    def test_leaves_a_small_log_alone(self, log: ProcessLog) -> None:
        """Nothing happens below the limit, nor without a file."""
        without = log.cut()
        log.path.write_bytes(b"x")

        assert (without, log.cut()) == (False, False)


class TestInShort:
    @pytest.mark.parametrize("text", [b"plain words", b"[1]", b'{"level": "info", "event": "x"}', b'{"event": "x"}', b""])
    def test_is_nothing_for_what_is_no_error(self, text: bytes) -> None:
        """Only JSON objects of level error or critical concern a person."""
        assert in_short(text) is None
