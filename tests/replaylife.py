"""What tests of replays of items do: make everything that was shown again, and change a row of the store."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, update

from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.ledger.replay import Replayed, Report, replay
from rfid3_shared.registry import Registry
from rfid3_shared.settings import Settings


async def again(how: Replayed, settings: Settings) -> Report:
    """Everything that a service has shown."""
    store = db.open_engine(settings.store_dsn)
    try:
        clock = Clock(settings.time_zone)
        return await replay(how, store, Registry(settings.artefact_dir, store, clock), clock, limit=10_000)
    finally:
        await store.dispose()


async def change(settings: Settings, table: Table, values: Mapping[str, Any], *where: Any) -> int:
    """How many rows were changed."""
    store = db.open_engine(settings.store_dsn)
    async with db.transaction(store) as connection:
        changed = (await connection.execute(update(table).where(*where).values(**values))).rowcount
    await store.dispose()
    return int(changed)
