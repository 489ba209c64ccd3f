"""The numbers of jobs that Prometheus is shown, held against a count of the rows one by one."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.jobs import STATES, prediction_jobs
from rfid3_shared.jobs.lanes import LANES
from rfid3_shared.jobs.tally import KEEP_S, Tally, exposition_text

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
Sample = tuple[str, frozenset[tuple[str, str]]]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


def job(number: int, **values: object) -> dict[str, object]:
    """A row of the table."""
    at = NOON.replace(tzinfo=None)
    return {
        "id": f"{number:032}", "service": "demand", "kind": "train", "arguments": {}, "requested_by": "test", "state": "queued",
        "attempts": 0, "max_attempts": 3, "run_after": at, "created_at": at, "progress": 0.0, "stage": "", "seconds": None,
        "lane": "batch", **values,
    }  # fmt: skip


def some_jobs(count: int) -> list[dict[str, object]]:
    """Jobs of every state, with and without a duration, waiting since and until several moments."""
    draw = random.Random(7)
    return [
        job(
            number, service=draw.choice(["demand", "packs"]), kind=draw.choice(["train", "score"]), state=draw.choice(STATES),
            attempts=draw.randint(0, 3), run_after=NOON.replace(tzinfo=None) + timedelta(seconds=draw.randint(-900, 300)),
            seconds=draw.choice([None, draw.randint(1, 99) / 4]), lane=draw.choice(LANES),
        )
        for number in range(count)
    ]  # fmt: skip


def shown(text: bytes) -> dict[Sample, float]:
    """The samples of a Prometheus text, read by the library's own parser."""
    families = text_string_to_metric_families(text.decode())
    return {(sample.name, frozenset(sample.labels.items())): sample.value for family in families for sample in family.samples}


def counted(rows: list[dict[str, object]]) -> dict[Sample, float]:
    """What the samples must be, counted one row after the other."""
    now = NOON.replace(tzinfo=None)
    found: dict[Sample, float] = {("rfid3_suite_jobs_known", frozenset()): 1.0}

    def add(name: str, value: float, **labels: object) -> None:
        key = (f"rfid3_suite_{name}", frozenset((label, str(text)) for label, text in labels.items()))
        found[key] = max(found.get(key, 0.0), value) if name.endswith("age_seconds") else found.get(key, 0.0) + value

    for row in rows:
        lane = {"service": row["service"], "lane": row["lane"]}
        both = {**lane, "kind": row["kind"]}
        due = row["state"] == "queued" and row["run_after"] <= now  # type: ignore[operator]
        add("jobs_runnable", due, **both)
        add("jobs_running", row["state"] == "running", **both)
        add("jobs_quarantined", row["state"] == "failed" and row["attempts"] == 3, **both)
        add("jobs_oldest_age_seconds", (now - row["run_after"]).total_seconds() if due else 0.0, **lane)  # type: ignore[operator]
        if row["seconds"] is not None:
            add("job_seconds_sum", float(row["seconds"]), **both, state=row["state"])  # type: ignore[arg-type]
            add("job_seconds_count", 1, **both, state=row["state"])
    return found


class TestExpositionText:
    async def test_says_what_the_rows_say(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Every sample is the count, sum or age of the rows, by service, kind, lane and state."""
        rows = some_jobs(200)
        async with transaction(engine) as connection:
            await connection.execute(insert(prediction_jobs), rows)

        assert shown(await exposition_text(engine, clock)) == counted(rows)

    async def test_without_jobs_there_is_nothing_to_say(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """No service is invented."""
        assert shown(await exposition_text(engine, clock)) == {("rfid3_suite_jobs_known", frozenset()): 1.0}

    async def test_repeats_no_name_of_this_process(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Workers' own metrics and these can be shown in one text."""
        import rfid3_shared.jobs.metrics  # noqa: F401
        from rfid3_shared.metrics import exposition

        own = {family.name for family in text_string_to_metric_families(exposition()[0].decode())}
        async with transaction(engine) as connection:
            await connection.execute(insert(prediction_jobs), some_jobs(20))

        text = (await exposition_text(engine, clock)).decode()

        assert own & {family.name for family in text_string_to_metric_families(text)} == set()


class TestTally:
    async def test_asks_the_store_once_in_five_seconds(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """However many ask and how often, the table is read once, and again when five seconds are over."""
        statements: list[str] = []
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
        tally = Tally(engine, clock)

        first = await asyncio.gather(*(tally.exposition_text() for _ in range(5)))
        async with transaction(engine) as connection:
            await connection.execute(insert(prediction_jobs), [job(1)])
        kept = await tally.exposition_text()
        clock.advance(seconds=KEEP_S)
        read_again = await tally.exposition_text()

        assert {*first, kept} == {kept}
        assert read_again != kept
        assert len([statement for statement in statements if "SELECT" in statement]) == 2

    async def test_a_store_out_of_reach_is_a_number_too(self, clock: FixedClock) -> None:
        """Whoever scrapes sees that nothing is known, and no old numbers."""
        engine = open_engine("mysql://root@127.0.0.1:1/none")

        text = await Tally(engine, clock).exposition_text()
        await engine.dispose()

        assert shown(text) == {("rfid3_suite_jobs_known", frozenset()): 0.0}
