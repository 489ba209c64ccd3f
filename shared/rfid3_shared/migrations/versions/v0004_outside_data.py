"""Outside factors arrive: their values, what goes with demand, and the record of who was asked for them. No older table changes."""

from alembic import op

from rfid3_shared.migrations.reshape import create_missing, drop_present, without_revision
from rfid3_shared.migrations.tables_0004 import NEW

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables."""
    create_missing(op.get_bind(), NEW)


def downgrade() -> None:
    """Take them away, with their rows: 0003 asks nobody outside."""
    bind = op.get_bind()
    with without_revision(bind, revision):
        drop_present(bind, NEW)
