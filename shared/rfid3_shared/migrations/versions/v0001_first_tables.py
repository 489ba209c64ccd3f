"""Keys, jobs, the registry and the ledger, as they were when tables were still created without migrations.

A store without a revision is of that time: what it has is left as it is.
"""

from alembic import op

from rfid3_shared.errors import Conflict
from rfid3_shared.migrations.reshape import create_missing
from rfid3_shared.migrations.tables_0001 import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables that are missing."""
    create_missing(op.get_bind(), metadata.sorted_tables)


def downgrade() -> None:
    """Raises Conflict: below the first revision there is nothing but an empty database, and nobody wants that of a store."""
    raise Conflict("0001 is the first revision of the store: there is none to go back to.")
