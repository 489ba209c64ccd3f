"""Only callers that are known, allowed and within their limit pass; losing Redis or the store changes that as little as it can."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from doorway import PREFIX, Door, StartGateway, Wire, free_port
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from rfid3_gateway.admission import refuse_key_in_url
from rfid3_shared.auth import revoke_key
from rfid3_shared.clock import epoch_s
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.errors import InvalidParameters

Service = tuple[FastAPI, str]


class TestKey:
    @pytest.mark.parametrize("headers", [{}, {"x-api-key": "rfid3_wrong"}, {"authorization": "Basic eDp5"}, {"x-api-key": ""}])
    async def test_nobody_enters_without_a_good_one(self, service: Service, door: Door, headers: dict[str, str]) -> None:
        """401 in the envelope with WWW-Authenticate, and the service never hears of it."""
        del door.client.headers["x-api-key"]

        reply = await door.get("forecast", headers=headers)

        assert (reply.status_code, reply.json()["error"]["code"]) == (401, "UNAUTHORIZED")
        assert reply.headers["www-authenticate"] == "Bearer"
        assert service[0].state.seen.calls == []

    async def test_both_forms_work(self, door: Door) -> None:
        """X-API-Key and Authorization: Bearer open the same door."""
        del door.client.headers["x-api-key"]

        assert (await door.get("forecast", headers={"X-API-Key": door.key})).status_code == 200
        assert (await door.get("forecast", headers={"Authorization": f"bearer {door.key}"})).status_code == 200

    async def test_a_key_in_the_address_is_refused_in_plain_words(self, service: Service, door: Door) -> None:
        """Even a good key does not work as ?api_key=, and its words say where it belongs."""
        reply = await door.get("forecast", params={"api_key": door.key, "weeks": "4"})

        assert (reply.status_code, reply.json()["error"]["code"]) == (422, "INVALID_PARAMETERS")
        assert "X-API-Key" in reply.json()["error"]["message"]
        assert door.key not in reply.text
        assert service[0].state.seen.calls == []

    async def test_a_revoked_key_stops_within_five_seconds(self, door: Door) -> None:
        """It may work until the look-up is five seconds old, and not a moment longer."""
        assert (await door.get("forecast")).status_code == 200
        engine = open_engine(door.store_dsn)
        async with transaction(engine) as connection:
            await revoke_key(connection, door.key_id, door.clock)
        await engine.dispose()

        door.clock.ahead_s += 5.01

        assert (await door.get("forecast")).status_code == 401


class TestScope:
    async def test_reading_needs_read_and_training_needs_train(self, door: Door) -> None:
        """A key passes where its least scope is met; admin passes everywhere."""
        expected = {("read",): (200, 403), ("train",): (403, 202), ("decide",): (403, 403), ("admin",): (200, 202)}
        for scopes, statuses in expected.items():
            headers = {"x-api-key": (await door.new_key(*scopes))[1]}
            read = await door.get("forecast", headers=headers)
            train = await door.client.post(f"{PREFIX}/retrain", headers=headers)

            assert (read.status_code, train.status_code) == statuses, scopes

        assert (await door.get("forecast", headers=headers)).status_code == 200


class TestLimit:
    async def test_every_answer_tells_what_is_left(self, service: Service, start_gateway: StartGateway) -> None:
        """Limit, Remaining and Reset count down to a 429 with Retry-After; the class has its own count."""
        door = await start_gateway({"demand": [service[1]]}, rate_realtime_per_min=3)

        replies = [await door.get("forecast") for _ in range(4)]
        other_class = await door.client.post(f"{PREFIX}/retrain")

        assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
        assert [reply.headers["x-ratelimit-remaining"] for reply in replies] == ["2", "1", "0", "0"]
        assert {reply.headers["x-ratelimit-limit"] for reply in replies} == {"3"}
        assert all(0 < int(reply.headers["x-ratelimit-reset"]) - epoch_s() <= 61 for reply in replies)
        refused = replies[-1]
        assert refused.json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
        assert 1 <= int(refused.headers["retry-after"]) <= 61
        assert (other_class.status_code, other_class.headers["x-ratelimit-limit"]) == (202, "5")

    async def test_is_exact_under_concurrency(self, service: Service, start_gateway: StartGateway) -> None:
        """Of 40 simultaneous calls through two gateways exactly the limit reaches the service."""
        doors = [await start_gateway({"demand": [service[1]]}, rate_realtime_per_min=10) for _ in range(2)]
        headers = {"x-api-key": doors[0].key}

        replies = await asyncio.gather(*(doors[i % 2].get("forecast", headers=headers) for i in range(40)))

        statuses = [reply.status_code for reply in replies]
        assert (statuses.count(200), statuses.count(429)) == (10, 30)
        assert len(service[0].state.seen.calls) == 10


class TestRedisLost:
    @pytest.fixture
    async def doomed_redis(self, redis_server: Any) -> AsyncIterator[tuple[subprocess.Popen[bytes], str]]:
        port = free_port()
        process = redis_server(port)
        yield process, f"redis://127.0.0.1:{port}/0"
        with suppress(ProcessLookupError):
            process.kill()
        process.wait(10)

    async def test_killed_under_load_no_request_fails(
        self, service: Service, start_gateway: StartGateway, doomed_redis: tuple[subprocess.Popen[bytes], str]
    ) -> None:
        """Every request before, during and after the kill is answered; afterwards they say who counted."""
        process, url = doomed_redis
        door = await start_gateway({"demand": [service[1]]}, redis_url=url, rate_realtime_per_min=100_000)
        replies = []

        async def call(count: int) -> None:
            replies.extend([await door.get("forecast") for _ in range(count)])

        load = asyncio.gather(*(call(40) for _ in range(8)))
        while len(replies) < 40:
            await asyncio.sleep(0.001)
        process.kill()
        await load

        assert {reply.status_code for reply in replies} == {200}
        local = [reply for reply in replies if reply.headers.get("x-ratelimit-scope") == "process"]
        assert 0 < len(local) < len(replies)
        assert min(int(reply.headers["x-ratelimit-remaining"]) for reply in local) == 100_000 - len(replies)

    async def test_never_there(self, service: Service, start_gateway: StartGateway) -> None:
        """Without any Redis the gateway starts, answers, and still limits."""
        door = await start_gateway({"demand": [service[1]]}, redis_url="redis://127.0.0.1:1/0", rate_realtime_per_min=2)

        assert [(await door.get("forecast")).status_code for _ in range(3)] == [200, 200, 429]

    async def test_a_silent_redis_costs_one_wait(self, service: Service, start_gateway: StartGateway) -> None:
        """A Redis that accepts connections and says nothing is waited for once; later calls do not even try."""
        asked = 0

        async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            asked += 1
            await reader.read()
            writer.close()

        server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        door = await start_gateway({"demand": [service[1]]}, redis_url=f"redis://127.0.0.1:{port}/0")

        replies = [await door.get("forecast") for _ in range(10)]

        assert {reply.status_code for reply in replies} == {200}
        assert {reply.headers["x-ratelimit-scope"] for reply in replies} == {"process"}
        assert asked < len(replies)
        server.close()


class TestStoreLost:
    @pytest.fixture
    async def wired_store(self, mysql_dsn: str) -> AsyncIterator[tuple[Wire, str]]:
        from sqlalchemy.engine import make_url

        url = make_url(mysql_dsn)
        wire = Wire(url.port or 3306)
        await wire.mend()
        yield wire, url.set(port=wire.port).render_as_string(hide_password=False)
        await wire.cut()

    async def test_known_keys_go_on_and_new_ones_wait(
        self, service: Service, start_gateway: StartGateway, wired_store: tuple[Wire, str]
    ) -> None:
        """With the store gone, a key seen before works on and an unseen one gets 503; both are well when it is back."""
        wire, dsn = wired_store
        door = await start_gateway({"demand": [service[1]]}, store_url=dsn)
        assert (await door.get("forecast")).status_code == 200
        _, unseen = await door.new_key("read")
        await wire.cut()
        door.clock.ahead_s += 6

        known = [(await door.get("forecast")).status_code for _ in range(3)]
        new = await door.get("forecast", headers={"x-api-key": unseen})

        assert known == [200, 200, 200]
        assert (new.status_code, new.json()["error"]["code"]) == (503, "SYSTEM_ERROR")
        assert "retry-after" in new.headers
        await wire.mend()
        assert (await door.get("forecast", headers={"x-api-key": unseen})).status_code == 200


class TestSecrets:
    async def test_the_key_never_reaches_the_log(
        self, door: Door, start_gateway: StartGateway, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        """Whatever goes wrong with a request, no line written holds its key."""
        broken = await start_gateway({"demand": [f"http://127.0.0.1:{free_port()}"]}, access_log_ratio=1.0)
        for each in (door, broken):
            for path in (
                "forecast",
                f"forecast?api_key={each.key}",
                f"/{each.key}",
                "/api/predictive/health",
                "pieces?count=1&fail=1",
            ):
                with suppress(Exception):
                    await each.get(path, headers={"Authorization": f"Bearer {each.key}", "X-Request-ID": "id-" + "x" * 8})

        written = capsys.readouterr()

        assert "instance_ejected" in written.err
        for each in (door, broken):
            assert each.key not in written.err + written.out
            assert each.key.removeprefix("rfid3_") not in written.err + written.out


class TestRefuseKeyInUrl:
    @given(st.sampled_from(["api_key", "API_KEY", "apikey", "x-api-key", "api%5Fkey", "Api_Key"]), st.text(max_size=5))
    def test_finds_it_in_any_spelling(self, name: str, before: str) -> None:
        """Upper case, percent signs and a place behind other parameters do not hide it."""
        from urllib.parse import quote

        with pytest.raises(InvalidParameters):
            refuse_key_in_url(f"a={quote(before)}&{name}=secret".encode())

    @pytest.mark.parametrize("query", [b"", b"monkey=1", b"key=1", b"q=api_key", b"sort_key=name&weeks=4"])
    def test_leaves_other_parameters_alone(self, query: bytes) -> None:
        """A parameter that merely ends in key is nobody's secret."""
        refuse_key_in_url(query)
