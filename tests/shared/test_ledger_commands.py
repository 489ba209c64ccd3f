"""`rfid3 ledger`: what a person at a shell sees, and which exit code a script gets."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import Result
from ledgerlife import ONE
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.jobs import enqueue, list_jobs, prediction_jobs
from rfid3_shared.ledger import Outcome, Target, analytics_predictions, score, write_outcomes
from rfid3_shared.ledger.commands import app
from rfid3_shared.migrate import ensure_schema

Run = Callable[..., Result]
LAST_WEEK = Clock().today() - timedelta(days=7)
NEAR = replace(ONE, prediction_date=LAST_WEEK)
FAR = replace(ONE, prediction_date=LAST_WEEK, horizon_days=21, predicted_value=20.0)
AHEAD = replace(ONE, prediction_date=LAST_WEEK + timedelta(days=14))


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


def in_store(dsn: str, use: Callable[[AsyncEngine], Awaitable[Any]]) -> Any:
    async def opened() -> Any:
        engine = open_engine(dsn)
        try:
            await ensure_schema(engine)
            return await use(engine)
        finally:
            await engine.dispose()

    return asyncio.run(opened())


@pytest.fixture
def run(store_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("RFID3_STORE_URL", store_dsn)
    monkeypatch.setenv("COLUMNS", "250")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def scored(store_dsn: str) -> None:
    """Two predictions of last week, scored, and one that waits."""

    async def fill(engine: AsyncEngine) -> None:
        async with transaction(engine) as connection:
            await connection.execute(insert(analytics_predictions), [row.as_row() for row in (FAR, NEAR, AHEAD)])
            target = Target("", ONE.target_category, ONE.store, LAST_WEEK)
            await write_outcomes(connection, "demand", [Outcome(target, 10.0)], Clock())
        await score(engine, "demand", Clock(), Silent())

    in_store(store_dsn, fill)


class TestShow:
    def test_lists_predictions_with_what_happened(self, run: Run, scored: None) -> None:
        """Newest first, with outcome and error where they are known; filters leave the others out."""
        every, waiting = run("show"), run("show", "--waiting")

        assert [every.stdout.find(row.id) for row in (AHEAD, NEAR, FAR)] == sorted(
            every.stdout.find(row.id) for row in (AHEAD, NEAR, FAR)
        )
        assert "+2.3456" in every.stdout
        assert (AHEAD.id in waiting.stdout, NEAR.id in waiting.stdout) == (True, False)
        assert [row["prediction_id"] for row in json.loads(run("show", "--scored", "--json").stdout)] == [NEAR.id, FAR.id]

    def test_one_is_shown_whole(self, run: Run, scored: None) -> None:
        """What is printed can be read by a program."""
        found = json.loads(run("show", NEAR.id).stdout)

        assert (found["outcome"]["actual_value"], found["score"]["error"]) == (10.0, 2.3456)

    def test_typing_errors_are_told(self, run: Run) -> None:
        """An unknown kind, role or id is exit code 2, not an empty list."""
        answers = [run("show", "--type", "demnad"), run("show", "--role", "hidden"), run("show", "0" * 32)]

        assert [answer.exit_code for answer in answers] == [2, 2, 2]
        assert "demand" in answers[0].output


class TestAccuracy:
    def test_prints_live_scores(self, run: Run, scored: None) -> None:
        """The latest of each target, all that were shown, and each horizon."""
        found = run("accuracy").stdout
        figures = json.loads(run("accuracy", "--json").stdout)

        assert "waiting for what happens: 1" in found
        assert "3 weeks ahead" in found
        assert (figures["predictions"], figures["latest"]["predictions"], figures["waiting"]) == (2, 1, 1)
        assert figures["latest"]["mae"] == pytest.approx(2.3456)

    def test_says_so_when_nothing_is_scored(self, run: Run) -> None:
        """No figures from nothing."""
        found = run("accuracy", "--days", "30")

        assert found.exit_code == 0
        assert "No prediction" in found.stdout


class TestFeedback:
    def test_is_kept(self, run: Run, scored: None) -> None:
        """Rating and override with a reason, from a shell."""
        given = json.loads(run("feedback", NEAR.id, "--rating", "4", "--override", "15", "--reason", "wedding").stdout)

        assert (given["rating"], given["override_value"], given["given_by"]) == (4, 15.0, "command line")
        assert json.loads(run("show", NEAR.id).stdout)["feedback_rating"] == 4

    @pytest.mark.parametrize("arguments", [(NEAR.id,), (NEAR.id, "--rating", "9"), ("0" * 32, "--rating", "3")])
    def test_what_cannot_be_kept_is_exit_code_2(self, run: Run, scored: None, arguments: tuple[str, ...]) -> None:
        """Nothing said, off the scale, or about nothing."""
        assert run("feedback", *arguments).exit_code == 2


class TestScore:
    def finish(self, dsn: str, state: str) -> None:
        async def change(engine: AsyncEngine) -> None:
            async with transaction(engine) as connection:
                error = {"code": "INSUFFICIENT_DATA", "message": "Nothing left."} if state == "failed" else None
                await connection.execute(
                    update(prediction_jobs).values(state=state, active_key=None, error=error, result={"scored": 7})
                )

        in_store(dsn, change)

    def asked(self, dsn: str) -> list[tuple[str, str, str]]:
        async def read(engine: AsyncEngine) -> list[tuple[str, str, str]]:
            async with transaction(engine) as connection:
                return [(job.service, job.kind, job.id) for job in await list_jobs(connection)]

        found: list[tuple[str, str, str]] = in_store(dsn, read)
        return found

    def test_asks_for_the_job_once(self, run: Run, store_dsn: str) -> None:
        """A scoring job of the service is written; one under way is named instead of asked for again."""
        first = run("score", "--service", "demand", "--no-watch")
        second = run("score", "--no-watch")

        ((service, kind, job_id),) = self.asked(store_dsn)
        assert (service, kind, first.stdout.split()[-1], second.stdout.split()[-1]) == ("demand", "score", job_id, job_id)

    def test_an_unknown_service_is_refused_with_the_known_ones(self, run: Run, store_dsn: str) -> None:
        """A job that no worker will ever take is not written."""
        run("score", "--service", "demand", "--no-watch")
        answer = run("score", "--service", "dmeand", "--no-watch")

        assert (answer.exit_code, "demand" in answer.output, len(self.asked(store_dsn))) == (2, True, 1)

    def test_without_any_service_it_says_what_to_do(self, run: Run) -> None:
        """A store where nothing was ever scored."""
        answer = run("score")

        assert (answer.exit_code, "--service" in answer.output) == (2, True)

    @pytest.mark.parametrize(("state", "code", "said"), [("succeeded", 0, '"scored": 7'), ("failed", 1, "Nothing left.")])
    def test_follows_it_to_its_end(self, run: Run, store_dsn: str, state: str, code: int, said: str) -> None:
        """The exit code is the outcome, as with `rfid3 jobs watch`."""

        async def begin(engine: AsyncEngine) -> None:
            async with transaction(engine) as connection:
                await enqueue(connection, service="demand", kind="score", arguments={}, requested_by="schedule", clock=Clock())

        in_store(store_dsn, begin)
        later = threading.Timer(1.0, self.finish, (store_dsn, state))
        later.start()
        answer = run("score")
        later.join()

        assert (answer.exit_code, said in answer.output) == (code, True)
