"""Does one item get the answers that the contract promises, on real stores?"""

import numpy as np
import pytest
from maintenancelife import MAINTENANCE, serving

from rfid3_maintenance.kinds import KINDS
from rfid3_maintenance.schemas.health import HealthAnswer
from rfid3_maintenance.schemas.outlook import BookingAnswer
from rfid3_maintenance.schemas.probability import ProbabilityAnswer
from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_maintenance.snapshot import Snapshot
from rfid3_shared.item_life.snapshot import NEVER_RENTED

pytestmark = pytest.mark.xdist_group("learned maintenance")  # one training serves them all


def an_item(snapshot: Snapshot) -> tuple[int, str]:
    """A unit in service that was rented."""
    flags = snapshot.codes[:, 5]
    row = int(np.flatnonzero(snapshot.answerable & (flags & NEVER_RENTED == 0))[0])
    return row, snapshot.id_of(row)


class TestItem:
    async def test_health_is_what_the_curves_say(
        self, settings: MaintenanceSettings, keys: dict[str, str], snapshot: Snapshot
    ) -> None:
        """Endpoint 5: chances that never decrease, each 1 less the product of the kinds' survivals, inside their intervals."""
        row, item = an_item(snapshot)

        async with serving(settings, keys["read"]) as (client, _):
            reply = await client.get(f"{MAINTENANCE}/health/{item.lower()}")
        data = reply.json()["data"]

        assert reply.status_code == 200, reply.text
        HealthAnswer.model_validate(data)
        assert data["equipment_id"] == item
        told = list(data["failure_probability_timeline"].values())
        assert told == sorted(told)
        wear = [snapshot.survival[row, KINDS.index(kind)].astype(float) for kind in ("repair", "retirement")]
        expected = [1 - wear[0][at] * wear[1][at] for at in (0, 2, 4, 6)]
        assert told == pytest.approx(expected, abs=1e-5)
        for chance, bounds in zip(told, data["timeline_intervals"].values(), strict=True):
            assert bounds["lower"] <= chance <= bounds["upper"]
        assert reply.json()["meta"]["model_version"].startswith("maintenance_v")

    async def test_probability_agrees_with_health(
        self, settings: MaintenanceSettings, keys: dict[str, str], snapshot: Snapshot
    ) -> None:
        """A1: the same chance for the same days, a horizon of one's own between its neighbours, and what is left in days and rentals."""
        _, item = an_item(snapshot)

        async with serving(settings, keys["read"]) as (client, _):
            health = (await client.get(f"{MAINTENANCE}/health/{item}")).json()["data"]
            reply = await client.get(f"{MAINTENANCE}/probability/{item}?horizon_days=45")
            booking = (await client.get(f"{MAINTENANCE}/booking-survival/{item}?starts_in_days=5&days=3")).json()["data"]
        data = reply.json()["data"]

        assert reply.status_code == 200, reply.text
        ProbabilityAnswer.model_validate(data)
        by_days = {point["days"]: point["probability"] for point in data["timeline"]}
        assert [by_days[days] for days in (7, 30, 90, 365)] == list(health["failure_probability_timeline"].values())
        assert by_days[30] <= data["failure_probability"] == by_days[45] <= by_days[90]
        left = data["remaining_days"]
        assert left["median"] is None or left["lower"] <= left["median"]
        BookingAnswer.model_validate(booking)
        assert booking["survival_probability"] == pytest.approx(np.prod(list(booking["parts"].values())), abs=1e-5)
        assert data["prediction_id"] != health["prediction_id"]
