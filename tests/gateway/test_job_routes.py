"""Jobs as seen through the door: listed, watched as they go on, called off, run again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from doorway import Door, StartGateway, Wire, free_port, until
from fastapi import FastAPI
from openapi_spec_validator import validate
from redis.asyncio import Redis
from sqlalchemy import event, text, update
from sqlalchemy.engine import make_url

from rfid3_gateway import job_events
from rfid3_gateway.job_routes import JobAnswer
from rfid3_shared.auth import create_key, revoke_key
from rfid3_shared.clock import Clock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.jobs import Job, enqueue, get_job, prediction_jobs

JOBS = "/api/predictive/jobs"
Service = tuple[FastAPI, str]


async def ask(dsn: str, **changes: Any) -> Job:
    """A queued job."""
    engine = open_engine(dsn)
    wanted = {
        "service": "demand",
        "kind": "train",
        "arguments": {"weeks": 8},
        "requested_by": "me",
        "clock": Clock(),
        **changes,
    }
    async with transaction(engine) as connection:
        job = await enqueue(connection, **wanted)
    await engine.dispose()
    return job


async def change(dsn: str, job: Job, **values: Any) -> None:
    """Write what a worker would."""
    engine = open_engine(dsn)
    async with transaction(engine) as connection:
        await connection.execute(update(prediction_jobs).where(prediction_jobs.c.id == job.id).values(**values))
    await engine.dispose()


async def end(dsn: str, job: Job, state: str = "succeeded", **values: Any) -> None:
    """End a job."""
    await change(dsn, job, state=state, active_key=None, **values)


class Heard:
    """What a stream said so far."""

    def __init__(self, reply: httpx.Response) -> None:
        self.reply, self.events, self.comments = reply, [], 0
        self._lines = reply.aiter_lines()

    async def next(self) -> dict[str, Any] | None:
        """The next event: event, id, data; None at the end of the stream. Comments are counted."""
        found: dict[str, Any] = {}
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments += 1
            elif name == "data":
                found["data"] = json.loads(value)
            elif line:
                found[name] = value
            elif "event" in found:
                self.events.append(found)
                return found
        return None

    async def rest(self) -> list[dict[str, Any]]:
        """Every event until the stream ends, which it must within the patience of a test."""
        async with asyncio.timeout(20):
            while await self.next() is not None:
                pass
        return self.events


@asynccontextmanager
async def listening(door: Door, job: Job, **headers: str) -> AsyncIterator[Heard]:
    """A stream of the job's events."""
    async with door.client.stream("GET", f"{JOBS}/{job.id}/events", headers=headers) as reply:
        yield Heard(reply)


def code(reply: httpx.Response) -> tuple[int, str]:
    """Status and code of an error in the envelope."""
    body = reply.json()
    assert body["success"] is False
    assert body["request_id"] == reply.headers["x-request-id"]
    return reply.status_code, body["error"]["code"]


