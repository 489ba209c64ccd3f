"""Who keeps the features of the present up to date? A duty of the service's worker; of several workers one works, the others stand by.

Importing this module imports no numerical library: the worker's parent process must start with next to nothing.
"""

import asyncio
import contextlib
import os
import socket
import uuid
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_demand.settings import SERVICE, DemandSettings, demand_settings
from rfid3_demand.taking_in.new_week import RefreshAsker
from rfid3_shared.db import open_engine
from rfid3_shared.errors import AppError
from rfid3_shared.events.stream import Wakeups
from rfid3_shared.jobs.duties import Duty, Held
from rfid3_shared.log import get_logger
from rfid3_shared.tasks import finish

if TYPE_CHECKING:
    from rfid3_demand.taking_in.looking import Looking
    from rfid3_demand.taking_in.passes import Passes

FAULTS = (AppError, SQLAlchemyError, OSError, TimeoutError)
WAIT_S = 1.0
LONGEST_PAUSE_S = 10.0
"""Between two tries while source or store are out of reach."""
log = get_logger("demand.taking_in")


async def take_in_for_ever(held: Held) -> None:
    """Keep the features of the present up to date until cancelled."""
    own = demand_settings(held.settings)
    source = open_engine(own.source_dsn, pool_size=1, overflow=1, read_only=True)
    try:
        async with Wakeups(held.redis) as wakeups:
            looking, passes = await asyncio.to_thread(_opened, held, source, own)
            try:
                await _work(held, own, looking, passes, wakeups)
            finally:
                with contextlib.suppress(*FAULTS):
                    await asyncio.wait_for(passes.release(), 1.0)
    finally:
        await finish(source.dispose())


DUTY = Duty("taking in", 1.0, take_in_for_ever)


def _opened(held: Held, source: AsyncEngine, own: DemandSettings) -> "tuple[Looking, Passes]":
    """The work's tools; imports polars, which takes a while."""
    from rfid3_demand.present.definitions import LIVE
    from rfid3_demand.taking_in.looking import Looking, Pace
    from rfid3_demand.taking_in.passes import Passes, Places
    from rfid3_shared.feature_store.online import OnlineFeatures

    online = OnlineFeatures(held.redis, LIVE, held.clock)
    places = Places(source, held.engine, online, held.clock, own.demand_history_days, own.events_trust_days)
    passes = Passes(places, f"{socket.gethostname()[:40]}/{os.getpid()}/{uuid.uuid4().hex[:8]}")
    return Looking(places, passes, Pace(own.demand_source_poll_s, own.demand_full_pass_s)), passes


async def _work(held: Held, own: DemandSettings, looking: "Looking", passes: "Passes", wakeups: Wakeups) -> None:
    asker = RefreshAsker(held.engine, held.redis, held.clock, own.flags_off)
    failed, working = 0, None
    while True:
        try:
            looked = await looking.look()
            if looked.passed and passes.moment is not None:
                await asker.ask(passes.moment)
        except FAULTS as fault:
            failed += 1
            if failed == 1:
                log.warning("not_taken_in", effect="tried again until source and store are back", fault=type(fault).__name__)
            await asyncio.sleep(min(2.0 ** (failed - 1), LONGEST_PAUSE_S))
            continue
        if failed:
            log.info("taken_in_again", tries=failed)
            failed = 0
        if looked.working != working:
            working = looked.working
            log.info("taking_in" if working else "standing_by", service=SERVICE, moment=str(passes.moment))
        await asyncio.sleep(looked.rest_s)
        await wakeups.wait(WAIT_S)
