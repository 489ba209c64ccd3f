"""Small RFID3 exports, written and loaded for tests."""

import gzip
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import open_engine
from rfid3_shared.source.import_report import ImportReport
from rfid3_shared.source.load import load_export

CLOCK = FixedClock(datetime(2025, 7, 1, 12, tzinfo=UTC))
SCANS = "id,contract_number,tag_id,scan_type,scan_date,status,wet,rental_class_num"


def write(folder: Path, **tables: str) -> Path:
    """A folder with one CSV file per keyword; a name ending in _gz is compressed."""
    folder.mkdir(exist_ok=True)
    for name, text in tables.items():
        if name.endswith("_gz"):
            (folder / f"{name.removesuffix('_gz')}.csv.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / f"{name}.csv").write_text(text)
    return folder


async def load(dsn: str, folder: Path) -> ImportReport:
    engine = open_engine(dsn)
    try:
        return await load_export(engine, folder, clock=CLOCK)
    finally:
        await engine.dispose()


def rows(dsn: str, query: str) -> list[tuple]:
    with sqlite3.connect(dsn.removeprefix("sqlite:///")) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


def counts(report: ImportReport) -> dict[str, tuple[int, ...]]:
    """Per table: read, new, updated, unchanged, repeated, rejected."""
    names = ("rows_read", "rows_new", "rows_updated", "rows_unchanged", "rows_repeated", "rows_rejected")
    return {one.table: tuple(getattr(one, name) for name in names) for one in report.files}