class TestList:
    async def test_lists_and_shows(self, door: Door) -> None:
        """A queued job is listed, filtered and shown by id."""
        job = await ask(door.store_dsn)

        listed = (await door.get(f"{JOBS}?state=queued&service=demand&kind=train&quarantined=false")).json()["data"]
        other = (await door.get(f"{JOBS}?service=pricing")).json()
        shown = (await door.get(f"{JOBS}/{job.id}")).json()["data"]

        assert [found["id"] for found in listed["jobs"]] == [job.id]
        assert (other["data"]["jobs"], other["data"]["total"]) == ([], 0)
        assert shown == job.as_dict()
        assert list(shown) == list(JobAnswer.model_fields)

    async def test_pages_hold_every_job_once(self, door: Door) -> None:
        """Following next_offset shows what plain SQL finds, in its order, and the total is its number."""
        for number in range(7):
            await end(door.store_dsn, await ask(door.store_dsn), "failed", attempts=3 if number % 2 else 1)
        engine = open_engine(door.store_dsn)
        async with transaction(engine) as connection:
            sql = "SELECT id FROM prediction_jobs WHERE attempts = 3 ORDER BY created_at DESC"
            everything = list(
                (await connection.execute(text("SELECT id FROM prediction_jobs ORDER BY created_at DESC"))).scalars()
            )
            quarantined = list((await connection.execute(text(sql))).scalars())
        await engine.dispose()

        for query, expected in (("", everything), ("&quarantined=true", quarantined)):
            found, offset = [], 0
            while offset is not None:
                page = (await door.get(f"{JOBS}?limit=3&offset={offset}{query}")).json()["data"]
                assert page["total"] == len(expected)
                found += [job["id"] for job in page["jobs"]]
                offset = page["next_offset"]
            assert found == expected

    async def test_a_name_nobody_has_is_answered_with_those_there_are(self, door: Door) -> None:
        """A typing error is told from a service without jobs."""
        await ask(door.store_dsn)

        reply = (await door.get(f"{JOBS}?service=demnd&kind=trian")).json()

        assert reply["data"]["suggestions"] == {"service": ["demand"], "kind": ["train"]}
        assert "Did you mean the service demand?" in reply["message"]

    @pytest.mark.parametrize(
        ("query", "expected"),
        [("/nothing", (404, "NOT_FOUND")), ("/nothing/events", (404, "NOT_FOUND")), ("?state=lost", (422, "INVALID_PARAMETERS")),
         ("?limit=0", (422, "INVALID_PARAMETERS")), ("?colour=red", (422, "INVALID_PARAMETERS")),
         (f"?offset={10**30}", (422, "INVALID_PARAMETERS")), ("?service=" + "x" * 51, (422, "INVALID_PARAMETERS"))],
    )  # fmt: skip
    async def test_says_what_is_wrong(self, door: Door, query: str, expected: tuple[int, str]) -> None:
        """Unknown id, value or parameter, each in the envelope."""
        assert code(await door.get(JOBS + query)) == expected


