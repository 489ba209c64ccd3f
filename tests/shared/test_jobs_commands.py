"""`rfid3 jobs`: what a person at a shell sees, and which exit code a script gets."""

import asyncio
import json
import re
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection
from typer.testing import CliRunner

from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.jobs import Job, enqueue, get_job, job_schedules, prediction_jobs
from rfid3_shared.jobs.commands import app
from rfid3_shared.migrate import ensure_schema

R = TypeVar("R")


@pytest.fixture
def run(store_dsn: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RFID3_STORE_URL", store_dsn)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def job(store_dsn: str) -> Job:
    async def make() -> Job:
        engine = open_engine(store_dsn)
        await ensure_schema(engine)
        async with transaction(engine) as connection:
            made = await enqueue(
                connection, service="demand", kind="train", arguments={"weeks": 8}, requested_by="key-1", clock=Clock()
            )
        await engine.dispose()
        return made

    return asyncio.run(make())


def change(store_dsn: str, make: Callable[[AsyncConnection], Awaitable[R]]) -> R:
    """What comes of one transaction on the store."""

    async def made() -> R:
        engine = open_engine(store_dsn)
        try:
            async with transaction(engine) as connection:
                return await make(connection)
        finally:
            await engine.dispose()

    return asyncio.run(made())


def finish(store_dsn: str, **values: object) -> None:
    """Write how every job ended."""
    change(store_dsn, lambda connection: connection.execute(update(prediction_jobs).values(active_key=None, **values)))


class TestList:
    def test_shows_jobs_and_filters(self, run, job: Job) -> None:
        """A job is in the list of its service and state, and in no other."""
        assert job.id in run("list").stdout
        assert job.id in run("list", "--service", "demand", "--state", "queued").stdout
        assert job.id not in run("list", "--state", "failed").stdout
        assert job.id not in run("list", "--service", "packs").stdout

    def test_an_unknown_state_is_refused_with_the_known_ones(self, run) -> None:
        """A typing error is told, not answered with an empty list."""
        answer = run("list", "--state", "runing")

        assert answer.exit_code == 2
        assert "did you mean running?" in answer.output

    @pytest.mark.parametrize(
        ("filters", "said"),
        [(("--service", "demnd"), "No service is called 'demnd': did you mean demand?"),
         (("--kind", "trian"), "No kind is called 'trian': did you mean train?"),
         (("--service", "demand", "--quarantined"), "There are no such jobs.")],
    )  # fmt: skip
    def test_an_empty_list_says_why(self, run, job: Job, filters: tuple[str, ...], said: str) -> None:
        """A name nobody has is answered with those that exist."""
        answer = run("list", *filters)

        assert answer.exit_code == 0
        assert said in answer.stderr
        assert "did you mean" not in answer.stderr or "did you mean" in said

    def test_quarantined_jobs_are_marked_and_found(self, run, job: Job, store_dsn: str) -> None:
        """A job that failed in all its attempts stands out, and can be asked for alone."""
        finish(store_dsn, state="failed", attempts=3, seconds=4.25)

        shown = run("list", "--quarantined").stdout

        assert job.id in shown
        assert "failed, quarantined" in shown
        assert "4.2" in shown

    def test_says_how_many_there_are(self, run, job: Job, store_dsn: str) -> None:
        """A list that was cut names the whole."""
        finish(store_dsn, state="succeeded")
        change(store_dsn, lambda c: enqueue(c, service="demand", kind="train", arguments={}, requested_by="k", clock=Clock()))

        assert "1 of 2" in run("list", "--limit", "1").stderr


class TestShow:
    def test_prints_the_whole_job_as_json(self, run, job: Job) -> None:
        """What is printed can be read by a program."""
        assert json.loads(run("show", job.id).stdout) == job.as_dict()

    def test_an_unknown_id_is_exit_code_2(self, run) -> None:
        """A request that names nothing cannot be answered."""
        assert run("show", "0" * 32).exit_code == 2


class TestWatch:
    @pytest.mark.parametrize(
        ("values", "code", "said"),
        [
            ({"state": "succeeded", "result": {"model_version": "demand_v7"}}, 0, "demand_v7"),
            (
                {"state": "failed", "error": {"code": "INSUFFICIENT_DATA", "message": "30 days are needed."}},
                1,
                "30 days are needed.",
            ),
            ({"state": "cancelled"}, 1, "cancelled"),
        ],
        ids=["succeeded", "failed", "cancelled"],
    )
    def test_the_exit_code_is_the_outcome(
        self, run, job: Job, store_dsn: str, values: dict[str, object], code: int, said: str
    ) -> None:
        """0 when it succeeded, 1 when not, and the result or the reason is printed."""
        finish(store_dsn, **values)

        answer = run("watch", job.id)

        assert (answer.exit_code, said in answer.output) == (code, True)

    def test_an_unknown_id_is_exit_code_2(self, run) -> None:
        """A request that names nothing cannot be answered."""
        assert run("watch", "0" * 32).exit_code == 2

    def test_without_an_id_it_is_the_newest_that_is_not_done(self, run, job: Job, store_dsn: str) -> None:
        """What runs now is followed to its end, and its result printed."""
        ends = threading.Timer(0.6, finish, [store_dsn], {"state": "succeeded", "result": {"model_version": "demand_v8"}})
        ends.start()

        answer = run("watch")
        ends.join()

        assert (answer.exit_code, "demand_v8" in answer.output) == (0, True)

    def test_with_nothing_under_way_is_exit_code_2(self, run, job: Job, store_dsn: str) -> None:
        """There is nothing to wait for, and it says so."""
        finish(store_dsn, state="succeeded")

        answer = run("watch", "--kind", "train")

        assert (answer.exit_code, "No such job is queued or running now." in answer.output) == (2, True)


class TestCancel:
    def test_calls_a_job_off_once(self, run, job: Job, store_dsn: str) -> None:
        """The second time there is nothing to call off."""
        first, second = run("cancel", job.id), run("cancel", job.id)

        assert (first.exit_code, second.exit_code) == (0, 2)
        assert "cancelled already" in second.output
        assert change(store_dsn, lambda connection: get_job(connection, job.id)).state == "cancelled"


class TestRerun:
    def test_prints_the_new_jobs_id(self, run, job: Job, store_dsn: str) -> None:
        """A script goes on with the one line it is given."""
        finish(store_dsn, state="failed", attempts=3)

        answer = run("rerun", job.id)

        new = change(store_dsn, lambda connection: get_job(connection, answer.stdout.strip()))
        assert (new.rerun_of, new.state, new.requested_by) == (job.id, "queued", "command line")

    def test_what_has_not_ended_is_exit_code_2(self, run, job: Job) -> None:
        """A job under way is not started a second time."""
        answer = run("rerun", job.id)

        assert (answer.exit_code, "it can be run again when it has ended" in answer.output) == (2, True)


class TestSchedules:
    def test_shows_slots_in_the_shops_time(self, run, job: Job, store_dsn: str) -> None:
        """Last and next slot, the last job's state and what there is to say, as the shop's clock shows it."""
        row = {
            "service": "demand", "kind": "train", "cron": "30 3 * * 1", "last_slot": datetime(2026, 6, 1, 8, 30),
            "last_job_id": job.id, "last_note": "asked for 7 minutes late", "updated_at": datetime(2026, 6, 1, 8, 30),
        }  # fmt: skip
        change(store_dsn, lambda connection: connection.execute(insert(job_schedules), row))

        shown = run("schedules").stdout

        assert "Mon 06-01 03:30" in shown
        assert "queued" in shown
        assert "7 minutes late" in shown
        assert "America/Chicago" in shown
        last, coming = re.findall(r"Mon \d\d-\d\d 03:30", shown)
        assert last == "Mon 06-01 03:30" != coming

    def test_before_any_worker_there_are_none(self, run, job: Job) -> None:
        """An empty table is explained."""
        assert "a worker writes down its schedules when it starts" in run("schedules").stderr
