"""How is alembic called? With a connection whose owner holds the store's lock and commits; it opens none and reads no file."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from rfid3_shared.store_tables import TABLES

OURS = frozenset(table.name for table in TABLES)


def config(connection: Connection) -> Config:
    """Alembic's configuration for this connection."""
    made = Config(attributes={"connection": connection})
    # the parser behind it takes a % for the beginning of a reference
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return made


def upgrade(connection: Connection) -> None:
    """Carry the store over to the newest revision, from whichever it is at, or from none."""
    command.upgrade(config(connection), "head")


def downgrade(connection: Connection, to: str) -> None:
    """Take the store back to an older revision."""
    command.downgrade(config(connection), to)


def is_ours(name: str | None, kind: str, _: Any) -> bool:
    """Whether alembic's comparison looks at a thing of the database: any but other people's tables."""
    return kind != "table" or name in OURS
