"""Do `rfid3 import` and `rfid3 source check` tell people what happened, with exit codes that mean something?"""

import json
import os
import subprocess
import sys
from pathlib import Path


def rfid3(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would."""
    settings = {**os.environ, "COLUMNS": "160", "NO_COLOR": "1", **environment}
    command = [sys.executable, "-m", "rfid3_shared.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=settings)


def export(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    lines = ["id,contract_number,tag_id,scan_type,scan_date,rental_class_num"]
    lines += [f"{n},C{n},T{n % 3},Rental,2025-{4 + n // 28:02d}-{1 + n % 28:02d} 09:00:00,10" for n in range(80)]
    (folder / "id_transactions.csv").write_text("\n".join([*lines, "x,C,T,Rental,2025-05-05 09:00:00,10"]))
    (folder / "id_item_master.csv").write_text("tag_id,rental_class_num,client_name\nT1,10,Jane\n")
    return folder


class TestImport:
    def test_reports_rows_and_rejections(self, tmp_path: Path) -> None:
        """A good export with one bad row is imported: exit 0, the row named, the personal column named."""
        done = rfid3("import", str(export(tmp_path / "e")))

        assert done.returncode == 0, done.stderr
        assert "line 82, column id: expected a whole number" in done.stdout
        assert "personal columns client_name" in done.stdout
        assert "Jane" not in done.stdout + done.stderr

    def test_writes_json_for_programs(self, tmp_path: Path) -> None:
        """--json leaves nothing but JSON on standard output."""
        done = rfid3("import", str(export(tmp_path / "e")), "--json")

        report = json.loads(done.stdout)
        assert (report["rows_loaded"], report["complete"]) == (81, True)

    def test_plain_words_for_no_folder(self, tmp_path: Path) -> None:
        """A missing folder is exit 2 and one plain sentence."""
        done = rfid3("import", str(tmp_path / "nowhere"))

        assert done.returncode == 2
        assert "There is no folder" in done.stderr
        assert "Traceback" not in done.stderr

    def test_an_empty_export_is_no_data(self, tmp_path: Path) -> None:
        """Headers alone are exit 1."""
        (tmp_path / "id_transactions.csv").write_text("id,tag_id,scan_type,scan_date\n")

        done = rfid3("import", str(tmp_path))

        assert done.returncode == 1
        assert "no row that can be loaded" in done.stderr

    def test_refuses_to_write_to_rfid3s_database(self, tmp_path: Path) -> None:
        """With RFID3_SOURCE_URL set an import is refused, and the URL with its password is not repeated."""
        done = rfid3("import", str(export(tmp_path / "e")), RFID3_SOURCE_URL="mysql://u:secret@127.0.0.1:1/rfid3")

        assert done.returncode == 2
        assert "never writes" in done.stderr
        assert "secret" not in done.stdout + done.stderr


class TestCheck:
    def test_prints_the_report(self, tmp_path: Path) -> None:
        """After an import the report is printed, exit 0 when a forecast can be made."""
        rfid3("import", str(export(tmp_path / "e")))

        done = rfid3("source", "check")
        as_json = rfid3("source", "check", "--json")

        assert done.returncode == 0, done.stderr
        assert "Forecasts can be made" in done.stdout
        assert json.loads(as_json.stdout)["evidence"]["departures"] == 80

    def test_exit_codes_mean_something(self, tmp_path: Path) -> None:
        """No source at all and a server out of reach are 2; a source without history is 1."""
        assert rfid3("source", "check").returncode == 2
        assert rfid3("source", "check", RFID3_SOURCE_URL="mysql://root@127.0.0.1:1/rfid3").returncode == 2

        (tmp_path / "id_item_master.csv").write_text("tag_id\nT1\n")
        rfid3("import", str(tmp_path))

        assert rfid3("source", "check").returncode == 1
