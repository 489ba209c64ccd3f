"""How does an RFID3 export become the embedded source?

Folder in, rows in SQLite and a report out. Only ever into the embedded source: the suite does not write to RFID3's own
database. Memory stays bounded whatever the size of the export.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import UNREACHABLE, create_tables
from rfid3_shared.errors import Conflict, InsufficientData, InvalidParameters, StoreUnavailable
from rfid3_shared.source.csv_rows import DAMAGE, CsvFile
from rfid3_shared.source.export_folder import NEEDED_FOR, ExportFolder, find_export
from rfid3_shared.source.export_rows import ExportRows, UnusableFile
from rfid3_shared.source.import_report import FileReport, ImportReport
from rfid3_shared.source.merge import create_stage, drop_stage, merge, stage, stage_name
from rfid3_shared.source.movements import load_store_codes
from rfid3_shared.source.stores import store_id
from rfid3_shared.source.tables import scans, source_metadata
from rfid3_shared.source.vocabulary import KNOWN, unknown_words

BATCH_ROWS = 5_000
CACHE_KIB = 65_536
STORE_COLUMNS = ("home_store", "current_store", "store_no")
Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes of it read so far and its size."""


async def load_export(engine: AsyncEngine, folder: Path, *, clock: Clock, progress: Progress | None = None) -> ImportReport:
    """Load a folder of `<table>.csv` or `<table>.csv.gz` into the embedded source; all tables change together or none does.

    Rows are matched by their key: importing the same export again changes nothing, a newer one updates and adds.
    Raises NotFound or InvalidParameters when the folder is no export, InvalidParameters when `engine` is not SQLite,
    InsufficientData when no row could be loaded, Conflict when another program keeps the source locked.
    """
    if engine.dialect.name != "sqlite":
        raise InvalidParameters("Imports go into the embedded source only; the suite never writes to RFID3's own database.")
    started = time.perf_counter()
    found = find_export(folder)
    report = ImportReport(str(folder), unknown_files=found.unknown, unread_files=found.unread)
    try:
        await create_tables(engine, source_metadata)
        async with engine.connect() as connection:
            await _load(connection, found, report, clock, progress)
    except UNREACHABLE as fault:
        if "locked" in str(fault):
            raise Conflict("Another program is writing to the embedded source. Nothing was changed; try again.") from fault
        raise StoreUnavailable("The embedded source cannot be opened or written.", file=str(engine.url.database)) from fault
    report.seconds = round(time.perf_counter() - started, 2)
    return report


async def _load(
    connection: AsyncConnection, found: ExportFolder, report: ImportReport, clock: Clock, progress: Progress | None
) -> None:
    staged: dict[str, list[str]] = {}
    not_after = (clock.now().astimezone(clock.zone) + timedelta(days=1)).replace(tzinfo=None, microsecond=0).isoformat(" ")
    # an index grows ten times faster when its pages stay in memory: 64 MiB instead of SQLite's 2
    await connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KIB}")
    try:
        for name, path in found.files.items():
            one = FileReport(path.name, name)
            report.files.append(one)
            columns = await _stage_file(connection, source_metadata.tables[name], path, one, clock, not_after, progress)
            if columns:
                staged[name] = columns
        await connection.commit()  # ends the reading of temporary tables: from here on the source itself is written
        _require_rows(report)
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
        for one in report.files:
            if one.table in staged:
                await merge(connection, source_metadata.tables[one.table], staged[one.table], one)
        await _find_unknown_words(connection, report, staged)
        await _find_missing(connection, report)
        await connection.commit()
    finally:
        await connection.rollback()
        for name in staged:
            await drop_stage(connection, source_metadata.tables[name])
        await connection.exec_driver_sql("PRAGMA cache_size = -2000")
        await connection.commit()


async def _stage_file(
    connection: AsyncConnection, table: Table, path: Path, report: FileReport, clock: Clock, not_after: str,
    progress: Progress | None,
) -> list[str]:  # fmt: skip
    """Stage the rows of one file; its columns, or nothing when the file has to be refused."""
    try:
        with CsvFile(path) as file:
            rows = ExportRows(table, file, report, zone=clock.zone, not_after=not_after)
            await create_stage(connection, table, rows.columns)
            for batch in rows.batches(BATCH_ROWS):
                await stage(connection, table, rows.columns, batch)
                if progress:
                    progress(path.name, file.bytes_read, file.size)
            if progress:
                progress(path.name, file.size, file.size)
            return rows.columns
    except UnusableFile as error:
        report.fault = error.message
    except DAMAGE:
        # half a file is not loaded: its end may hold the newest rows, and nobody would notice
        report.fault = "the file is damaged, cut off or cannot be read; export it again"
        await drop_stage(connection, table)
    return []


def _require_rows(report: ImportReport) -> None:
    if any(file.rows_read > file.rows_rejected for file in report.files if file.fault is None):
        return
    raise InsufficientData(
        "The export holds no row that can be loaded. Nothing was changed.",
        found_rows=sum(file.rows_read for file in report.files),
        rejected_rows=sum(file.rows_rejected for file in report.files),
        faults={file.file: file.fault for file in report.files if file.fault} or None,
        first_rejections=[
            f"{file.file} line {one.line}, {one.column or 'row'}: {one.reason}"
            for file in report.files for one in file.rejections
        ][:5] or None,
    )  # fmt: skip


async def _find_unknown_words(connection: AsyncConnection, report: ImportReport, staged: dict[str, list[str]]) -> None:
    codes = await load_store_codes(connection)
    for name, columns in staged.items():
        for column in [c for c in columns if c in KNOWN or c in STORE_COLUMNS]:
            query = f'SELECT "{column}", count(*) FROM {stage_name(source_metadata.tables[name])} GROUP BY 1'  # noqa: S608 - our names
            pairs: list[Any] = list(await connection.exec_driver_sql(query))
            known = KNOWN.get(column, lambda code: store_id(code, codes) is not None)
            if unknown := unknown_words(pairs, known):
                report.unknown_words[f"{name}.{column}"] = unknown


async def _find_missing(connection: AsyncConnection, report: ImportReport) -> None:
    """Name the tables that stay empty, with what cannot be said without them."""
    for name, table in source_metadata.tables.items():
        row = await connection.execute(select(func.count()).select_from(select(table).limit(1).subquery()))
        if not row.scalar_one():
            report.missing_tables[name] = NEEDED_FOR[name]
    if scans.name in report.missing_tables:
        report.warnings.append(
            "There are no scans: nothing can be said about what left the shop and what came back, unless POS lines are there."
        )
    refused = [file.file for file in report.files if file.fault]
    if refused:
        report.warnings.append(f"Not loaded at all: {', '.join(refused)}.")
