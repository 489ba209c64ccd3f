"""How do the rows of an export get into the embedded source, all or none?

Rows are staged in temporary tables of SQLite, which live in a file the system removes by itself, so a killed import leaves
nothing behind and holds no lock while it reads. Merging is one transaction over all tables: insert what is new, update what
differs, leave the rest. The same export again changes nothing. Every name put into SQL here is one of `tables`, never a
file's.
"""
# ruff: noqa: S608

from collections.abc import Sequence

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.source.export_rows import key_columns
from rfid3_shared.source.import_report import FileReport
from rfid3_shared.source.tables import items, stores

UNIQUE_COLUMNS = {items.name: "item_num", stores.name: "pos_store_code"}
"""Columns that are unique beside the key: of two rows that claim one number, the newer is right."""


def stage_name(table: Table) -> str:
    """The temporary table that holds a table's staged rows."""
    return f"temp.stage_{table.name}"


async def create_stage(connection: AsyncConnection, table: Table, columns: Sequence[str]) -> None:
    """An empty temporary table; of rows with one key it keeps the last."""
    keys, unique = key_columns(table), UNIQUE_COLUMNS.get(table.name)
    more = f", UNIQUE ({_quoted(unique)})" if unique in columns else ""
    await drop_stage(connection, table)
    await connection.exec_driver_sql(
        f"CREATE TABLE {stage_name(table)} ({_list(columns)}, PRIMARY KEY ({_list(keys)}){more})"
    )  # fmt: skip


async def drop_stage(connection: AsyncConnection, table: Table) -> None:
    """Remove the temporary table if it is there."""
    await connection.exec_driver_sql(f"DROP TABLE IF EXISTS {stage_name(table)}")


async def stage(connection: AsyncConnection, table: Table, columns: Sequence[str], rows: list[tuple[object, ...]]) -> None:
    """Add rows to the temporary table; a key that is there already gives way."""
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT OR REPLACE INTO {stage_name(table)} ({_list(columns)}) VALUES ({marks})"
    await connection.exec_driver_sql(statement, rows)


async def merge(connection: AsyncConnection, table: Table, columns: Sequence[str], report: FileReport) -> None:
    """Bring the staged rows into the table and count what that changed. Columns the file lacks keep their values."""
    staged = await _count(connection, stage_name(table))
    report.rows_repeated = report.rows_read - report.rows_rejected - staged
    report.rows_replaced = await _make_room(connection, table, columns)
    before = await _count(connection, _quoted(table.name))
    result = await connection.exec_driver_sql(_upsert(table, columns))
    changed = result.rowcount
    report.rows_new = await _count(connection, _quoted(table.name)) - before
    report.rows_updated = changed - report.rows_new
    report.rows_unchanged = staged - changed


async def _make_room(connection: AsyncConnection, table: Table, columns: Sequence[str]) -> int:
    """Delete older rows under another key that hold a unique number now claimed; how many there were."""
    unique = UNIQUE_COLUMNS.get(table.name)
    if unique not in columns:
        return 0
    own, staged, number, key = _quoted(table.name), stage_name(table), _quoted(unique), _quoted(key_columns(table)[0])
    result = await connection.exec_driver_sql(
        f"DELETE FROM {own} WHERE {key} IN (SELECT old.{key} FROM {staged} AS new JOIN {own} AS old "
        f"ON old.{number} = new.{number} AND old.{key} <> new.{key})"
    )
    return result.rowcount


def _upsert(table: Table, columns: Sequence[str]) -> str:
    own, keys = _quoted(table.name), key_columns(table)
    values = [_quoted(name) for name in columns if name not in keys]
    # "WHERE true" lets SQLite tell the ON of an upsert from the ON of a join
    insert = f"INSERT INTO {own} ({_list(columns)}) SELECT {_list(columns)} FROM {stage_name(table)} WHERE true"
    if not values:
        return f"{insert} ON CONFLICT ({_list(keys)}) DO NOTHING"
    settings = ", ".join(f"{name} = excluded.{name}" for name in values)
    differs = " OR ".join(f"{own}.{name} IS NOT excluded.{name}" for name in values)
    return f"{insert} ON CONFLICT ({_list(keys)}) DO UPDATE SET {settings} WHERE {differs}"


async def _count(connection: AsyncConnection, name: str) -> int:
    return int((await connection.exec_driver_sql(f"SELECT count(*) FROM {name}")).scalar_one())


def _quoted(name: str | None) -> str:
    """A column's name of ours (never of the file's) in quotes: `date` and `value` are words of SQL."""
    return f'"{name}"'


def _list(names: Sequence[str]) -> str:
    return ", ".join(_quoted(name) for name in names)
