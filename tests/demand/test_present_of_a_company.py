"""From the tables to the answer: a trained company, its present taken in by the worker's own pass, and asked for over HTTP."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import factories
import httpx
import pytest
from demandlife import open_doors, serving, trained
from servedlife import DEMAND
from sqlalchemy import select

from rfid3_demand import replay
from rfid3_demand.present.definitions import LIVE
from rfid3_demand.settings import DemandSettings
from rfid3_demand.taking_in.passes import Passes, Places
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.feature_store.online import OnlineFeatures
from rfid3_shared.ledger.replay import replay as make_again
from rfid3_shared.registry import Registry
from rfid3_shared.resources import open_redis
from rfid3_shared.source import tables
from rfid3_shared.twin import build as twin

TUESDAY = date(2026, 6, 30)


async def take_in(settings: DemandSettings) -> None:
    """One pass over everything."""
    source, store, redis = (
        db.open_engine(settings.source_dsn),
        db.open_engine(settings.store_dsn),
        open_redis(settings.redis_dsn),
    )
    passes = Passes(Places(source, store, OnlineFeatures(redis, LIVE, Clock()), Clock()), "test")
    try:
        assert await passes.hold()
        await passes.take(None, 0)
        await passes.release()
    finally:
        await source.dispose()
        await store.dispose()
        await redis.aclose()


async def weeks(client: httpx.AsyncClient, query: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Predictions of a forecast, and what its meta says of the present."""
    body = (await client.get(f"{DEMAND}/forecast?weeks=3&{query}")).json()
    return body["data"]["predictions"], body["meta"]["features"]


class TestCompany:
    async def test_answers_follow_the_tables(self, tmp_path: Path, redis_url: str) -> None:
        """With nothing new the present changes no answer; a unit that leaves is one more, is off the shelf, and all of it can be made
        again."""
        settings = DemandSettings(home=tmp_path, redis_url=redis_url, demand_horizon_weeks=8, demand_features_memory_s=0)
        source = db.open_engine(settings.source_dsn)
        await twin.create(source, tmp_path / "truth.db", items=300, months=14, seed=4, end=TUESDAY)
        keys = await open_doors(settings)
        await trained(settings, model_types=["average"])
        async with serving(settings, keys["read"]) as (client, app):
            spec = app.state.snapshots.get().snapshot.spec
            busiest = max(range(len(spec.bottom)), key=lambda row: app.state.snapshots.get().snapshot.means[0, row, 0])
            number, store = spec.nodes[busiest]["name"], spec.nodes[busiest]["store"]
            whole = f"rental_class={number}"
            queries = [
                "",
                whole,
                f"{whole}&store={store}",
                *(f"category={name}" for name in sorted({each["category"] for each in spec.bottom})),
            ]
            before = [await weeks(client, query) for query in queries]
            await take_in(settings)
            after = [await weeks(client, query) for query in queries]
            async with db.transaction(source) as connection:
                tag = (
                    await connection.execute(select(tables.items.c.tag_id).where(tables.items.c.rental_class_num == number))
                ).scalar()
            moment = str(datetime(2026, 7, 1, 10, 0))
            row = (10**8, "L900", tag, "Rental", moment, "On Rent", number)
            await factories.insert(source, tables.scans, factories.OUT, [row])
            await take_in(settings)
            moved, said = await weeks(client, whole)
        await source.dispose()

        for (one, missing), (other, fresh) in zip(before, after, strict=True):
            assert (missing["state"], fresh["state"]) == ("MISSING", "FRESH"), fresh
            for was, now in zip(one, other, strict=True):
                for name in ("predicted_demand", "confidence_lower", "confidence_upper", "observed_so_far"):
                    assert now.get(name) == pytest.approx(was.get(name), rel=1e-3, abs=0.01), name
                for name in ("units_in_service", "units_at_hand", "stockout_risk"):
                    assert now["business_impact"][name] == pytest.approx(was["business_impact"][name], rel=1e-3, abs=0.01), name
        # the next day's last second: one unit more has left, and a day less is ahead
        assert said["moment"] == "2026-07-01T23:59:59"
        assert moved[0]["observed_so_far"] == after[1][0][0]["observed_so_far"] + 1
        ledger = db.open_engine(settings.store_dsn)
        registry = Registry(settings.artefact_dir, ledger, Clock())
        report = await make_again(replay.REPLAYED, ledger, registry, Clock(), limit=10_000)
        await ledger.dispose()
        assert report.holds, report.different
        assert report.replayed == 3 * (2 * len(queries) + 1)
