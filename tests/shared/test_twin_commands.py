"""Does `rfid3 twin` found a company, go on with it, and refuse in plain words?"""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rfid3_shared.twin.commands import app

CREATE = ["create", "--items", "300", "--months", "2", "--end", "2026-09-30"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the embedded source."""
    monkeypatch.setenv("RFID3_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("RFID3_SOURCE_URL", raising=False)
    return tmp_path


def count_scans(home: Path) -> int:
    """Rows of id_transactions."""
    with closing(sqlite3.connect(home / "rfid3.db")) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM id_transactions").fetchone()[0])


class TestCreate:
    def test_writes_the_embedded_source_and_says_what(self, home: Path) -> None:
        """The last day is the one that was asked for; the summary names it."""
        result = CliRunner().invoke(app, CREATE)

        assert result.exit_code == 0
        assert "2026-08-01 to 2026-09-30" in result.output
        assert count_scans(home) > 0
        assert (home / "twin_truth.db").exists()
        assert all(words in result.output for words in ("to repair", "worn out", "lost", "written down by staff"))

    def test_refuses_to_overwrite_in_plain_words(self, home: Path) -> None:
        """A second company needs --replace."""
        CliRunner().invoke(app, CREATE)
        before = count_scans(home)

        refused = CliRunner().invoke(app, [*CREATE, "--seed", "9"])
        unchanged = count_scans(home)
        replaced = CliRunner().invoke(app, [*CREATE, "--seed", "9", "--replace"])

        assert refused.exit_code == 1
        assert "already holds rows" in refused.output
        assert unchanged == before
        assert replaced.exit_code == 0
        assert count_scans(home) != before

    def test_never_replaces_another_database(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A database named by RFID3_SOURCE_URL is nobody's toy."""
        monkeypatch.setenv("RFID3_SOURCE_URL", "mysql://root@127.0.0.1:1/rfid3")

        refused = CliRunner().invoke(app, [*CREATE, "--replace"])

        assert refused.exit_code == 1
        assert "embedded source only" in refused.output

    def test_writes_down_nothing_where_nothing_shall_be(self, home: Path) -> None:
        """With a recorded share of nought no scan carries a defect, whatever broke; the help says what the share is."""
        CliRunner().invoke(app, [*CREATE, "--recorded", "0"])

        with closing(sqlite3.connect(home / "rfid3.db")) as connection:
            query = "SELECT SUM(stain), SUM(service_required), SUM(status = 'Wash') FROM id_transactions"
            assert connection.execute(query).fetchone() == (0, 0, 0)
        with closing(sqlite3.connect(home / "twin_truth.db")) as connection:
            assert connection.execute("SELECT COUNT(*) > 0, MAX(recorded) FROM twin_truth_faults").fetchone() == (1, 0)
        assert "staff write down" in " ".join(CliRunner().invoke(app, ["create", "--help"]).output.split())


class TestAdvance:
    def test_lives_on(self, home: Path) -> None:
        """The days written follow those that were."""
        CliRunner().invoke(app, CREATE)

        result = CliRunner().invoke(app, ["advance", "--days", "3"])

        assert result.exit_code == 0
        assert "2026-10-01 to 2026-10-03" in result.output

    def test_needs_a_company(self, home: Path) -> None:
        """Without one the answer says how to found it."""
        result = CliRunner().invoke(app, ["advance"])

        assert result.exit_code == 1
        assert "rfid3 twin create" in result.output


class TestImport:
    def test_of_the_command_brings_no_numpy(self) -> None:
        """The command line starts without the twin's libraries."""
        code = "import sys, rfid3_shared, rfid3_shared.twin.commands; print({'numpy', 'holidays'} & set(sys.modules))"

        assert (
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"
        )