class TestEvents:
    async def test_tell_everything_until_the_end(self, door: Door) -> None:
        """Where the job is, what changes, and in the end the whole job; then the answer is complete."""
        job = await ask(door.store_dsn)

        async with listening(door, job) as heard:
            first = await heard.next()
            await change(door.store_dsn, job, state="running", stage="fitting", progress=0.25)
            second = await heard.next()
            await end(door.store_dsn, job, result={"model_version": "v1"}, seconds=3.5)
            events = await heard.rest()
        whole = (await door.get(f"{JOBS}/{job.id}")).json()["data"]

        assert first is not None
        assert second is not None
        assert heard.reply.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert heard.reply.headers["cache-control"] == "no-store"
        assert "content-length" not in heard.reply.headers
        assert first["retry"] == "1000"
        assert first["data"] == {"id": job.id, "state": "queued", "stage": "", "progress": 0.0}
        assert second["data"] == {"id": job.id, "state": "running", "stage": "fitting", "progress": 0.25}
        assert [found["event"] for found in events] == ["progress", "progress", "end"]
        assert events[-1]["data"] == whole
        assert whole["result"] == {"model_version": "v1"}

    async def test_outlive_the_deadline_and_show_that_they_live(self, service: Service, start_gateway: StartGateway) -> None:
        """A quiet job's stream is neither cut at the deadline nor silent: comments come between events."""
        door = await start_gateway({"demand": [service[1]]}, request_deadline_s=0.3)
        job = await ask(door.store_dsn)

        async with listening(door, job) as heard:
            await heard.next()
            await asyncio.sleep(2.5)
            await end(door.store_dsn, job)
            events = await heard.rest()

        assert heard.comments >= 2
        assert [found["event"] for found in events] == ["progress", "end"]

    async def test_of_a_finished_job_are_its_end(self, door: Door) -> None:
        """Whoever comes late is told the outcome at once; a browser that has heard it is told to stay away."""
        job = await ask(door.store_dsn)
        await end(door.store_dsn, job, "failed", error={"code": "X", "message": "x"})

        async with listening(door, job) as heard:
            events = await heard.rest()
        again = await door.get(f"{JOBS}/{job.id}/events", headers={"Last-Event-ID": events[-1]["id"]})

        assert [(found["event"], found["data"]["state"]) for found in events] == [("end", "failed")]
        assert (again.status_code, again.content) == (204, b"")

    async def test_go_on_where_the_reader_was(self, door: Door) -> None:
        """With the id of the last event a second stream repeats nothing that is still so, and misses nothing that is new."""
        job = await ask(door.store_dsn)
        async with listening(door, job) as heard:
            first = await heard.next()
        assert first is not None

        async with listening(door, job, **{"Last-Event-ID": first["id"]}) as same:
            await change(door.store_dsn, job, state="running", progress=0.5)
            after_same = await same.next()
        async with listening(door, job, **{"Last-Event-ID": first["id"]}) as changed:
            after_change = await changed.next()

        assert after_same is not None
        assert after_same["data"]["progress"] == 0.5
        assert after_change == after_same

    async def test_are_no_longer_looked_for_when_nobody_listens(self, door: Door) -> None:
        """A reader that leaves is let go of, the look at the store ends, and its request counts as answered."""
        job = await ask(door.store_dsn)

        async with listening(door, job) as heard:
            await heard.next()
            assert door.gateway.own.state.job_watch._watched == {job.id: 1}
        await until(lambda: not door.gateway.own.state.job_watch._watched)
        await until(lambda: door.gateway.own.state.job_watch._task is None)
        await until(lambda: door.gateway.forwarder is not None and door.gateway.forwarder.in_flight == 0)

        metrics = (await door.get("/metrics")).text
        label = 'route="/api/predictive/jobs/{job_id}/events"'
        assert [line for line in metrics.splitlines() if label in line and "requests_total" in line and 'status="200"' in line]
        assert not [line for line in metrics.splitlines() if label in line and 'status="499"' in line]

    async def test_of_all_jobs_are_looked_for_together(self, door: Door) -> None:
        """However many watch however many jobs, one statement asks for all of them."""
        jobs = [await ask(door.store_dsn), await ask(door.store_dsn, kind="score")]
        seen: list[Any] = []

        def note(*said: Any) -> None:
            if "prediction_jobs" in said[2]:
                seen.append(said[3])

        event.listen(door.gateway.own.state.parts.store.sync_engine, "before_cursor_execute", note)

        async with listening(door, jobs[0]) as one, listening(door, jobs[1]) as two, listening(door, jobs[1]) as three:
            for heard in (one, two, three):
                await heard.next()
            seen.clear()
            await until(lambda: len(seen) >= 3)

        assert all(set(parameters) == {job.id for job in jobs} for parameters in seen[:3])

    async def test_are_bounded(self, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key that listens too often is told 429, one too many for the process 503; both in the envelope, before a stream begins."""
        monkeypatch.setattr(job_events, "MOST_STREAMS_A_KEY", 2)
        monkeypatch.setattr(job_events, "MOST_STREAMS", 3)
        job = await ask(door.store_dsn)
        other, third = {"X-API-Key": (await door.new_key("read"))[1]}, {"X-API-Key": (await door.new_key("read"))[1]}
        path = f"{JOBS}/{job.id}/events"

        async with listening(door, job) as one, listening(door, job) as two:
            await one.next()
            await two.next()
            too_many = await door.get(path)
            async with listening(door, job, **other) as three:
                await three.next()
                full = await door.get(path, headers=third)
        await until(lambda: not door.gateway.own.state.job_watch._watched)
        async with listening(door, job) as again:
            first = await again.next()

        assert code(too_many) == (429, "RATE_LIMIT_EXCEEDED")
        assert code(full) == (503, "SYSTEM_ERROR")
        assert "retry-after" in full.headers
        assert first is not None

    async def test_end_with_the_key_or_the_gateway(self, door: Door) -> None:
        """A revoked key hears nothing more; when the gateway stops every stream is completed, for its reader to come back."""
        job = await ask(door.store_dsn)
        key_id, key = await door.new_key("read")
        engine = open_engine(door.store_dsn)

        async with listening(door, job, **{"X-API-Key": key}) as revoked, listening(door, job) as heard:
            await revoked.next()
            await heard.next()
            async with transaction(engine) as connection:
                await revoke_key(connection, key_id, door.clock)
            door.clock.ahead_s += 5.01
            of_revoked = await revoked.rest()
            assert await _is_open(heard)
            door.gateway.own.state.parts.health.draining = True
            of_other = await heard.rest()
        await engine.dispose()

        assert [found["event"] for found in of_revoked] == [found["event"] for found in of_other] == ["progress"]

    @pytest.mark.mariadb
    async def test_say_so_while_the_store_is_out_of_reach(
        self, service: Service, start_gateway: StartGateway, mysql_dsn: str
    ) -> None:
        """The stream stays, says that nothing is known, and goes on with the truth when the store is back."""
        url = make_url(mysql_dsn)
        wire = Wire(url.port or 3306)
        await wire.mend()
        through = url.set(port=wire.port).render_as_string(hide_password=False)
        door = await start_gateway({"demand": [service[1]]}, store_url=through)
        job = await ask(mysql_dsn)

        async with listening(door, job) as heard:
            await heard.next()
            await wire.cut()
            lost = await heard.next()
            await change(mysql_dsn, job, state="running", progress=0.75)
            await wire.mend()
            back = await heard.next()
            await end(mysql_dsn, job)
            events = await heard.rest()
        await wire.cut()

        assert lost is not None
        assert back is not None
        assert lost["event"] == "unavailable"
        assert "out of reach" in lost["data"]["message"]
        assert (back["event"], back["data"]["progress"]) == ("progress", 0.75)
        assert [found["event"] for found in events] == ["progress", "unavailable", "progress", "end"]

    async def test_head_and_document_speak_of_a_stream(self, door: Door) -> None:
        """HEAD answers at once without a body; OpenAPI says text/event-stream and stays valid."""
        job = await ask(door.store_dsn)

        head = await door.client.head(f"{JOBS}/{job.id}/events")
        missing = await door.client.head(f"{JOBS}/nothing/events")
        document = (await door.get("/openapi.json")).json()

        operation = document["paths"][f"{JOBS}/{{job_id}}/events"]["get"]
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"].startswith("text/event-stream")
        assert missing.status_code == 404
        assert list(operation["responses"]["200"]["content"]) == ["text/event-stream"]
        assert {"cancel_job", "rerun_job", "list_jobs", "get_job", "watch_job"} <= {
            method["operationId"] for path in document["paths"].values() for method in path.values()
        }
        validate(document)

    async def test_a_gateway_told_to_stop_does_not_wait_for_readers(
        self, tmp_path: Path, redis_url: str, store_dsn: str
    ) -> None:
        """SIGTERM completes open streams at once, and the process ends although its server would wait for them for ever."""
        engine = open_engine(store_dsn)
        await create_tables(engine, store_metadata)
        async with transaction(engine) as connection:
            _, key = await create_key(connection, owner="test", scopes=["read"], clock=Clock())
        await engine.dispose()
        job = await ask(store_dsn)
        port, topology = free_port(), tmp_path / "topology.toml"
        topology.write_text('[services.demand]\nprefixes = ["/api/predictive/demand"]\nupstreams = ["http://127.0.0.1:1"]\n')
        given = {
            "RFID3_STORE_URL": store_dsn, "RFID3_SOURCE_URL": store_dsn, "RFID3_REDIS_URL": redis_url,
            "RFID3_TOPOLOGY": str(topology), "RFID3_HOME": str(tmp_path),
        }  # fmt: skip
        command = [sys.executable, "-m", "uvicorn", "rfid3_gateway.app:app", "--port", str(port), "--log-level", "error"]
        process = subprocess.Popen(command, env={**os.environ, **given}, cwd=tmp_path)
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": key}, timeout=30) as client:
                await _answers(client)
                async with client.stream("GET", f"{JOBS}/{job.id}/events") as reply:
                    heard = Heard(reply)
                    await heard.next()
                    process.send_signal(signal.SIGTERM)
                    events = await heard.rest()
            ended = await asyncio.to_thread(process.wait, 20)
        finally:
            process.kill()
            process.wait()

        assert [found["event"] for found in events] == ["progress"]
        assert ended in (0, -signal.SIGTERM)


async def _is_open(heard: Heard) -> bool:
    """Whether another comment comes, or nothing yet."""
    before = heard.comments
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await heard.next()
    return heard.comments > before


async def _answers(client: httpx.AsyncClient) -> None:
    """Return as soon as the gateway answers."""
    async with asyncio.timeout(20):
        while True:
            try:
                await client.get("/health")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


class TestCancel:
    async def test_needs_the_scope_or_to_be_ones_own(self, door: Door) -> None:
        """A reader calls off only what it asked for itself; whoever may train calls off anything; nothing twice."""
        key_id, key = await door.new_key("read")
        own = await ask(door.store_dsn, requested_by=key_id)
        other = await ask(door.store_dsn, kind="score")
        as_reader = {"X-API-Key": key}

        refused = await door.client.post(f"{JOBS}/{other.id}/cancel", headers=as_reader)
        of_own = await door.client.post(f"{JOBS}/{own.id}/cancel", headers=as_reader)
        by_trainer = await door.client.post(f"{JOBS}/{other.id}/cancel")
        again = await door.client.post(f"{JOBS}/{other.id}/cancel")

        assert code(refused) == (403, "FORBIDDEN")
        assert [(reply.status_code, reply.json()["data"]["state"]) for reply in (of_own, by_trainer)] == [
            (200, "cancelled")
        ] * 2
        assert code(again) == (409, "CONFLICT")
        assert code(await door.client.post(f"{JOBS}/nothing/cancel")) == (404, "NOT_FOUND")


class TestRerun:
    async def test_asks_for_the_same_work_and_sends_it(self, door: Door, redis_url: str) -> None:
        """202 with the new job, which names the old one, waits on the service's queue, and is found under Location."""
        old = await ask(door.store_dsn)
        await end(door.store_dsn, old, "failed", attempts=3)

        reply = await door.client.post(f"{JOBS}/{old.id}/rerun")

        new = reply.json()["data"]
        assert (reply.status_code, new["rerun_of"], new["arguments"], new["requested_by"]) == (
            202,
            old.id,
            {"weeks": 8},
            door.key_id,
        )
        assert (await door.get(reply.headers["location"])).json()["data"]["id"] == new["id"]
        async with Redis.from_url(redis_url) as redis:
            assert [name.decode() for name in await redis.zrange("rfid3:jobs:demand", 0, -1)] == [f"{new['id']}:0"]

    async def test_needs_the_scope_and_a_job_that_has_ended(self, door: Door) -> None:
        """Readers may not, nobody may while it runs, and nobody can run what does not exist."""
        job = await ask(door.store_dsn)
        reader = {"X-API-Key": (await door.new_key("read"))[1]}
        path = f"{JOBS}/{job.id}/rerun"

        assert code(await door.client.post(path, headers=reader)) == (403, "FORBIDDEN")
        assert code(await door.client.post(path)) == (409, "CONFLICT")
        assert code(await door.client.post(f"{JOBS}/nothing/rerun")) == (404, "NOT_FOUND")

    async def test_a_repeated_request_is_one_rerun(self, door: Door) -> None:
        """The same Idempotency-Key of the same caller gives the same job, also when that has ended; another caller's is another."""
        job = await ask(door.store_dsn)
        await end(door.store_dsn, job, "failed")
        path, key = f"{JOBS}/{job.id}/rerun", {"Idempotency-Key": "once"}

        first = await door.client.post(path, headers=key)
        engine = open_engine(door.store_dsn)
        async with transaction(engine) as connection:
            new = await get_job(connection, first.json()["data"]["id"])
        await engine.dispose()
        await end(door.store_dsn, new)
        again = await door.client.post(path, headers=key)
        other = await door.client.post(path, headers={**key, "X-API-Key": (await door.new_key("read", "train"))[1]})

        assert again.json()["data"]["id"] == new.id
        assert (other.status_code, other.json()["data"]["id"] != new.id) == (202, True)
        assert code(await door.client.post(path, headers={"Idempotency-Key": "x" * 129})) == (422, "INVALID_PARAMETERS")
