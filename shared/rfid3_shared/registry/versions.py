"""Which versions of a service's model were published, and which one is current?"""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.registry import artefact
from rfid3_shared.registry.tables import ml_model_performance as published
from rfid3_shared.registry.tables import registry_current
from rfid3_shared.registry.version import Version

KEPT_ARTEFACTS = 5
CURRENT_FILE = "current.json"
SEARCHED_VERSIONS = 100
YOUNG = timedelta(hours=1)


class Registry:
    """Artefacts in a local folder, versions and the current one in the store."""

    def __init__(self, artefact_dir: Path, engine: AsyncEngine, clock: Clock) -> None:
        self._dir, self._engine, self._clock = artefact_dir, engine, clock

    async def publish(
        self,
        service: str,
        folder: Path,
        *,
        model_type: str,
        metrics: dict[str, Any],
        data_from: date | None,
        data_to: date | None,
        parameters: dict[str, Any],
        trained_at: datetime,
        feature_importance: dict[str, Any] | None = None,
        job_id: str | None = None,
        switched_by: str = "publish",
    ) -> Version:
        """Store a copy of the folder, and make it the service's current version in one transaction.

        A job that publishes twice changes things once: the second time its first version is returned, whatever has become
        current meanwhile. Without a job the same holds for the same content and `trained_at`.
        Raises ValueError for a folder that holds no file or something else than files, StoreUnavailable.
        """
        manifest = await asyncio.to_thread(artefact.describe, folder)
        digest = manifest["digest"]
        version = Version(
            service=service, model_version=f"{service}_v{trained_at.astimezone(UTC):%Y%m%d_%H%M%S}_{digest[:8]}",
            model_type=model_type, digest=digest, bytes=sum(facts["bytes"] for facts in manifest["files"].values()),
            metrics=metrics, parameters=parameters, feature_importance=feature_importance, data_from=data_from,
            data_to=data_to, trained_at=trained_at, published_at=self._clock.now(), job_id=job_id,
        )  # fmt: skip
        await asyncio.to_thread(artefact.store, folder, manifest, self._dir / service / version.folder_name)
        async with transaction(self._engine) as connection:
            version, is_new = await self._record(connection, version)
            if is_new:
                await self._switch(connection, service, version.model_version, switched_by)
        await self._remember(service)
        return version

    async def current(self, service: str) -> Version | None:
        """The version that answers for the service; None when none was ever published. Raises StoreUnavailable."""
        join = (published.c.service_name == registry_current.c.service) & (
            published.c.model_version == registry_current.c.model_version
        )
        query = select(published).join(registry_current, join).where(registry_current.c.service == service)
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return Version.from_row(row) if row else None

    async def versions(self, service: str, limit: int = 20) -> list[Version]:
        """Published versions, newest first. Raises StoreUnavailable."""
        query = select(published).where(published.c.service_name == service).order_by(published.c.id.desc()).limit(limit)
        async with transaction(self._engine) as connection:
            return [Version.from_row(row) for row in (await connection.execute(query)).mappings()]

    def open_artefact(self, version: Version) -> Path:
        """The version's folder, every byte verified; reads the disk, so call it in a thread.

        Raises ModelUnavailable when it is missing or not what was published.
        """
        folder = self._dir / version.service / version.folder_name
        artefact.verify(folder, version.digest)
        return folder

    def remembered(self, service: str) -> list[Version]:
        """The current version and those before it as this disk knows them, for when the store is out of reach."""
        try:
            return [Version.from_dict(kept) for kept in json.loads((self._dir / service / CURRENT_FILE).read_bytes())]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    async def _record(self, connection: AsyncConnection, version: Version) -> tuple[Version, bool]:
        """The version as it stands in the store, and whether it was new."""
        try:
            await connection.execute(insert(published), version.as_row())
            return version, True
        except IntegrityError:
            same_name = (published.c.service_name == version.service) & (published.c.model_version == version.model_version)
            same_job = published.c.job_id == version.job_id
            query = select(published).where(same_job if version.job_id else same_name).with_for_update(read=True)
            return Version.from_row((await connection.execute(query)).mappings().one()), False

    async def _switch(self, connection: AsyncConnection, service: str, model_version: str, by: str) -> None:
        values = {"model_version": model_version, "switched_at": self._clock.now().astimezone(UTC).replace(tzinfo=None)}
        change = update(registry_current).where(registry_current.c.service == service)
        if not (await connection.execute(change.values(**values, switched_by=by))).rowcount:
            await connection.execute(insert(registry_current), {"service": service, **values, "switched_by": by})

    async def _remember(self, service: str) -> None:
        """Write the local record, and delete artefacts that are neither current nor among the newest."""
        kept: dict[str, Version] = {}
        for version in filter(None, [await self.current(service), *await self.versions(service, SEARCHED_VERSIONS)]):
            if len(kept) < KEPT_ARTEFACTS:
                kept.setdefault(version.folder_name, version)
        content = json.dumps([version.as_dict() for version in kept.values()], indent=1).encode()
        service_dir = self._dir / service
        await asyncio.to_thread(artefact.write_whole, service_dir / CURRENT_FILE, content)
        young = (self._clock.now() - YOUNG).timestamp()
        await asyncio.to_thread(artefact.prune, service_dir, set(kept), young)
