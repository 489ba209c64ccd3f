"""What is switched on at the very first start?

Flags default to off, so that a deployment is dark until somebody decides. `rfid3 up` is that decision for one host: the master,
the services it starts, training and outside data, each once. What somebody has set since, off too, stays as it is.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_deploy.topology import Service
from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict
from rfid3_shared.flags import MASTER, Flag, flag_of_service, set_flag

BY = "rfid3 up"
REASON = "First start: rfid3 up switches on what it starts."


async def switch_on_first(store: AsyncEngine, services: Sequence[Service], clock: Clock) -> list[Flag]:
    """Switch on what nobody has set yet; returns which flags those were."""
    needed = [flag for service in services if (flag := flag_of_service(service.name))]
    switched = []
    for flag in (MASTER, *needed, Flag.MODEL_TRAINING, Flag.EXTERNAL_DATA_INTEGRATION):
        try:
            async with transaction(store) as connection:
                await set_flag(connection, flag, enabled=True, expected_version=0, reason=REASON, changed_by=BY, clock=clock)
        except Conflict:
            continue  # somebody has set it: theirs counts
        switched.append(flag)
    return switched
