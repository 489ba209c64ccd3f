"""How does a table come to look like a frozen definition of it, older or newer, without losing what stays?

Each step looks whether it is done. MariaDB commits every change of a table at once, so a process that died half-way leaves some
steps done; whoever comes next does the rest. SQLite does all or nothing.
Indexes and unique constraints are told apart by their columns, not by their names: databases shorten long names.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from alembic import op
from alembic.operations import BatchOperations
from sqlalchemy import Column, ColumnDefault, Connection, Inspector, Table, UniqueConstraint, delete, insert, inspect
from sqlalchemy.engine.interfaces import ReflectedColumn

from rfid3_shared.migrate import store_version

Columns = tuple[str, ...]


def create_missing(bind: Connection, tables: Iterable[Table]) -> None:
    """Create the tables that are not there, and the indexes that one of them lacks."""
    for table in tables:
        table.create(bind, checkfirst=True)
        _add_indexes(bind, table)


def drop_present(bind: Connection, tables: Iterable[Table]) -> None:
    """Drop the tables that are there, with their rows."""
    for table in tables:
        table.drop(bind, checkfirst=True)


@contextmanager
def without_revision(bind: Connection, revision: str) -> Iterator[None]:
    """For the way back: meanwhile the store has no revision, so that whoever finds it half-way carries it over afresh."""
    bind.execute(delete(store_version))
    yield
    bind.execute(insert(store_version), {"version_num": revision})


def add_columns(bind: Connection, table: Table) -> None:
    """Add the columns that are not there. In rows that are, they hold the column's default, or NULL until `settle`."""
    present = _columns(inspect(bind), table)
    for column in table.columns:
        if column.name not in present:
            default = column.default.arg if isinstance(column.default, ColumnDefault) else None
            op.add_column(table.name, Column(column.name, column.type, nullable=default is None, server_default=default))


def settle(bind: Connection, table: Table) -> None:
    """Give the table the definition's columns, NOT NULLs, unique constraints and indexes, and no others; all columns are there."""
    _drop_indexes(bind, table)
    found = inspect(bind)
    columns = _columns(found, table)
    unique = {tuple(each["column_names"]): each["name"] for each in found.get_unique_constraints(table.name)}
    wanted = {tuple(each.columns.keys()): each for each in table.constraints if isinstance(each, UniqueConstraint)}
    surplus = [name for name in columns if name not in table.columns]
    on_sqlite = bind.dialect.name == "sqlite"
    differing = [column for column in table.columns if _differs(columns[column.name], column)]
    if surplus or differing or set(unique) != set(wanted):
        # on SQLite this copies the table, once for all the changes in it
        with op.batch_alter_table(table.name) as batch:
            # first what may fail: MariaDB would not undo what came before it
            for key in sorted(set(wanted) - set(unique)):
                batch.create_unique_constraint(str(wanted[key].name), list(key))
            for key in sorted(set(unique) - set(wanted)):
                batch.drop_constraint(str(unique[key]), type_="unique")
            for column in differing:
                _redefine(batch, columns[column.name], column)
            for name in surplus if on_sqlite else ():
                batch.drop_column(name)
    if surplus and not on_sqlite:
        # in one statement: columns that say something together are there together, or none of them is
        quote = bind.dialect.identifier_preparer.quote
        drops = ", ".join(f"DROP COLUMN {quote(name)}" for name in surplus)
        op.execute(f"ALTER TABLE {quote(table.name)} {drops}")
    _add_indexes(bind, table)


def _columns(found: Inspector, table: Table) -> dict[str, ReflectedColumn]:
    return {column["name"]: column for column in found.get_columns(table.name)}


def _has_default(present: ReflectedColumn) -> bool:
    """Whether the database would fill it in: what `add_columns` gave it for the rows that were there."""
    return present.get("default") not in (None, "NULL")


def _differs(present: ReflectedColumn, column: Column[Any]) -> bool:
    return present["nullable"] != column.nullable or _has_default(present)


def _redefine(batch: BatchOperations, present: ReflectedColumn, column: Column[Any]) -> None:
    if _has_default(present):
        batch.alter_column(column.name, server_default=None, existing_type=column.type, existing_nullable=present["nullable"])
    if present["nullable"] != column.nullable:
        batch.alter_column(column.name, nullable=column.nullable, existing_type=column.type)


def _indexes(bind: Connection, table: Table) -> dict[Columns, str]:
    found = inspect(bind).get_indexes(table.name)
    return {tuple(map(str, each["column_names"])): str(each["name"]) for each in found if not each["unique"]}


def _drop_indexes(bind: Connection, table: Table) -> None:
    wanted = {tuple(index.columns.keys()) for index in table.indexes}
    for columns, name in _indexes(bind, table).items():
        if columns not in wanted:
            op.drop_index(name, table.name)


def _add_indexes(bind: Connection, table: Table) -> None:
    present = _indexes(bind, table)
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        if tuple(index.columns.keys()) not in present:
            index.create(bind)
