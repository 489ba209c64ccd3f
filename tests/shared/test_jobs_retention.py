"""How long finished jobs stay in the list."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import transaction
from rfid3_shared.jobs import job_schedules, prediction_jobs
from rfid3_shared.jobs.retention import BATCH, delete_old

NOON = datetime(2026, 3, 2, 12, 0)
CLOCK = FixedClock(NOON.replace(tzinfo=UTC))
KEEP = timedelta(days=30)


def job(number: int, **changes: Any) -> dict[str, Any]:
    """A finished job's row."""
    row = {
        "id": f"{number:032d}", "service": "demand", "kind": "features", "arguments": {}, "requested_by": "schedule",
        "state": "succeeded", "attempts": 1, "max_attempts": 3, "progress": 1.0, "stage": "done", "run_after": NOON,
        "created_at": NOON, "finished_at": NOON,
    }  # fmt: skip
    return {**row, **changes}


async def write(engine: AsyncEngine, rows: list[dict[str, Any]]) -> None:
    async with transaction(engine) as connection:
        await connection.execute(insert(prediction_jobs), rows)


async def delete_all_old(engine: AsyncEngine) -> tuple[list[int], set[str]]:
    """What each batch deleted, and the ids that are left."""
    counts = []
    while not counts or counts[-1] == BATCH:
        async with transaction(engine) as connection:
            counts.append(await delete_old(connection, KEEP, CLOCK))
    async with transaction(engine) as connection:
        return counts, set((await connection.execute(select(prediction_jobs.c.id))).scalars())


class TestDeleteOld:
    async def test_only_what_nobody_asks_about_goes(self, engine: AsyncEngine) -> None:
        """Of random jobs those stay that are active, young enough, the newest finished of their kind, or a schedule's last one."""
        draw = random.Random(7)
        rows = []
        for number in range(400):
            state = draw.choice(["queued", "running", "succeeded", "succeeded", "failed", "cancelled"])
            begun = NOON - timedelta(seconds=draw.randrange(90 * 86400))
            ended = None if state in ("queued", "running") else min(NOON, begun + timedelta(hours=draw.randrange(30)))
            rows.append(
                job(
                    number, kind=draw.choice(["train", "features"]), service=draw.choice(["demand", "packs"]), state=state,
                    requested_by=draw.choice(["schedule", "key:1"]), created_at=begun, finished_at=ended,
                )
            )  # fmt: skip
        last = next(row["id"] for row in rows if row["finished_at"] and row["finished_at"] < NOON - timedelta(days=60))
        await write(engine, rows)
        async with transaction(engine) as connection:
            schedule = {"service": "demand", "kind": "train", "cron": "0 4 * * *", "last_slot": NOON, "updated_at": NOON}
            await connection.execute(insert(job_schedules), {**schedule, "last_job_id": last})

        counts, left = await delete_all_old(engine)

        stay = {last}
        for row in rows:
            same = [
                one for one in rows if (one["service"], one["kind"]) == (row["service"], row["kind"]) and one["finished_at"]
            ]
            days = 1 if (row["requested_by"], row["state"]) == ("schedule", "succeeded") else 30
            young = row["finished_at"] is None or NOON - row["finished_at"] <= timedelta(days=days)
            if young or row["created_at"] == max(one["created_at"] for one in same):
                stay.add(row["id"])
        assert left == stay
        assert sum(counts) == len(rows) - len(stay) > 0

    async def test_many_go_in_batches(self, engine: AsyncEngine) -> None:
        """After a long time without a worker no single transaction deletes everything."""
        old = NOON - timedelta(days=2)
        await write(
            engine, [job(number, created_at=old + timedelta(seconds=number), finished_at=old) for number in range(1201)]
        )

        counts, left = await delete_all_old(engine)

        assert (counts, left) == ([500, 500, 200], {f"{1200:032d}"})
