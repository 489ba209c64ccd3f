"""Which outside factors are there, how many values of each, and from when to when? RFID3's own and ours, one row a factor."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Integer, func, inspect, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.external.tables import external_data_factors
from rfid3_shared.source.tables import external_factors

RFID3 = "RFID3"
"""How the source of RFID3's own values is called where its table names none."""


@dataclass(frozen=True)
class FactorSeries:
    """One factor at one place, over all its sources."""

    factor_type: str
    factor_name: str
    location: str
    """Empty = everywhere."""
    record_count: int
    """Values in all sources together; a day that two sources tell counts twice."""
    first_date: date
    last_date: date
    last_updated: datetime | None
    """When a value was last stored, UTC without zone; None where RFID3 alone has it, which does not say."""
    sources: tuple[str, ...]
    forecast_count: int = 0
    """Values that were said before their day came."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from others."""
        return self.factor_type, self.factor_name, self.location


async def summary(store_connection: AsyncConnection, source_connection: AsyncConnection | None) -> list[FactorSeries]:
    """Every factor that RFID3 or the suite has values of, by type, name and place; without a source, the suite's only."""
    found: dict[tuple[str, str, str], FactorSeries] = {}
    parts = [] if source_connection is None else await _of_source(source_connection)
    for part in [*parts, *await _of_store(store_connection)]:
        found[part.key] = _joined(found[part.key], part) if part.key in found else part
    return [found[key] for key in sorted(found)]


async def _of_store(connection: AsyncConnection) -> list[FactorSeries]:
    c = external_data_factors.c
    keys = (c.factor_type, c.factor_name, c.location, c.data_source)
    forecast = func.sum(type_coerce(c.is_forecast, Integer))
    query = select(
        *keys, func.count(), func.min(c.measurement_date), func.max(c.measurement_date), func.max(c.created_at), forecast
    )
    rows = await connection.execute(query.group_by(*keys).order_by(*keys))
    return [
        FactorSeries(kind, name, place, count, first, last, updated, (source,), int(said))
        for kind, name, place, source, count, first, last, updated, said in rows
    ]


async def _of_source(connection: AsyncConnection) -> list[FactorSeries]:
    if not await has_factors(connection):
        return []
    c = external_factors.c
    keys = (c.factor_type, c.factor_name, c.source)
    query = select(*keys, func.count(), func.min(c.date), func.max(c.date)).where(c.value.is_not(None))
    rows = await connection.execute(query.group_by(*keys).order_by(*keys))
    return [
        FactorSeries(kind, name, "", count, first, last, None, (source or RFID3,))
        for kind, name, source, count, first, last in rows
    ]


async def has_factors(connection: AsyncConnection) -> bool:
    """Whether this database has RFID3's `external_factors`; before the first import it has not."""
    return await connection.run_sync(lambda sync: inspect(sync).has_table(external_factors.name))


def _joined(one: FactorSeries, other: FactorSeries) -> FactorSeries:
    updated = [at for at in (one.last_updated, other.last_updated) if at is not None]
    return FactorSeries(
        *one.key, one.record_count + other.record_count, min(one.first_date, other.first_date), max(one.last_date, other.last_date),
        max(updated, default=None), tuple(sorted({*one.sources, *other.sources})), one.forecast_count + other.forecast_count,
    )  # fmt: skip
