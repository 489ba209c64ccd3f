"""What did the store know of a feature at some moment? Values of a view, kept when they change and read back as of any time.

Append-only: a row says from when (`feature_timestamp`, UTC, when it became known) a value held, until the next row of the same
feature and entity. A value that is no longer known is a row of quality 0. With what the ledger keeps of a prediction this is all that
a replay needs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.db import sliced
from rfid3_shared.feature_store.definition import FeatureDefinition, FeatureView
from rfid3_shared.feature_store.precision import as_kept
from rfid3_shared.feature_store.reading import Values
from rfid3_shared.feature_store.store import insert_or_change
from rfid3_shared.feature_store.tables import ml_feature_store as stored

BATCH = 5_000
MANY = 2_000
"""For more entities than that it is quicker to read the newest value of all."""
PAIR = (stored.c.feature_name, stored.c.target_entity)
Known = Mapping[str, Values]


async def append(
    connection: AsyncConnection, view: FeatureView, values: Mapping[str, Sequence[float | None]], as_of: datetime,
    known: Known | None = None,
) -> int:  # fmt: skip
    """Keep what changed against the newest kept values, with `as_of` (aware) as their time stamp; how many rows.

    known: what `newest` said and what this caller appended since, where nobody else appends; without it the store is asked. Each call's
    `as_of` must not be before the one of the call before, or it would change what was known in between. NaN is None.
    Raises ValueError for a moment without zone, and for values that do not fit the view or the table.
    """
    at = _utc(as_of)
    wanted = {entity: _exact(view, entity, row) for entity, row in values.items()}
    if known is None:
        known = await newest(connection, view, wanted)
    rows = list(_changes(view, wanted, known, at))
    statement = insert_or_change(connection.dialect.name)
    for start in range(0, len(rows), BATCH):
        await connection.execute(statement, rows[start : start + BATCH])
    return len(rows)


async def as_of(connection: AsyncConnection, view: FeatureView, entities: Iterable[str], at: datetime) -> dict[str, Values]:
    """What was known at that moment (aware): of each entity the values in the view's order; None where nothing was.

    Entities of which nothing was ever known until then are left out. Raises ValueError for a moment without zone.
    """
    return await _read(connection, view, sorted(set(entities)), [stored.c.feature_timestamp <= _utc(at)])


async def newest(connection: AsyncConnection, view: FeatureView, entities: Iterable[str] | None = None) -> dict[str, Values]:
    """The newest kept values, of all entities or of those named; as `as_of` gives them."""
    named = None if entities is None else sorted(set(entities))
    if named is not None and len(named) > MANY:
        found, wanted = await _read(connection, view, None, []), set(named)
        return {entity: row for entity, row in found.items() if entity in wanted}
    return await _read(connection, view, named, [])


async def changes(
    connection: AsyncConnection, view: FeatureView, until: datetime, entities: Iterable[str] | None = None
) -> list[tuple[str, str, datetime, float | None]]:
    """Every change kept up to a moment (aware), of all entities or of those named: feature, entity, from when (naive UTC), value.

    In order of time; it is what a training frame joins. None: no longer known. Raises ValueError for a moment without zone.
    """
    query = select(*PAIR, stored.c.feature_timestamp, stored.c.feature_value, stored.c.quality_score)
    query = query.where(stored.c.feature_name.in_(view.names), stored.c.feature_timestamp <= _utc(until))
    found = [
        (name, entity, at, as_kept(value) if quality > 0 else None)
        for part in ([None] if entities is None else sliced(sorted(set(entities))))
        for name, entity, at, value, quality in await connection.execute(
            query if part is None else query.where(stored.c.target_entity.in_(part))
        )
    ]
    return sorted(found, key=lambda change: change[2])


async def _read(
    connection: AsyncConnection, view: FeatureView, entities: list[str] | None, conditions: list[ColumnElement[bool]]
) -> dict[str, Values]:
    position = {name: at for at, name in enumerate(view.names)}
    found: dict[str, list[float | None]] = {}
    for part in [None] if entities is None else sliced(entities):
        narrowed = conditions if part is None else [*conditions, stored.c.target_entity.in_(part)]
        for name, entity, value, quality in await connection.execute(_newest_of(view, narrowed)):
            row = found.setdefault(entity, [None] * len(position))
            row[position[name]] = as_kept(value) if quality > 0 else None
    return {entity: tuple(row) for entity, row in found.items()}


def _newest_of(view: FeatureView, conditions: list[ColumnElement[bool]]) -> Select[Any]:
    """The newest row of each pair: both databases find it in the unique index, without reading the rows before it one by one."""
    latest = select(*PAIR, func.max(stored.c.feature_timestamp).label("at"))
    latest = latest.where(stored.c.feature_name.in_(view.names), *conditions).group_by(*PAIR)
    at = latest.subquery()
    same = and_(
        stored.c.feature_name == at.c.feature_name, stored.c.target_entity == at.c.target_entity,
        stored.c.feature_timestamp == at.c.at,
    )  # fmt: skip
    return select(*PAIR, stored.c.feature_value, stored.c.quality_score).join(at, same)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a moment needs its zone")
    return at.astimezone(UTC).replace(tzinfo=None)


def _exact(view: FeatureView, entity: str, row: Sequence[float | None]) -> Values:
    if len(row) != len(view.features):
        raise ValueError(f"{entity} needs a value or None of each of the {len(view.features)} features of {view.name}")
    return tuple(map(as_kept, row))


def _changes(view: FeatureView, wanted: Known, known: Known, at: datetime) -> Iterator[dict[str, Any]]:
    nothing: Values = (None,) * len(view.features)
    said = [_said(definition) for definition in view.features]
    for entity, row in wanted.items():
        before = known.get(entity, nothing)
        if row != before:
            for about, value, old in zip(said, row, before, strict=True):
                if value != old:
                    yield {
                        **about, "target_entity": entity, "feature_timestamp": at, "created_at": at,
                        "feature_value": 0.0 if value is None else value, "quality_score": 0.0 if value is None else 1.0,
                    }  # fmt: skip


def _said(definition: FeatureDefinition) -> dict[str, Any]:
    """What every row of a feature says alike."""
    return {
        "feature_name": definition.name, "feature_category": definition.category, "data_source": definition.source[:100],
        "computation_method": f"{definition.measure} of {definition.facts}, {definition.window.kind}"[:100], "is_real_time": True,
    }  # fmt: skip
