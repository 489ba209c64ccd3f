"""What does alembic look at? The connection it was handed, and of the database only the suite's own tables.

RFID3's tables may lie in the same database (in an embedded home they do), and RFID3 may keep an `alembic_version` of its own there.
"""

from alembic import context

from rfid3_shared.db import store_metadata
from rfid3_shared.migrate import VERSION_TABLE
from rfid3_shared.migrations.run import is_ours
from rfid3_shared.store_tables import TABLES

assert all(table.metadata is store_metadata for table in TABLES)  # importing them registered them

context.configure(
    connection=context.config.attributes["connection"], target_metadata=store_metadata, version_table=VERSION_TABLE,
    include_name=is_ours, render_as_batch=True,
)  # fmt: skip
with context.begin_transaction():
    context.run_migrations()
