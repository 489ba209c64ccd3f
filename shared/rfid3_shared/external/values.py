"""Which value does each outside factor have on each day? RFID3's own first, ours where it has none, forecasts for days to come only."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.external.summary import has_factors
from rfid3_shared.external.tables import external_data_factors
from rfid3_shared.source.tables import external_factors


@dataclass
class DailyFactor:
    """One factor's values by day."""

    factor_type: str
    factor_name: str
    location: str = ""
    """Where ours were measured; RFID3's have no place."""
    values: dict[date, float] = field(default_factory=dict)
    forecast: set[date] = field(default_factory=set)
    """Days whose value was said before they came."""


async def load_daily(
    store_connection: AsyncConnection | None, source_connection: AsyncConnection | None, since: date, until: date, known_until: date,
    types: Iterable[str],
) -> list[DailyFactor]:  # fmt: skip
    """Each factor of these types with its values from `since` to `until`, by type and name.

    known_until: the last day of what is known; a forecast of that day or an earlier one is no measurement and is left out. Of
    several places that ours were measured at, the one with the most days counts: a series is never a mixture of places.
    """
    wanted = tuple(types)
    found: dict[tuple[str, str], DailyFactor] = {}
    for own in [] if store_connection is None else await _ours(store_connection, since, until, known_until, wanted):
        known = found.get((own.factor_type, own.factor_name))
        if known is None or len(own.values) > len(known.values):
            found[own.factor_type, own.factor_name] = own
    if source_connection is not None and await has_factors(source_connection):
        c = external_factors.c
        query = select(c.factor_type, c.factor_name, c.date, c.value)
        query = query.where(c.date.between(since, until), c.value.is_not(None), c.factor_type.in_(wanted))
        for kind, name, day, value in await source_connection.execute(query):
            factor = found.setdefault((kind, name), DailyFactor(kind, name))
            factor.values[day] = float(value)
            factor.forecast.discard(day)
    return [found[key] for key in sorted(found)]


async def _ours(
    connection: AsyncConnection, since: date, until: date, known_until: date, types: tuple[str, ...]
) -> list[DailyFactor]:
    """By type, name and place; of several sources of a day a measurement goes before a forecast, then the surest, then the newest."""
    c = external_data_factors.c
    columns: tuple[Any, ...] = (c.factor_type, c.factor_name, c.location, c.measurement_date, c.factor_value, c.is_forecast)
    query = select(*columns).where(c.measurement_date.between(since, until), c.factor_type.in_(types))
    # the best row of a day comes last, and stays
    query = query.order_by(
        c.factor_type, c.factor_name, c.location, c.is_forecast.desc(), c.quality_confidence, c.created_at, c.id
    )
    found: dict[tuple[str, str, str], DailyFactor] = {}
    for kind, name, place, day, value, is_forecast in await connection.execute(query):
        if is_forecast and day <= known_until:
            continue
        factor = found.setdefault((kind, name, place), DailyFactor(kind, name, place))
        factor.values[day] = float(value)
        (factor.forecast.add if is_forecast else factor.forecast.discard)(day)
    return list(found.values())
