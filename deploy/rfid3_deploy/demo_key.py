"""With which API key does whoever started the suite call it?

One key with the scopes read, events and train, kept in `demo.key` (readable by its owner only) and used again at the next start.
One that an older version made gets the scope it lacks.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.auth import api_keys, create_key, hash_key
from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction

OWNER, SCOPES = "demo", ("read", "events", "train")
FORMER_SCOPES = ["read", "train"]


async def ensure_demo_key(store: AsyncEngine, files: Sequence[Path], clock: Clock) -> None:
    """Make the key in the files one the store knows; a new one where there is none or it was revoked."""
    known = next((file.read_text().strip() for file in files if file.exists()), None)
    async with transaction(store) as connection:
        row = None
        if known:
            row = (await connection.execute(select(api_keys).where(api_keys.c.key_hash == hash_key(known)))).first()
        if known and row is None:
            # made for another store (the demo's beside an export's): one key opens both
            await create_key(connection, owner=OWNER, scopes=SCOPES, clock=clock, key=known)
        elif known is None or (row is not None and row.revoked_at is not None):
            _, known = await create_key(connection, owner=OWNER, scopes=SCOPES, clock=clock)
        elif row is not None and (row.owner, row.scopes) == (OWNER, FORMER_SCOPES):
            await connection.execute(update(api_keys).where(api_keys.c.id == row.id).values(scopes=list(SCOPES)))
    for file in files:
        write_private(file, f"{known}\n")


def write_private(path: Path, text: str) -> None:
    """Write a file nobody but its owner can read, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
