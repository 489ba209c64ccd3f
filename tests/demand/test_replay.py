"""Does every logged prediction come out again from the values of its time, and is a changed value found?"""

import asyncio
import json
import shutil
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from presentlife import MOMENT, SHOP, able, take_in
from servedlife import DEMAND, served
from sqlalchemy import select, update
from typer.testing import CliRunner

from rfid3_demand import replay
from rfid3_demand.commands import app
from rfid3_demand.settings import DemandSettings
from rfid3_demand.snapshot import Snapshot
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.feature_store.tables import ml_feature_store
from rfid3_shared.ledger import analytics_predictions
from rfid3_shared.ledger.replay import Report
from rfid3_shared.ledger.replay import replay as make_again
from rfid3_shared.registry import Registry

LINEN = "category=Round%20Linen"
QUESTIONS = (
    "rental_class=61825&weeks=3", "rental_class=61825&store=003&weeks=2&confidence_level=0.9", f"{LINEN}&weeks=4",
    f"{LINEN}&weeks=2&model_type=random_forest", f"{LINEN}&store=001&weeks=2&include_external_factors=false",
)  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> DemandSettings:
    monkeypatch.setenv("RFID3_HOME", str(tmp_path))
    return DemandSettings(home=tmp_path, redis_url=redis_url, demand_features_memory_s=0)


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def either(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> DemandSettings:
    """Settings on each kind of database."""
    own = {"store_url": request.getfixturevalue("mysql_dsn")} if request.param == "mariadb" else {}
    return DemandSettings(home=tmp_path, redis_url=redis_url, demand_features_memory_s=0, **own)


async def show(settings: DemandSettings, snapshot: Snapshot) -> None:
    """Predictions shown before anything was taken in, of five presents over two weeks, and of one that is too old."""
    async with served(settings, able(snapshot)) as (client, _):

        async def ask() -> None:
            for query in QUESTIONS:
                assert (await client.get(f"{DEMAND}/forecast?{query}")).status_code == 200
            assert (await client.get(f"{DEMAND}/series?level=class&weeks=3")).status_code == 200

        await ask()
        counts: dict[tuple[str, str], tuple[float | None, ...]] = dict(SHOP)  # type: ignore[arg-type]
        for step in range(5):
            counts = {
                key: (None if v is None else v + at + step for at, v in enumerate(values)) for key, values in counts.items()
            }  # type: ignore[misc]
            counts = {key: tuple(values) for key, values in counts.items()}
            counts["61839", "8101"] = (step, None, None, 4 + step)
            await take_in(settings, counts, moment=MOMENT + timedelta(hours=31 * step + 7 * 24 * (step > 3)), seq=step)
            await ask()
        await take_in(settings, counts, age=timedelta(hours=1))
        await ask()


async def again(settings: DemandSettings, **wanted: Any) -> Report:
    store = db.open_engine(settings.store_dsn)
    try:
        registry = Registry(settings.artefact_dir, store, Clock())
        return await make_again(replay.REPLAYED, store, registry, Clock(), **{"limit": 10_000, **wanted})
    finally:
        await store.dispose()


async def change(settings: DemandSettings, table: Any, values: Mapping[str, Any], *where: Any) -> int:
    store = db.open_engine(settings.store_dsn)
    async with db.transaction(store) as connection:
        changed = (await connection.execute(update(table).where(*where).values(**values))).rowcount
    await store.dispose()
    return int(changed)


async def inputs(settings: DemandSettings) -> list[Any]:
    store = db.open_engine(settings.store_dsn)
    async with db.transaction(store) as connection:
        found = (await connection.execute(select(analytics_predictions.c.input_features))).scalars().all()
    await store.dispose()
    return list(found)


class TestReplay:
    async def test_everything_comes_out_equal(self, either: DemandSettings, snapshot: Snapshot) -> None:
        """With no present, with five of them and with one that is too old: every column to the last digit."""
        await show(either, snapshot)
        logged = await inputs(either)
        seen: list[tuple[int, int]] = []

        report = await again(either, progress=lambda done, total: seen.append((done, total)))

        assert {one["state"] for one in logged} == {"FRESH", "MISSING"}  # a stale present leaves the same inputs as none
        assert len({one.get("as_of") for one in logged}) == 6
        assert (report.replayed, report.equal, report.different, report.not_replayable) == (len(logged), len(logged), [], {})
        assert seen[-1] == (len(logged), len(logged))

    @pytest.mark.parametrize(
        ("name", "column"), [("units_left_week", "predicted_value"), ("units_in_service", "features_digest")]
    )
    async def test_a_changed_feature_is_found(
        self, settings: DemandSettings, snapshot: Snapshot, name: str, column: str
    ) -> None:
        """One value of the store that is not what it was: the predictions that rested on it come out different."""
        await show(settings, snapshot)
        kept = ml_feature_store.c
        newest = await again(settings)
        assert newest.holds
        changed = await change(
            settings, ml_feature_store, {"feature_value": 3.0}, kept.feature_name == name,
            kept.target_entity == "class:61825@8101", kept.feature_value > 9,
        )  # fmt: skip

        report = await again(settings)

        assert changed >= 1
        assert not report.holds
        assert column in {one["column"] for one in report.different}
        assert 0 < report.equal < report.replayed

    async def test_a_changed_prediction_is_found(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """A ten-thousandth of a unit is a difference."""
        await show(settings, snapshot)
        table = analytics_predictions.c
        value = {"predicted_value": table.predicted_value + 0.0001}
        assert await change(settings, analytics_predictions, value, table.id == 3) == 1

        report = await again(settings)

        assert (report.replayed - report.equal, [one["column"] for one in report.different]) == (1, ["predicted_value"])

    async def test_what_cannot_be_made_again_is_counted(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """A version whose files are gone, a class it never knew, a week beyond its forecast: each with its reason, none as a fault."""
        await show(settings, snapshot)
        table = analytics_predictions.c
        await change(settings, analytics_predictions, {"target_item_id": "7"}, table.id == 1)
        await change(settings, analytics_predictions, {"prediction_date": date(2031, 1, 6)}, table.id == 2)
        some = await again(settings)
        shutil.rmtree(settings.artefact_dir)
        none = await again(settings)

        assert some.holds
        assert some.not_replayable == {replay.UNKNOWN_TARGET: 1, replay.OTHER_WEEKS: 1}
        assert (none.replayed, sum(none.not_replayable.values())) == (0, some.replayed + 2)

    async def test_limit_and_day(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """At most so many, newest first, and only those recorded since."""
        await show(settings, snapshot)

        assert (await again(settings, limit=7)).replayed == 7
        assert (await again(settings, since=date(2100, 1, 1))).replayed == 0


class TestCommand:
    def test_says_how_many_are_equal_and_fails_when_one_is_not(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """Programs get JSON and an exit code, people a sentence and a table."""
        asyncio.run(show(settings, snapshot))
        fine = CliRunner().invoke(app, ["replay", "--json"])
        table = analytics_predictions.c
        asyncio.run(change(settings, analytics_predictions, {"confidence_lower": 0.5}, table.id == 1))
        changed = CliRunner().invoke(app, ["replay"])

        assert fine.exit_code == 0, fine.output
        report = json.loads(fine.stdout)
        assert report["replayed"] == report["equal"] > 50
        assert changed.exit_code == 1
        assert f"{report['equal'] - 1} of {report['equal']} predictions" in changed.stdout
        assert "confidence_lower" in changed.stdout
