"""What a first start switches on, and what no later start switches on again."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_deploy.first_flags import switch_on_first
from rfid3_deploy.topology import Service
from rfid3_shared.clock import Clock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.flags import MASTER, Flag, Flags, audit, read_states, set_flag

SERVICES = [Service("demand", "rfid3_demand", 8101), Service("echo", "rfid3_echo", 8199)]
"""One service that a flag speaks of, and one that none does."""
FIRST = {MASTER, Flag.DEMAND_FORECASTING, Flag.MODEL_TRAINING, Flag.EXTERNAL_DATA_INTEGRATION}


@pytest.fixture(params=["store_dsn", pytest.param("mysql_dsn", marks=pytest.mark.mariadb)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    """An empty store with tables, on each backend."""
    engine = open_engine(request.getfixturevalue(request.param))
    await create_tables(engine, store_metadata)
    yield engine
    await engine.dispose()


async def choose(store: AsyncEngine, flag: Flag, enabled: bool) -> None:
    """Somebody decides."""
    async with transaction(store) as connection:
        await set_flag(connection, flag, enabled=enabled, reason="my own", changed_by="somebody", clock=Clock())


class TestSwitchOnFirst:
    async def test_a_fresh_store_answers_at_once(self, store: AsyncEngine) -> None:
        """Master, services, training and outside data are on, the view by its default; services not started are off."""
        switched = await switch_on_first(store, SERVICES, Clock())

        flags = Flags(store, Clock())
        await flags.look()
        assert set(switched) == FIRST
        assert {flag for flag in Flag if flags.on(flag)} == FIRST | {Flag.PREDICTIVE_UI_ENHANCEMENTS}

    async def test_the_audit_says_who_and_why(self, store: AsyncEngine) -> None:
        """Nobody has to wonder how a flag came to be on."""
        await switch_on_first(store, SERVICES, Clock())

        async with transaction(store) as connection:
            page = await audit(connection)
        assert {(change.changed_by, change.before) for change in page.changes} == {("rfid3 up", None)}
        assert all("first start" in change.reason.lower() for change in page.changes)

    async def test_what_was_switched_off_stays_off(self, store: AsyncEngine) -> None:
        """After the first start, and before it: a decision is a decision."""
        await choose(store, Flag.MODEL_TRAINING, False)
        await switch_on_first(store, SERVICES, Clock())
        await choose(store, Flag.DEMAND_FORECASTING, False)

        again = await switch_on_first(store, SERVICES, Clock())

        async with transaction(store) as connection:
            states = await read_states(connection)
            total = (await audit(connection)).total
        assert again == []
        assert not states[Flag.DEMAND_FORECASTING].enabled
        assert not states[Flag.MODEL_TRAINING].enabled
        assert total == 5

    async def test_a_service_added_later_is_switched_on_then(self, store: AsyncEngine) -> None:
        """An update that brings a service brings its switch, and touches no other."""
        await switch_on_first(store, SERVICES, Clock())

        again = await switch_on_first(store, [*SERVICES, Service("packs", "rfid3_packs", 8106)], Clock())

        assert again == [Flag.PACK_MANAGEMENT]
