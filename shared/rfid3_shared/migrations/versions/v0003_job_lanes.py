"""Jobs get a lane. Those that are there were all asked for as long work, and are batch."""

from alembic import op

from rfid3_shared.migrations import tables_0002 as before
from rfid3_shared.migrations.reshape import add_columns, settle, without_revision
from rfid3_shared.migrations.tables_0003 import prediction_jobs

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    bind = op.get_bind()
    add_columns(bind, prediction_jobs)
    settle(bind, prediction_jobs)


def downgrade() -> None:
    """Take it away: every job waits in the one lane there is again."""
    bind = op.get_bind()
    with without_revision(bind, revision):
        settle(bind, before.prediction_jobs)
