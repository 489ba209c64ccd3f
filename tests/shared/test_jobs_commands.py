"""`rfid3 jobs`: what a person at a shell sees, and which exit code a script gets."""

import asyncio
import json

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from rfid3_shared.clock import Clock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.jobs import Job, enqueue, prediction_jobs
from rfid3_shared.jobs.commands import app


@pytest.fixture
def run(store_dsn: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RFID3_STORE_URL", store_dsn)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def job(store_dsn: str) -> Job:
    async def make() -> Job:
        engine = open_engine(store_dsn)
        await create_tables(engine, store_metadata)
        async with transaction(engine) as connection:
            made = await enqueue(
                connection, service="demand", kind="train", arguments={"weeks": 8}, requested_by="key-1", clock=Clock()
            )
        await engine.dispose()
        return made

    return asyncio.run(make())


def finish(store_dsn: str, **values: object) -> None:
    async def change() -> None:
        engine = open_engine(store_dsn)
        async with transaction(engine) as connection:
            await connection.execute(update(prediction_jobs).values(active_key=None, **values))
        await engine.dispose()

    asyncio.run(change())


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
        assert "running" in answer.output


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
