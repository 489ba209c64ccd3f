"""What does a store look like, as the database itself tells it? And the store of the last version without revisions, frozen."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.db import store_metadata
from rfid3_shared.store_tables import TABLES

FROZEN = Path(__file__).parent / "shared" / "store_0001"
OLD_TABLES = ("analytics_predictions", "api_keys", "ml_model_performance", "prediction_jobs", "registry_current")


def statements(name: str) -> list[str]:
    """The SQL statements of a frozen file."""
    lines = [line for line in (FROZEN / name).read_text().splitlines() if not line.startswith("--")]
    return [statement.strip() for statement in "\n".join(lines).split(";\n") if statement.strip()]


async def make_old_store(engine: AsyncEngine, *, rows: bool = True) -> None:
    """Tables, and rows, as the last version without revisions left them."""
    backend = "sqlite" if engine.dialect.name == "sqlite" else "mariadb"
    async with engine.begin() as connection:
        for statement in statements(f"tables_{backend}.sql") + (statements("rows.sql") if rows else []):
            await connection.exec_driver_sql(statement.removesuffix(";"))


async def empty(engine: AsyncEngine) -> None:
    """Drop every table."""
    async with engine.begin() as connection:
        for name in await connection.run_sync(lambda sync: inspect(sync).get_table_names()):
            await connection.execute(text(f"DROP TABLE {name}"))


async def picture(engine: AsyncEngine, names: tuple[str, ...]) -> dict[str, Any]:
    """Columns, keys, indexes, unique and check constraints of tables; None for one that is not there."""
    async with engine.connect() as connection:
        return await connection.run_sync(lambda sync: {name: _table(sync, name) for name in names})


async def picture_of_new(engine: AsyncEngine) -> dict[str, Any]:
    """What SQLAlchemy makes of the suite's tables in this (empty) database, which is empty again afterwards."""
    async with engine.begin() as connection:
        await connection.run_sync(store_metadata.create_all, tables=TABLES)
    made = await picture(engine, names())
    await empty(engine)
    return made


def names() -> tuple[str, ...]:
    """Every table of the suite."""
    return tuple(sorted(table.name for table in TABLES))


async def contents(engine: AsyncEngine, tables: tuple[str, ...] = OLD_TABLES) -> dict[str, list[dict[str, Any]]]:
    """Every row of tables, as the driver hands it over."""
    async with engine.connect() as connection:
        return {
            name: [dict(row) for row in (await connection.execute(text(f"SELECT * FROM {name} ORDER BY 1"))).mappings()]
            for name in tables
        }


def only(rows: list[dict[str, Any]], columns: Any) -> list[dict[str, Any]]:
    """The rows, reduced to some columns."""
    return [{name: row[name] for name in columns} for row in rows]


def _table(connection: Connection, name: str) -> dict[str, Any] | None:
    found = inspect(connection)
    if not found.has_table(name):
        return None
    reflected = found.get_columns(name)
    return {
        "columns": {
            column["name"]: (column["type"].compile(connection.dialect), column["nullable"], column.get("default"))
            for column in reflected
        },
        "key": found.get_pk_constraint(name)["constrained_columns"],
        "indexes": {(each["name"], tuple(each["column_names"]), bool(each["unique"])) for each in found.get_indexes(name)},
        "unique": {(each["name"], tuple(each["column_names"])) for each in found.get_unique_constraints(name)},
        "checks": {each["sqltext"] for each in found.get_check_constraints(name)},
        "foreign": found.get_foreign_keys(name),
    }
