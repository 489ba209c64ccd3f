"""What has every unit lived through? Read and put together."""

from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.item_life.assemble import assemble
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.reading import read_sources


async def rebuild(source: AsyncConnection, clock: Clock, *, store: AsyncConnection | None = None) -> Life:
    """The lives of all units in the source, with what people reported where our store is given.

    Scans after the business day are a scanner with a wrong clock and are left out; so is everything nobody can place, each reason counted
    in `Life.counts`. A source without scans gives units without a life. Raises SQLAlchemyError where the source is not RFID3's.
    """
    return assemble(await read_sources(source, clock, store=store))
