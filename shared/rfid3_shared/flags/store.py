"""What is set, who changed it, and why? SQL on feature_flags and its audit; a change and its record are one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, func, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.errors import Conflict, InvalidParameters
from rfid3_shared.flags.flag import Flag, FlagState, checked_entities, checked_percent, default_state, flag_named
from rfid3_shared.flags.tables import feature_flag_audit as changes
from rfid3_shared.flags.tables import feature_flags as flags

OVERTAKEN = (1020, 1205, 1213)
"""MariaDB's words for "somebody else changed this row first": changed since read, waited too long, deadlock."""


@dataclass(frozen=True)
class Change:
    """One entry of the audit."""

    name: str
    version: int
    before: dict[str, Any] | None
    """The setting until then; None when nobody had set the flag."""
    after: dict[str, Any]
    reason: str
    changed_by: str
    request_id: str
    changed_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """The entry as JSON values."""
        return {**vars(self), "changed_at": f"{self.changed_at.isoformat()}Z"}


@dataclass(frozen=True)
class AuditPage:
    """Entries of the audit, newest first, and how many there are in all."""

    changes: list[Change]
    total: int


async def read_states(connection: AsyncConnection) -> dict[Flag, FlagState]:
    """The state of every flag, defaults for those nobody has set."""
    states = {flag: default_state(flag) for flag in Flag}
    known = {flag.value: flag for flag in Flag}
    for row in (await connection.execute(select(flags))).mappings():
        if flag := known.get(row["name"]):  # a row of a later version's flag is nobody's business here
            states[flag] = FlagState(
                flag, bool(row["enabled"]), float(row["percent"]), tuple(row["entities"] or ()), row["version"],
                row["updated_by"], row["updated_at"],
            )  # fmt: skip
    return states


async def set_flag(
    connection: AsyncConnection,
    flag: Flag | str,
    *,
    enabled: bool | None = None,
    percent: float | None = None,
    entities: Iterable[str] | None = None,
    expected_version: int | None = None,
    reason: str,
    changed_by: str,
    request_id: str = "",
    clock: Clock,
) -> FlagState:
    """Change what is named and record it; what is None stays as it is. The same setting again changes and records nothing.

    Raises NotFound for an unknown flag, InvalidParameters for a share, an entity or a reason that cannot be, Conflict when
    somebody else changed the flag meanwhile or its version is not the expected one (details: version).
    """
    flag = flag_named(flag)
    if enabled is None and percent is None and entities is None:
        raise InvalidParameters("Say what to change: enabled, percent or entities.", flag=flag.value)
    reason = _checked_reason(reason)
    before = (await read_states(connection))[flag]
    if expected_version is not None and expected_version != before.version:
        raise _overtaken(before)
    after = FlagState(
        flag,
        before.enabled if enabled is None else enabled,
        before.percent if percent is None else checked_percent(percent),
        before.entities if entities is None else checked_entities(entities),
        before.version + 1,
        _fitting(changed_by, flags.c.updated_by),
        clock.now().astimezone(UTC).replace(tzinfo=None),
    )
    if before.version and after.setting == before.setting:
        return before
    await _write(connection, before, after)
    await connection.execute(
        insert(changes),
        {
            "name": flag.value, "version": after.version, "before": before.setting if before.version else None,
            "after": after.setting, "reason": reason, "changed_by": after.updated_by,
            "request_id": _fitting(request_id, changes.c.request_id), "changed_at": after.updated_at,
        },
    )  # fmt: skip
    return after


async def audit(connection: AsyncConnection, name: str | None = None, limit: int = 50, offset: int = 0) -> AuditPage:
    """Changes of one flag or of all, newest first.

    Raises NotFound for an unknown flag.
    """
    of_flag = [changes.c.name == flag_named(name).value] if name else []
    total = (await connection.execute(select(func.count()).select_from(changes).where(*of_flag))).scalar_one()
    columns = [column for column in changes.c if column.name != "id"]
    query = select(*columns).where(*of_flag).order_by(changes.c.id.desc()).limit(limit).offset(offset)
    return AuditPage([Change(**row) for row in (await connection.execute(query)).mappings()], total)


async def _write(connection: AsyncConnection, before: FlagState, after: FlagState) -> None:
    """Put the new state in the place of the one that was read, and of no other."""
    row = {**after.setting, "version": after.version, "updated_by": after.updated_by, "updated_at": after.updated_at}
    try:
        if not before.version:
            await connection.execute(insert(flags), {"name": after.flag.value, **row})
            return
        same = (flags.c.name == after.flag.value, flags.c.version == before.version)
        if (await connection.execute(update(flags).where(*same).values(row))).rowcount:
            return
    except IntegrityError:
        pass
    except OperationalError as fault:
        if not fault.orig or fault.orig.args[0] not in OVERTAKEN:
            raise
    raise _overtaken(before)


def _overtaken(before: FlagState) -> Conflict:
    return Conflict(
        f"{before.flag.value} was changed meanwhile: look at it again before you change it.",
        flag=before.flag.value, version=before.version, updated_by=before.updated_by or None,
    )  # fmt: skip


def _checked_reason(reason: str) -> str:
    longest = _room(changes.c.reason)
    if not (bare := reason.strip()) or len(bare) > longest:
        raise InvalidParameters(f"A change needs a reason of 1 to {longest} characters.", parameter="reason")
    return bare


def _fitting(text: str, column: Column[Any]) -> str:
    """As much of a text as its column holds."""
    return text[: _room(column)]


def _room(column: Column[Any]) -> int:
    """Characters a text column holds."""
    return int(column.type.length)  # type: ignore[attr-defined]
