"""What does the store say about published versions? Reading only; every method raises StoreUnavailable without a store."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.db import transaction
from rfid3_shared.errors import NotFound
from rfid3_shared.registry import history
from rfid3_shared.registry.history import Event
from rfid3_shared.registry.tables import ml_model_performance as published
from rfid3_shared.registry.tables import registry_current
from rfid3_shared.registry.version import State, Version


class Catalogue:
    """Versions, their states and what changed them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def current(self, service: str) -> Version | None:
        """The champion, which answers for the service; None before the first."""
        join = (published.c.service_name == registry_current.c.service) & (
            published.c.model_version == registry_current.c.model_version
        )
        return await self._one(select(published).join(registry_current, join).where(registry_current.c.service == service))

    async def shadow(self, service: str) -> Version | None:
        """The version that answers beside the champion, unseen; None without one."""
        return await self._one(select(published).where(published.c.service_name == service, published.c.state == "shadow"))

    async def on_duty(self, service: str) -> tuple[str | None, str | None]:
        """The names of champion and shadow, None for one that is not there; light enough to be asked every other second."""
        champion = select(registry_current.c.model_version).where(registry_current.c.service == service)
        is_shadow = (published.c.service_name == service) & (published.c.state == "shadow")
        shadow = select(published.c.model_version).where(is_shadow)
        async with transaction(self._engine) as connection:
            row = (await connection.execute(select(champion.scalar_subquery(), shadow.scalar_subquery()))).one()
        return row[0], row[1]

    async def find(self, service: str, model_version: str) -> Version:
        """The version. Raises NotFound."""
        async with transaction(self._engine) as connection:
            return await find(connection, service, model_version)

    async def versions(
        self, service: str | None = None, limit: int = 20, offset: int = 0, *, states: Sequence[State] | None = None
    ) -> list[Version]:
        """Published versions, newest first; of all services, and in all states, unless some are named."""
        query = select(published).order_by(published.c.id.desc()).limit(limit).offset(offset)
        if service is not None:
            query = query.where(published.c.service_name == service)
        if states is not None:
            query = query.where(published.c.state.in_(states))
        async with transaction(self._engine) as connection:
            return [Version.from_row(row) for row in (await connection.execute(query)).mappings()]

    async def events(self, service: str | None = None, limit: int = 50, offset: int = 0) -> list[Event]:
        """Changes of state, newest first; of all services unless one is named."""
        async with transaction(self._engine) as connection:
            return await history.read_events(connection, service, limit, offset)

    async def deployments(self, versions: Sequence[Version]) -> dict[str, Event]:
        """By model version, when and by whom it was made champion last; those that never were are absent."""
        async with transaction(self._engine) as connection:
            return await history.read_deployments(connection, versions)

    async def _one(self, query: Select[Any]) -> Version | None:
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return Version.from_row(row) if row else None


async def find(connection: AsyncConnection, service: str, model_version: str) -> Version:
    """The version of a service. Raises NotFound."""
    query = select(published).where(published.c.service_name == service, published.c.model_version == model_version)
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"{service} has no version {model_version}.", service=service, model_version=model_version)
    return Version.from_row(row)
