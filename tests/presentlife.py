"""What tests of the present do: a snapshot that can take it in, and values that the shop's taking-in would have kept and published."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rfid3_demand.present.definitions import LIVE, entity, pack
from rfid3_demand.settings import DemandSettings
from rfid3_demand.snapshot import Snapshot
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.feature_store import history
from rfid3_shared.feature_store.online import OnlineFeatures, TakenIn
from rfid3_shared.resources import open_redis

MOMENT = datetime(2025, 7, 2, 12, 0)
"""Wednesday noon of the week with which the hand-made snapshot begins."""
Counts = Mapping[tuple[str, str], Sequence[float | None]]
"""(class, store) → units left this week, in service, unavailable, booked."""
SHOP: Counts = {("61825", "3607"): (7, 40, 12, None), ("61825", "8101"): (9, 30, 5, None), ("61839", "8101"): (0, 10, 2, None)}


def able(snapshot: Snapshot) -> Snapshot:
    """The snapshot as training publishes it now, with what the present needs."""
    hours = [0.0] * 8 + [0.1] * 10 + [0.0] * 6
    spec = replace(snapshot.spec, weekday_shares=[1 / 7] * 7, hour_shares=hours, staying=[1.0, 0.5, 0.1], lost_share=0.1)
    return replace(
        snapshot, spec=spec, whole_means=snapshot.means[:, :, 0].copy(), whole_quantiles=snapshot.quantiles[:, :, 0].copy()
    )


async def take_in(
    settings: DemandSettings, counts: Counts, *, moment: datetime = MOMENT, seq: int = 1, age: timedelta = timedelta(0)
) -> datetime:
    """Keep and publish values of all stores of the classes named; the moment they were kept as of."""
    rows = {entity(*key): (*values, 0.0, 0.0, 0.0) for key, values in counts.items()}
    packs: dict[str, dict[str, tuple[float | None, ...]]] = {}
    for number, store in counts:
        packs.setdefault(pack(number), {})[entity(number, store)] = rows[entity(number, store)]
    as_of = datetime.now(UTC) - age
    engine, redis = db.open_engine(settings.store_dsn), open_redis(settings.redis_dsn)
    try:
        async with db.transaction(engine) as connection:
            await history.append(connection, LIVE, rows, as_of)
        await OnlineFeatures(redis, LIVE, Clock()).publish(packs, TakenIn(seq, moment, as_of, as_of))
    finally:
        await engine.dispose()
        await redis.aclose()
    return as_of
