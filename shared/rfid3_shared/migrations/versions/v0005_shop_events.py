"""Events arrive: scans and POS lines as readers and tills post them, and how far each reader of them has come. No older table changes."""

from alembic import op

from rfid3_shared.migrations.reshape import create_missing, drop_present, without_revision
from rfid3_shared.migrations.tables_0005 import NEW

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the tables."""
    create_missing(op.get_bind(), NEW)


def downgrade() -> None:
    """Take them away, with their rows: what they told is in RFID3's tables, or is not believed."""
    bind = op.get_bind()
    with without_revision(bind, revision):
        drop_present(bind, NEW)
