"""How is a model published, and how does it come to answer for its service, or stop doing so?"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict, ModelUnavailable, StoreUnavailable
from rfid3_shared.log import get_logger
from rfid3_shared.registry import artefact
from rfid3_shared.registry.catalogue import Catalogue
from rfid3_shared.registry.gate import Verdict
from rfid3_shared.registry.history import read_line
from rfid3_shared.registry.shelf import Shelf, read_kept
from rfid3_shared.registry.states import Turn, Work, in_turn
from rfid3_shared.registry.storage import LocalOnly, Storage
from rfid3_shared.registry.tables import ml_model_performance as published
from rfid3_shared.registry.version import State, Version

ANY_BUT_CHAMPION: tuple[State, ...] = ("candidate", "shadow", "retired", "rejected")
YOUNG = timedelta(hours=1)
"""An artefact touched more recently may be another process's that has not written its version down, or switched to it, yet."""
log = get_logger("registry")


class Registry(Catalogue):
    """Artefacts on this host (and in a storage for all hosts, where one is set), versions and their states in the store.

    What changes states is done whole or not at all, one change of a service after the other, each noted as an event. Every
    asynchronous method raises StoreUnavailable when store or storage is out of reach.
    """

    def __init__(self, artefact_dir: Path, engine: AsyncEngine, clock: Clock, storage: Storage | None = None) -> None:
        super().__init__(engine)
        self._clock, self._shelf = clock, Shelf(artefact_dir, storage or LocalOnly())

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
        feature_spec: dict[str, Any] | None = None,
        code_version: str = "",
        job_id: str | None = None,
    ) -> Version:
        """Store a copy of the folder as a new candidate; it serves nobody until `settle` or `promote`.

        A job that publishes twice changes things once: the second time its first version is returned, in the state it has by then.
        Without a job the same holds for the same content and `trained_at`.
        Raises ValueError for a folder that holds no file or something else than files.
        """
        manifest = await asyncio.to_thread(artefact.describe, folder)
        digest, now = manifest["digest"], self._clock.now()
        version = Version(
            service=service, model_version=f"{service}_v{trained_at.astimezone(UTC):%Y%m%d_%H%M%S}_{digest[:8]}",
            model_type=model_type, digest=digest, bytes=sum(facts["bytes"] for facts in manifest["files"].values()),
            metrics=metrics, parameters=parameters, feature_importance=feature_importance, feature_spec=feature_spec,
            code_version=code_version, data_from=data_from, data_to=data_to, trained_at=trained_at, published_at=now, job_id=job_id,
            state="candidate", state_since=now, state_reason="", evidence=None,
        )  # fmt: skip
        await asyncio.to_thread(self._shelf.put, folder, manifest, service)
        async with transaction(self._engine) as connection:
            version = await _record(connection, version)
        await self.remember(service)
        return version

    async def settle(self, version: Version, verdict: Verdict, *, by: str) -> Version:
        """Do what the gate decided about a candidate, once: a version that is no candidate any more stays what it is.

        A new shadow takes the place of an older one, which is rejected; with no champion to stand beside it becomes champion.
        Raises NotFound, and ModelUnavailable when its files are not what was published; nothing changes then.
        """

        async def work(turn: Turn) -> Version:
            known = await turn.find(version.model_version)
            if known.state != "candidate":
                return known
            if verdict.state == "champion":
                return await turn.crown(known, verdict.reason, verdict.evidence)
            if verdict.state == "shadow":
                return await turn.shadow(known, verdict.reason, verdict.evidence)
            return await turn.move(known, "rejected", verdict.reason, verdict.evidence)

        if verdict.state != "rejected" and (await self.find(version.service, version.model_version)).state == "candidate":
            await asyncio.to_thread(self.open_artefact, version)
        return await self._change(version.service, by, work)

    async def promote(
        self, service: str, model_version: str, *, by: str, reason: str, from_states: Sequence[State] = ANY_BUT_CHAMPION
    ) -> Version:
        """Make a version champion; the one before is retired, and a shadow that was compared with that one rejected.

        Raises NotFound, Conflict when it is in none of `from_states`, ModelUnavailable when its files are not what was published;
        nothing changes then.
        """

        async def work(turn: Turn) -> Version:
            known = _in(await turn.find(model_version), *from_states)
            return await turn.crown(known, reason)

        version = _in(await self.find(service, model_version), *from_states)
        await asyncio.to_thread(self.open_artefact, version)
        return await self._change(service, by, work)

    async def reject(self, service: str, model_version: str, *, by: str, reason: str) -> Version:
        """Decide against a candidate or shadow. Raises NotFound, Conflict for a version in another state."""

        async def work(turn: Turn) -> Version:
            return await turn.move(_in(await turn.find(model_version), "candidate", "shadow"), "rejected", reason)

        return await self._change(service, by, work)

    async def rollback(self, service: str, *, by: str, reason: str, to: str | None = None) -> Version:
        """Go back to the champion before this one, or to the retired version `to`; the present one is retired.

        Where that one's files are damaged it goes further back, and the reason says so. Going back twice leads two champions back.
        Raises Conflict when there is none to go back to or somebody else changed the champion meanwhile, NotFound for an unknown `to`,
        ModelUnavailable when none has files that are what was published; nothing changes then.
        """
        champion = await self.current(service)
        if champion is None:
            raise Conflict(f"{service} has no champion to go back from.", service=service)
        target, damaged = await self._earlier(champion, to)
        passed_over = f"; passed over, their files are damaged: {', '.join(damaged)}" if damaged else ""

        async def work(turn: Turn) -> Version:
            present = await turn.holder("champion")
            if present is None or present.model_version != champion.model_version:
                raise Conflict("Somebody else changed the champion at the same moment. Look again.", service=service)
            known = _in(await turn.find(target.model_version), "retired")
            return await turn.crown(known, f"rolled back{passed_over}: {reason}")

        return await self._change(service, by, work)

    def open_artefact(self, version: Version) -> Path:
        """The version's folder, every byte verified; reads the disk and perhaps the storage, so call it in a thread.

        What is missing or damaged here is fetched from the storage for all hosts. Raises ModelUnavailable when it is not there as
        published either, StoreUnavailable when the storage is out of reach.
        """
        return self._shelf.open(version)

    def lend_artefact(self, version: Version) -> AbstractContextManager[Path]:
        """Its files as a verified copy of one's own, to load and map a model from that serves; gone when the block ends.

        What is mapped then stays as it is, whatever happens to the published files. Raises as `open_artefact` does.
        """
        return self._shelf.lend(version)

    def remembered(self, service: str) -> list[Version]:
        """The champion and those before it as this disk knows them, for when the store is out of reach."""
        return self._shelf.remembered(service)

    async def remember(self, service: str) -> None:
        """Write what `remembered` reads, and delete artefacts nobody needs here. Never raises: the disk may be read-only."""
        try:
            async with transaction(self._engine) as connection:
                champions, kept = await read_kept(connection, service)
            young = (self._clock.now() - YOUNG).timestamp()
            await asyncio.to_thread(self._shelf.keep, service, champions, kept, young)
        except (StoreUnavailable, SQLAlchemyError, OSError) as fault:
            log.warning("not_remembered", service=service, fault=type(fault).__name__)

    async def _earlier(self, champion: Version, to: str | None) -> tuple[Version, list[str]]:
        """The version to go back to, its files verified, and those passed over because theirs are damaged."""
        if to is not None:
            named = _in(await self.find(champion.service, to), "retired")
            await asyncio.to_thread(self.open_artefact, named)
            return named, []
        async with transaction(self._engine) as connection:
            line = await read_line(connection, champion.service)
        damaged: list[str] = []
        for name in reversed(line[:-1]):
            try:
                version = await self.find(champion.service, name)
                await asyncio.to_thread(self.open_artefact, version)
                return version, damaged
            except ModelUnavailable:
                damaged.append(name)
        if damaged:
            raise ModelUnavailable("The files of every earlier champion are damaged; what serves stays.", damaged=damaged)
        raise Conflict(f"{champion.model_version} has no champion before it; name a retired version.", service=champion.service)

    async def _change(self, service: str, by: str, work: Work) -> Version:
        version = await in_turn(self._engine, self._clock, service, by, work)
        await self.remember(service)
        return version


async def _record(connection: AsyncConnection, version: Version) -> Version:
    """The version as it stands in the store, written now unless its job or its name has one already."""
    try:
        await connection.execute(insert(published), version.as_row())
        return version
    except IntegrityError:
        same_name = (published.c.service_name == version.service) & (published.c.model_version == version.model_version)
        same_job = published.c.job_id == version.job_id
        # a locking read sees what others committed after this transaction began (MySQL reads a snapshot otherwise)
        query = select(published).where(same_job if version.job_id else same_name).with_for_update(read=True)
        return Version.from_row((await connection.execute(query)).mappings().one())


def _in(version: Version, *states: State) -> Version:
    """The version, if it is in one of the states. Raises Conflict."""
    if version.state not in states:
        raise Conflict(f"{version.model_version} is {version.state}.", model_version=version.model_version, state=version.state)
    return version
