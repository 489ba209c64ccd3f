"""Does training learn from lives, publish what it learned, and go on from day to day? On a small company."""

from pathlib import Path

import factories
import numpy as np
import pytest
from learnedlife import NOWHERE, Silent
from maintenancelife import MAINTENANCE, open_doors, serving, trained

from rfid3_maintenance import train, valuing
from rfid3_maintenance.kinds import KINDS
from rfid3_maintenance.settings import MaintenanceSettings, hours_of
from rfid3_maintenance.snapshot import COSTS, ORIGINS, Snapshot
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.errors import InsufficientData
from rfid3_shared.flags import Flag, set_flag
from rfid3_shared.item_life.snapshot import NEVER_RENTED
from rfid3_shared.settings import WrongSetting
from rfid3_shared.source import tables
from rfid3_shared.twin import build as twin

pytestmark = pytest.mark.xdist_group("learned maintenance")


class TestSnapshot:
    def test_every_item_has_curves_that_fall_and_bounds_that_hold(self, snapshot: Snapshot) -> None:
        """All units of the item master, sorted; survival in [0, 1] and never rising; each bound on its side."""
        assert len(snapshot.ids) >= 200
        assert (snapshot.ids[:-1] < snapshot.ids[1:]).all()
        for curves in (snapshot.survival, snapshot.renewed):
            assert curves.shape[1] == len(KINDS)
            assert ((curves >= 0) & (curves <= 1)).all()
            assert (np.diff(curves, axis=2) <= 1e-7).all()
        low, high = snapshot.band[:, :, 0], snapshot.band[:, :, 1]
        chance = 1 - np.prod(snapshot.survival[:, [0, 2]][:, :, [0, 2, 4, 6]].astype(float), axis=1)
        assert ((low <= chance + 1e-5) & (chance <= high + 1e-5)).all()
        assert (np.diff(snapshot.band, axis=1) >= -1e-7).all()

    def test_says_what_it_rests_on(self, snapshot: Snapshot) -> None:
        """Form, events and prior of each kind; a test by time; costs with their origins, never the documents' $5,000 for a linen."""
        assert set(snapshot.spec.basis) == set(KINDS)
        assert all({"form", "events", "units", "prior"} <= set(basis) for basis in snapshot.spec.basis.values())
        test = snapshot.spec.notes["test"]
        assert test is not None
        assert test["loss"] <= test["naive"] * 1.2
        repair, price = snapshot.costs[:, COSTS.index("repair_usd")], snapshot.facts[:, -1]
        by_price = snapshot.origins[:, COSTS.index("repair_usd")] == ORIGINS.index("share of the purchase price")
        own = by_price & np.isfinite(price)
        assert own.any()
        assert repair[own] == pytest.approx(0.3 * price[own], rel=1e-5)
        flags = snapshot.codes[:, 5]
        assert ((flags & NEVER_RENTED > 0) == (snapshot.facts[:, 0] == 0)).all()

    def test_stated_costs_are_named(self) -> None:
        """The priors stand in words and numbers beside the answers."""
        stated = valuing.stated(0.1, 0.3)

        assert stated["repair_share_of_purchase"] == 0.3
        assert "not measured" in str(stated["note"])


class TestSettings:
    @pytest.mark.parametrize("crew", ["repair", "repair:x", ":8", "repair:-1", "repair:nan"])
    def test_a_crew_that_cannot_be_read_is_refused(self, crew: str) -> None:
        """Not at night, when nobody sees it, but when the service starts."""
        with pytest.raises(WrongSetting, match="RFID3_MAINTENANCE_CREW: a crew is written skill:hours"):
            MaintenanceSettings(maintenance_crew=crew)

        assert hours_of("repair:8, cleaning:4.5") == {"repair": 8.0, "cleaning": 4.5}
        assert hours_of("") == {}


