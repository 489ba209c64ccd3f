"""What a start says where there is no terminal."""

import pytest

from rfid3_deploy.stages import stage


class TestStage:
    def test_writes_one_line_a_step(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A log of a start stays short however often a step reports; standard output is left to programs."""
        with stage("first training") as current:
            for done in range(100):
                current.report("loading", done, 100)
            current.report("fitting", 1, 2)
            current.outcome = "published"

        out, err = capsys.readouterr()
        assert out == ""
        assert [line.partition(" (")[0] for line in err.splitlines()] == [
            "[5/6] first training: loading", "[5/6] first training: fitting", "[5/6] first training: published",
        ]  # fmt: skip

    def test_a_stage_that_fails_claims_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The error goes on and no outcome is printed."""
        with pytest.raises(ZeroDivisionError), stage("settings"):
            raise ZeroDivisionError

        assert capsys.readouterr().err == ""
