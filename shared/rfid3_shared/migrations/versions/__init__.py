"""Which migrations are there? One module each, in order; alembic finds them by their `revision` and `down_revision`."""
