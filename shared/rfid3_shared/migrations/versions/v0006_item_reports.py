"""Reports of single items arrive: faults and services, inspections. No older table changes."""

from alembic import op

from rfid3_shared.migrations.reshape import create_missing, drop_present, without_revision
from rfid3_shared.migrations.tables_0006 import NEW

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables."""
    create_missing(op.get_bind(), NEW)


def downgrade() -> None:
    """Take them away, with their rows: back up first, what people reported is nowhere else."""
    bind = op.get_bind()
    with without_revision(bind, revision):
        drop_present(bind, NEW)
