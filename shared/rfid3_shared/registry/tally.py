"""What came of answering live requests with a shadow version? Counted in every process, summed up in the store."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, select
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.registry.tables import shadow_tallies as tallies
from rfid3_shared.registry.version import naive


@dataclass
class Tally:
    """Sums over the live requests a version answered unseen.

    `seconds` it took for them; `absolute_difference` and `champion_absolute` are sums over predicted values of |shadow − champion|
    and |champion|.
    """

    answers: int = 0
    faults: int = 0
    seconds: float = 0.0
    absolute_difference: float = 0.0
    champion_absolute: float = 0.0

    def add(self, other: "Tally") -> None:
        """Count the other's in."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def relative_difference(self) -> float | None:
        """How far apart the two are, relative to the champion's size; None when the champion said nothing but zero."""
        return self.absolute_difference / self.champion_absolute if self.champion_absolute > 0 else None

    @property
    def mean_seconds(self) -> float | None:
        """Seconds an answer took; None without any."""
        return self.seconds / self.answers if self.answers else None


async def read_tally(connection: AsyncConnection, service: str, model_version: str) -> Tally:
    """What all processes have counted for a version so far; zeros when there is nothing."""
    columns = [tallies.c[name] for name in asdict(Tally())]
    query = select(*columns).where(tallies.c.service == service, tallies.c.model_version == model_version)
    row = (await connection.execute(query)).mappings().one_or_none()
    return Tally(**row) if row else Tally()


async def add_tallies(connection: AsyncConnection, service: str, counted: Mapping[str, Tally], at: datetime) -> None:
    """Add what this process counted, by model version, to what others did."""
    rows: list[dict[str, Any]] = [
        {"service": service, "model_version": name, **asdict(tally), "updated_at": naive(at)}
        for name, tally in sorted(counted.items())
    ]
    await connection.execute(_increment(connection.dialect.name), rows)


def _increment(dialect: str) -> Insert:
    names = list(asdict(Tally()))
    if dialect == "sqlite":
        new = sqlite.insert(tallies)
        sums = {name: tallies.c[name] + new.excluded[name] for name in names}
        return new.on_conflict_do_update(
            index_elements=["service", "model_version"], set_={**sums, "updated_at": new.excluded.updated_at}
        )
    added = mysql.insert(tallies)
    sums = {name: tallies.c[name] + added.inserted[name] for name in names}
    return added.on_duplicate_key_update(**sums, updated_at=added.inserted.updated_at)
