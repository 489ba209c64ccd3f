"""Does a broken export harm nothing: not its own good rows, not the source, not RFID3's database?"""

import gzip
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from exports import CLOCK, SCANS, counts, load, rows, write
from sqlalchemy.ext.asyncio import create_async_engine

from rfid3_shared.errors import Conflict, InsufficientData, InvalidParameters, NotFound
from rfid3_shared.source.load import load_export

KILLED_AT_THE_END = """
import asyncio, os, signal, sys
from pathlib import Path
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine
from rfid3_shared.source.load import load_export

def progress(file, done, size):
    if done == size:
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(load_export(open_engine(sys.argv[1]), Path(sys.argv[2]), clock=Clock(), progress=progress))
"""


class TestLoadExport:
    async def test_bad_rows_are_named_and_the_rest_is_loaded(self, store_dsn: str, tmp_path: Path) -> None:
        """Each fault gives line, column and reason; the good rows around it are there."""
        text = "\n".join(
            [SCANS, "1,C1,T1,Rental,2025-05-20 09:35:29,On Rent,0,1", "2,C1,T1,Rental,20/05/2025,On Rent,0,1", "3,C1,T1",
             'x,C1,T1,Rental,2025-05-20 09:35:29,"open,0,1', "4,C1,T1,Return,2025-05-22 09:00:00,,maybe,1",
             "x,C1,T1,Return,2025-05-22 09:00:00,,0,1", ",C1,T1,Return,2025-05-22 09:00:00,,0,1",
             f"5,C1,T1,Return,2025-05-22 09:00:00,{'y' * 51},0,1", "6,C1,T1,Return,2025-05-22 09:00:00,,0,1", ""]
        )  # fmt: skip

        report = await load(store_dsn, write(tmp_path / "e", id_transactions=text))

        assert [(one.line, one.column, one.reason) for one in report.files[0].rejections] == [
            (3, "scan_date", "expected a date and time such as 2025-05-20 09:35:29"),
            (4, "scan_type", "the row has 3 fields, the header 8"),
            (5, None, "a quote is never closed"),
            (6, "wet", "expected 0 or 1"),
            (7, "id", "expected a whole number"),
            (8, "id", "is empty"),
            (9, "status", "longer than 50 characters"),
        ]
        assert rows(store_dsn, "SELECT id FROM id_transactions ORDER BY id") == [(1,), (6,)]

    async def test_scans_from_the_future_are_left_out(self, store_dsn: str, tmp_path: Path) -> None:
        """A scan more than a day ahead of the shop's clock is no scan; promised dates may lie ahead."""
        times = ["2025-07-02 06:59:00", "2025-07-02 07:01:00", "2031-01-01"]
        scans = "\n".join([SCANS, *(f"{n},C1,T1,Rental,{time},,0,1" for n, time in enumerate(times, 1))])
        contracts = "contract_no,store_no,promised_pickup_date\nC1,001,2025-12-24\n"

        report = await load(store_dsn, write(tmp_path / "e", id_transactions=scans, pos_transactions=contracts))

        assert report.files[0].reasons == {"scan_date: lies in the future": 2}
        assert rows(store_dsn, "SELECT id FROM id_transactions") == [(1,)]
        assert rows(store_dsn, "SELECT promised_pickup_date FROM pos_transactions") == [("2025-12-24 00:00:00",)]

    async def test_a_damaged_file_is_refused_whole(self, store_dsn: str, tmp_path: Path) -> None:
        """Half a compressed file is not loaded; the other files are."""
        folder = write(tmp_path / "e", id_item_master="tag_id\nT1\n")
        packed = gzip.compress("\n".join([SCANS, *(f"{n},C,T,Rental,2025-05-20,,0,1" for n in range(9000))]).encode())
        (folder / "id_transactions.csv.gz").write_bytes(packed[: len(packed) // 2])

        report = await load(store_dsn, folder)

        assert not report.complete
        assert "damaged" in (report.files[1].fault or "")
        assert rows(store_dsn, "SELECT (SELECT count(*) FROM id_item_master), (SELECT count(*) FROM id_transactions)") == [
            (1, 0)
        ]

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("tag_id,status\nT1,Wet\n", "lacks id, scan_type, scan_date"),
            ("", "no header"),
            (f"{SCANS},status\n", "status twice"),
        ],
    )
    async def test_a_header_that_makes_no_sense_refuses_its_file(
        self, store_dsn: str, tmp_path: Path, text: str, fault: str
    ) -> None:
        """A file without its key, without a header, or with a column twice is refused in words; the others are loaded."""
        report = await load(store_dsn, write(tmp_path / "e", id_transactions=text, seed_rental_classes="rental_class_id\n1\n"))

        faults = {one.table: one.fault for one in report.files}
        assert fault in (faults["id_transactions"] or "")
        assert faults["seed_rental_classes"] is None

    async def test_a_fault_while_merging_leaves_the_source_as_it_was(self, store_dsn: str, tmp_path: Path) -> None:
        """Tables change together or not at all: a locked source refuses the import and keeps every old row."""
        folder = write(
            tmp_path / "e",
            id_item_master="tag_id,status\nT1,Wet\n",
            id_transactions=f"{SCANS}\n1,C,T1,Rental,2025-05-20,,0,1\n",
        )
        await load(store_dsn, folder)
        write(folder, id_item_master="tag_id,status\nT1,Wash\nT2,Wet\n")
        impatient = create_async_engine(store_dsn.replace("sqlite:", "sqlite+aiosqlite:"), connect_args={"timeout": 0.1})
        other = sqlite3.connect(store_dsn.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(Conflict, match="Nothing was changed"):
            await load_export(impatient, folder, clock=CLOCK)

        other.execute("ROLLBACK")
        other.close()
        await impatient.dispose()
        assert rows(store_dsn, "SELECT tag_id, status FROM id_item_master") == [("T1", "Wet")]
        assert rows(store_dsn, "SELECT name FROM sqlite_master WHERE name LIKE 'stage%'") == []

    async def test_a_killed_import_leaves_nothing_half_written(self, store_dsn: str, tmp_path: Path) -> None:
        """Killed when all is read but not merged, an import leaves the old rows, no lock and no file behind."""
        folder = write(tmp_path / "e", id_item_master="tag_id,status\nT1,Wet\n")
        await load(store_dsn, folder)
        write(folder, id_item_master="tag_id,status\nT1,Wash\n" + "".join(f"N{n},Wet\n" for n in range(12_000)))
        before = sorted(path.name for path in tmp_path.iterdir())

        killed = subprocess.run([sys.executable, "-c", KILLED_AT_THE_END, store_dsn, str(folder)], timeout=60)

        assert killed.returncode == -signal.SIGKILL
        assert rows(store_dsn, "SELECT tag_id, status FROM id_item_master") == [("T1", "Wet")]
        assert {path.name for path in tmp_path.iterdir()} - set(before) <= {"store.db-wal", "store.db-shm"}
        assert counts(await load(store_dsn, folder))["id_item_master"] == (12_001, 12_000, 1, 0, 0, 0)

    async def test_refuses_what_is_no_export(self, store_dsn: str, tmp_path: Path) -> None:
        """No folder, a file, a folder of other things and one table twice are each told in plain words."""
        with pytest.raises(NotFound, match="no folder"):
            await load(store_dsn, tmp_path / "nowhere")
        (tmp_path / "file.csv").write_text("a\n")
        with pytest.raises(InvalidParameters, match="is a file"):
            await load(store_dsn, tmp_path / "file.csv")
        with pytest.raises(InvalidParameters, match="no file of an RFID3 export"):
            await load(store_dsn, write(tmp_path / "other", holiday_pictures="a\n1\n"))
        with pytest.raises(InvalidParameters, match="twice"):
            await load(store_dsn, write(tmp_path / "twice", pos_equipment="item_num\n1\n", pos_equipment_gz="item_num\n1\n"))

    async def test_refuses_an_export_without_rows(self, store_dsn: str, tmp_path: Path) -> None:
        """Headers alone, or rows that are all at fault, are no data: 409 with what was found."""
        with pytest.raises(InsufficientData) as empty:
            await load(store_dsn, write(tmp_path / "e", id_transactions=f"{SCANS}\n", id_item_master="tag_id\n"))
        with pytest.raises(InsufficientData) as broken:
            await load(store_dsn, write(tmp_path / "b", id_transactions=f"{SCANS}\n1,C\n"))

        assert empty.value.details["found_rows"] == 0
        assert broken.value.details["first_rejections"] == [
            "id_transactions.csv line 2, tag_id: the row has 2 fields, the header 8"
        ]

    @pytest.mark.mariadb
    async def test_never_writes_to_rfid3s_own_server(self, mysql_dsn: str, tmp_path: Path) -> None:
        """An import into MariaDB is refused before anything is read."""
        with pytest.raises(InvalidParameters, match="never writes"):
            await load(mysql_dsn, write(tmp_path / "e", id_item_master="tag_id\nT1\n"))
