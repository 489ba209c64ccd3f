"""How do versions change their state, so that a service never has two champions, whoever else changes something meanwhile?

All changes of one service's states come in turn: each begins by locking the service's row of `registry_current`, which exists from
the first champion on and before that for the length of a turn. What a turn reads it reads after that, so it is what holds.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict, StoreUnavailable
from rfid3_shared.registry import catalogue
from rfid3_shared.registry.tables import ml_model_performance as published
from rfid3_shared.registry.tables import registry_current, registry_events
from rfid3_shared.registry.version import State, Version, naive

NOBODY = ""
REASON_LETTERS, NAME_LETTERS = 500, 100
ATTEMPTS = 5
UNDONE = (1020, 1205, 1213)
"""MySQL and MariaDB: changed since last read, waited too long for a lock, deadlock. The whole turn may be taken again."""


@dataclass(frozen=True)
class Turn:
    """The service's states, for as long as nobody else may change them."""

    connection: AsyncConnection
    service: str
    at: datetime
    by: str

    async def find(self, model_version: str) -> Version:
        """The version as it stands now. Raises NotFound."""
        return await catalogue.find(self.connection, self.service, model_version)

    async def holder(self, state: State) -> Version | None:
        """The one version in a state that only one can be in: champion or shadow."""
        query = select(published).where(published.c.service_name == self.service, published.c.state == state)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        return Version.from_row(row) if row else None

    async def move(self, version: Version, to: State, reason: str, evidence: dict[str, Any] | None = None) -> Version:
        """Put a version into a state, note it, and return what it is now; without new evidence it keeps its own.

        Raises Conflict when it is not in the state it was found in.
        """
        reason, by = reason[:REASON_LETTERS], self.by[:NAME_LETTERS]
        evidence = version.evidence if evidence is None else evidence
        same = (published.c.service_name == self.service) & (published.c.model_version == version.model_version)
        change = update(published).where(same, published.c.state == version.state)
        values = {"state": to, "state_since": naive(self.at), "state_reason": reason, "evidence": evidence}
        if not (await self.connection.execute(change.values(**values))).rowcount:
            raise Conflict(f"{version.model_version} is no longer {version.state}.", model_version=version.model_version)
        event = {
            "service": self.service, "model_version": version.model_version, "from_state": version.state, "to_state": to,
            "changed_by": by, "reason": reason, "changed_at": naive(self.at),
        }  # fmt: skip
        await self.connection.execute(insert(registry_events), event)
        return replace(version, state=to, state_since=self.at, state_reason=reason, evidence=evidence)

    async def crown(self, version: Version, reason: str, evidence: dict[str, Any] | None = None) -> Version:
        """Make a version champion in place of the one before; a shadow that was compared with that one is rejected."""
        name = version.model_version
        if (before := await self.holder("champion")) is not None:
            await self.move(before, "retired", f"{name} took its place: {reason}")
        shadow = await self.holder("shadow")
        if shadow is not None and shadow.model_version != name:
            await self.move(shadow, "rejected", f"the champion it was compared with was replaced by {name}")
        change = update(registry_current).where(registry_current.c.service == self.service)
        values = {"model_version": name, "switched_at": naive(self.at), "switched_by": self.by[:NAME_LETTERS]}
        await self.connection.execute(change.values(**values))
        return await self.move(version, "champion", reason, evidence)

    async def shadow(self, version: Version, reason: str, evidence: dict[str, Any] | None = None) -> Version:
        """Make a version the shadow in place of the one before; without a champion it is champion itself."""
        if await self.holder("champion") is None:
            return await self.crown(version, f"nothing served yet; {reason}", evidence)
        if (before := await self.holder("shadow")) is not None:
            await self.move(before, "rejected", f"a newer candidate took its place: {version.model_version}")
        return await self.move(version, "shadow", reason, evidence)


Work = Callable[[Turn], Awaitable[Version]]


async def in_turn(engine: AsyncEngine, clock: Clock, service: str, by: str, work: Work) -> Version:
    """Do all of `work`, or none of it, while nobody else changes the service's states.

    It may be done again from the start, so it must change nothing but through its turn. Raises StoreUnavailable.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            async with transaction(engine) as connection:
                await _lock(connection, service, clock)
                version = await work(Turn(connection, service, clock.now(), by))
                nobody = (registry_current.c.service == service) & (registry_current.c.model_version == NOBODY)
                await connection.execute(delete(registry_current).where(nobody))
            return version
        except StoreUnavailable as fault:
            if attempt == ATTEMPTS or not _undone(fault):
                raise


async def _lock(connection: AsyncConnection, service: str, clock: Clock) -> None:
    """Wait for the turn. A write, and the first statement: SQLite locks nothing for a SELECT, and MySQL would read what was before."""
    row = {"service": service, "model_version": NOBODY, "switched_at": naive(clock.now()), "switched_by": NOBODY}
    if connection.dialect.name == "sqlite":
        await connection.execute(sqlite.insert(registry_current).on_conflict_do_nothing(), row)
    else:
        # INSERT IGNORE would lock a row that is there for reading only; this locks it for writing, and changes nothing
        locking = mysql.insert(registry_current).on_duplicate_key_update(service=registry_current.c.service)
        await connection.execute(locking, row)


def _undone(fault: StoreUnavailable) -> bool:
    """Whether the database itself undid the transaction so that another one could go on."""
    original = getattr(fault.__cause__, "orig", None)
    return bool(original is not None and original.args and original.args[0] in UNDONE)