class TestRuns:
    async def test_the_same_run_publishes_the_same_model(self, settings: MaintenanceSettings) -> None:
        """Training twice with one job id is one version; without newer data there is nothing to refresh."""
        again = await trained(settings)
        nothing = await train.refresh(settings, {"job_id": "1" * 32}, Silent())

        assert again["state"] == "champion"
        assert "no data newer" in nothing["skipped"]

    async def test_a_day_later_the_curves_are_refreshed(self, settings: MaintenanceSettings, keys: dict[str, str]) -> None:
        """Newer data: all items are scored anew, beside the champion from its own origin, with no time in the shadow."""
        engine = db.open_engine(settings.source_dsn)
        await twin.advance(engine, settings.home / "truth.db", 3)
        await engine.dispose()

        found = await train.refresh(settings, {"job_id": "2" * 32}, Silent())

        assert found["state"] in ("champion", "rejected")
        assert found["state"] == "champion", found["reason"]
        async with serving(settings, keys["read"]) as (client, app):
            snapshot = app.state.snapshots.get().snapshot
            meta = (await client.get(f"{MAINTENANCE}/schedule?min_failure_probability=0&limit=1")).json()["meta"]
        assert str(snapshot.spec.data_as_of) == meta["data_as_of"] > "2026-10-31"
        assert found["alerts"]["raised"] <= settings.maintenance_alerts_a_day

    async def test_retraining_is_a_job(self, settings: MaintenanceSettings, keys: dict[str, str]) -> None:
        """202 with its id; a second while it waits is a conflict; a key that may only read is refused."""
        async with serving(settings, keys["train"]) as (client, _):
            first = await client.post(f"{MAINTENANCE}/retrain", json={})
            second = await client.post(f"{MAINTENANCE}/retrain")
            refused = await client.post(f"{MAINTENANCE}/retrain", headers={"X-API-Key": keys["read"]})

        assert [reply.status_code for reply in (first, second, refused)] == [202, 409, 403]
        assert first.json()["data"]["units"] >= 200


class TestPoorSources:
    async def test_nothing_scanned_is_not_enough(self, tmp_path: Path) -> None:
        """A source without a scan: INSUFFICIENT_DATA that says what is missing; with training off, nothing is done."""
        settings = MaintenanceSettings(home=tmp_path, redis_url=NOWHERE)
        await open_doors(settings)
        engine = db.open_engine(settings.source_dsn)
        await db.create_tables(engine, tables.source_metadata)
        await engine.dispose()
        with pytest.raises(InsufficientData) as fault:
            await trained(settings)
        store = db.open_engine(settings.store_dsn)
        async with db.transaction(store) as connection:
            await set_flag(connection, Flag.MODEL_TRAINING, enabled=False, reason="t", changed_by="t", clock=Clock())
        await store.dispose()

        assert "id_transactions" in fault.value.details["missing"]
        assert "skipped" in await trained(settings)

    async def test_without_any_failure_the_prior_answers_and_says_so(self, tmp_path: Path, redis_url: str) -> None:
        """Tags that only ever rented: the stated prior carries the answer, moved by the time under watch, wide, and named."""
        settings = MaintenanceSettings(home=tmp_path, redis_url=redis_url)
        engine = db.open_engine(settings.source_dsn)
        await factories.steady_shop(engine, 30)
        await engine.dispose()
        keys = await open_doors(settings)
        await trained(settings)
        async with serving(settings, keys["read"]) as (client, _):
            reply = await client.get(f"{MAINTENANCE}/probability/61825-001")
            never = await client.get(f"{MAINTENANCE}/probability/61825-030")
            schedule = (await client.get(f"{MAINTENANCE}/schedule?min_failure_probability=0")).json()
        data = reply.json()["data"]

        assert reply.status_code == 200, reply.text
        repair = data["basis"]["kinds"]["repair"]
        assert (repair["form"], repair["events"]) == ("prior", 0)
        assert (
            repair["prior"]["lower_per_unit_year"] < repair["prior"]["per_unit_year"] < repair["prior"]["upper_per_unit_year"]
        )
        point = data["timeline"][-1]
        assert point["lower"] < point["probability"] < point["upper"]
        assert never.json()["meta"]["sufficiency"] == "pooled"
        assert any("stated prior" in text for text in schedule["data"]["recommendations"])
        assert schedule["meta"]["priors"]["planned_share_of_purchase"] == 0.1
