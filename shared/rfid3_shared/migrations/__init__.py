"""How do the store's tables change from one release to the next, and the rows in them with them?

One module of `versions` a release, run by alembic. `tables_0001`, `tables_0002`, … hold what the tables looked like at each of
them: frozen, because a migration must do next year what it does today, whatever the suite's own tables look like by then.
Nothing here is imported by a process that finds its store up to date (see `rfid3_shared.migrate`).
"""
