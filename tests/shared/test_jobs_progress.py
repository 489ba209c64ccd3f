"""Progress: at most five lines a second, and never a new stage held back."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rfid3_shared.clock import FixedClock
from rfid3_shared.jobs import TerminalProgress
from rfid3_shared.jobs.progress import LineProgress, fraction


class TestLineProgress:
    def test_within_a_stage_five_a_second(self) -> None:
        """However often the work reports, a reader gets a line at most every 0.2 s, and each new stage at once."""
        clock, written = FixedClock(datetime(2026, 3, 2, tzinfo=UTC)), list[dict[str, Any]]()
        progress = LineProgress(written.append, clock)

        for done in range(1000):
            progress.report("fit", done, 1000)
            clock.advance(milliseconds=1)
        progress.report("evaluate", 0, 10)

        assert len(written) == 5 + 1
        assert written[-1] == {"stage": "evaluate", "progress": 0.0}
        assert [line["progress"] for line in written[:5]] == sorted(line["progress"] for line in written[:5])


class TestTerminalProgress:
    def test_a_stage_is_a_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Every stage that was reported is shown, with how far it came."""
        with TerminalProgress() as progress:
            progress.report("features", 10, 10)
            progress.report("fit", 1, 2)

        shown = capsys.readouterr().err
        assert "features" in shown
        assert "100 %" in shown
        assert "50 %" in shown


class TestFraction:
    @pytest.mark.parametrize(("done", "total", "expected"), [(0, 0, 1.0), (1, 4, 0.25), (5, 4, 1.0), (-1, 4, 0.0)])
    def test_stays_between_none_and_all(self, done: int, total: int, expected: float) -> None:
        """Nothing to do is done; more than all is all."""
        assert fraction(done, total) == expected
