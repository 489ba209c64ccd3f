"""A request reaches its service whole, its answer comes back whole, and every fault is told in the envelope."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest
from doorway import PREFIX, Door, StartGateway, free_port, make_service, serving, until
from fastapi import FastAPI

Service = tuple[FastAPI, str]


def fault(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error of a reply, after checking that the envelope is as promised."""
    body = reply.json()
    assert (reply.status_code, body["success"], body["error"]["code"]) == (status, False, code), body
    assert body["request_id"] == reply.headers["x-request-id"]
    assert body["timestamp"].endswith("Z")
    return body["error"]  # type: ignore[no-any-return]


class TestPassingOn:
    async def test_method_path_query_and_body_arrive_as_sent(self, door: Door) -> None:
        """Nothing is decoded, re-ordered or lost on the way."""
        query = "weeks=4&category=Round%20Linen&x=%2F&x=2&empty="
        sent = await door.get(f"forecast?{query}")
        posted = await door.client.post(f"{PREFIX}/retrain?a=1", content=b'{"force": true}', headers={"content-type": "text/x"})

        assert sent.json()["url"] == f"{door.url}{PREFIX}/forecast?{query}"
        assert (posted.status_code, posted.json()["method"], posted.json()["body"]) == (202, "POST", '{"force": true}')
        assert ["content-type", "text/x"] in posted.json()["headers"]

    async def test_encoded_path_segments_stay_encoded(self, door: Door) -> None:
        """A slash inside a name is not a path separator on the way through."""
        reply = await door.get("items/Frame%2FPole%20Tent")

        assert reply.json()["raw_path"] == f"{PREFIX}/items/Frame%2FPole%20Tent"

    async def test_the_service_learns_key_id_chain_and_time_left(self, door: Door) -> None:
        """X-API-Key, X-Request-ID, X-Forwarded-For and the deadline arrive; connection headers do not."""
        hop = {"connection": "keep-alive, x-hop", "x-hop": "1", "te": "trailers", "x-forwarded-for": "9.9.9.9"}
        reply = await door.get("forecast", headers={"x-request-id": "my-request-1", **hop})

        got = dict(reply.json()["headers"])
        assert got["x-api-key"] == door.key
        assert got["x-request-id"] == "my-request-1"
        assert got["x-forwarded-for"] == "9.9.9.9, 127.0.0.1"
        assert 0 < int(got["x-request-deadline-ms"]) <= 2000
        assert not {"x-hop", "te"} & set(got)

    async def test_answer_headers_are_ours_where_they_must_be(self, door: Door) -> None:
        """The answer carries one request id, ours; end-to-end headers stay, connection headers go."""
        reply = await door.get("forecast", headers={"x-request-id": "my-request-1"})

        assert reply.headers.get_list("x-request-id") == ["my-request-1"]
        assert reply.headers["x-kept"] == "yes"
        assert "keep-alive" not in reply.headers
        assert len(reply.headers.get_list("date")) == 1

    @pytest.mark.parametrize("given_id", [None, "short", "x" * 65, "with space in it", "a;b\tc-defg"])
    async def test_an_unusable_request_id_is_replaced(self, door: Door, given_id: str | None) -> None:
        """Without a sane id of the caller's there is a new uuid."""
        reply = await door.get("forecast", headers={"x-request-id": given_id} if given_id else {})

        assert str(uuid.UUID(reply.headers["x-request-id"])) == reply.headers["x-request-id"]

    @pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
    async def test_bodies_of_any_size_arrive_whole(self, door: Door, size: int) -> None:
        """Buffered or streamed, the bytes are all there."""
        reply = await door.get("big", params={"size": size})

        assert reply.content == b"x" * size
        assert reply.headers["content-length"] == str(size)

    async def test_a_streamed_answer_may_outlast_the_deadline(self, service: Service, start_gateway: StartGateway) -> None:
        """The deadline is for the beginning and for each piece, not for a long answer's whole length."""
        door = await start_gateway({"demand": [service[1]]}, request_deadline_s=0.3)

        reply = await door.get("pieces", params={"count": 8, "pause_s": 0.08})

        assert reply.text.split() == [str(number) for number in range(8)]

    async def test_a_broken_answer_is_not_passed_off_as_whole(self, door: Door) -> None:
        """When the service breaks off in the middle, the caller's connection breaks too."""
        with pytest.raises(httpx.RemoteProtocolError):
            await door.get("pieces", params={"count": 3, "pause_s": 0.02, "fail": True})

    async def test_head_has_headers_and_no_body(self, door: Door) -> None:
        """HEAD of an own route answers as GET does, without the body; of a service as the service does."""
        own = await door.client.head("/health")
        theirs = await door.client.head(f"{PREFIX}/forecast")

        assert (own.status_code, own.content) == (200, b"")
        assert theirs.status_code == 405

    async def test_redirects_are_the_callers_affair(self, door: Door) -> None:
        """A redirect comes back as it is and points to the gateway, not to a port inside."""
        reply = await door.get("forecast/")

        assert reply.status_code == 307
        assert reply.headers["location"] == f"{door.url}{PREFIX}/forecast"

    async def test_over_a_unix_socket(self, start_gateway: StartGateway, tmp_path: Any) -> None:
        """An instance may listen on a socket instead of a port."""
        async with serving(make_service(), uds=str(tmp_path / "demand.sock")) as url:
            door = await start_gateway({"demand": [url]})

            reply = await door.get("forecast")
            await door.client.aclose()

        assert reply.json()["service"] == "demand"


class TestFaults:
    async def test_unknown_path(self, door: Door) -> None:
        """404 names the path that was probably meant, also without a key."""
        del door.client.headers["x-api-key"]

        error = fault(await door.get("/api/predictive/demnad/retrain"), 404, "NOT_FOUND")

        assert error["details"]["suggestion"] == "/api/predictive/demand/retrain"

    async def test_method_that_is_not_offered(self, door: Door) -> None:
        """405 comes from whoever knows: the service for its paths, the gateway for its own in the envelope."""
        assert (await door.client.delete(f"{PREFIX}/forecast")).status_code == 405
        fault(await door.client.post("/api/predictive/jobs"), 405, "INVALID_PARAMETERS")

    async def test_service_down(self, start_gateway: StartGateway) -> None:
        """503 with Retry-After, naming the service and nothing about ports or exceptions."""
        port = free_port()
        door = await start_gateway({"demand": [f"http://127.0.0.1:{port}"]})

        reply = await door.get("forecast")

        error = fault(reply, 503, "SYSTEM_ERROR")
        assert error["details"]["service"] == "demand"
        assert int(reply.headers["retry-after"]) >= 1
        assert str(port) not in reply.text

    async def test_service_too_slow(self, service: Service, start_gateway: StartGateway) -> None:
        """504 TIMEOUT at the deadline; the service's work is given up; nothing stays in flight."""
        app, url = service
        door = await start_gateway({"demand": [url]}, request_deadline_s=0.2)

        reply = await door.get("slow", params={"seconds": 30})
        await until(lambda: app.state.seen.hung_up == 1)

        assert fault(reply, 504, "TIMEOUT")["details"] == {"deadline_s": 0.2}
        assert door.gateway.forwarder is not None
        assert door.gateway.forwarder.in_flight == 0

    async def test_service_that_speaks_no_http(self, start_gateway: StartGateway) -> None:
        """502 when what answers is not HTTP."""

        async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(b"SSH-2.0-nonsense\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        door = await start_gateway({"demand": [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"]})

        fault(await door.get("forecast"), 502, "SYSTEM_ERROR")
        server.close()

    async def test_body_too_large_by_its_own_word(self, service: Service, start_gateway: StartGateway) -> None:
        """413 by Content-Length, before anything reaches the service."""
        app, url = service
        door = await start_gateway({"demand": [url]}, max_body_bytes=1000)

        error = fault(await door.client.post(f"{PREFIX}/retrain", content=b"x" * 1001), 413, "INVALID_PARAMETERS")

        assert error["details"] == {"limit_bytes": 1000}
        assert app.state.seen.calls == []

    async def test_body_too_large_on_arrival(self, service: Service, start_gateway: StartGateway) -> None:
        """413 for a body of unannounced size as soon as it is too long; one of exactly the limit passes."""
        door = await start_gateway({"demand": [service[1]]}, max_body_bytes=1000)

        async def pieces(size: int):
            for _ in range(size // 100):
                yield b"x" * 100

        fits = await door.client.post(f"{PREFIX}/retrain", content=pieces(1000))
        too_large = await door.client.post(f"{PREFIX}/retrain", content=pieces(1100))

        assert fits.status_code == 202
        fault(too_large, 413, "INVALID_PARAMETERS")

    async def test_body_that_never_comes(self, service: Service, start_gateway: StartGateway) -> None:
        """408 when the caller announces a body and keeps it to itself."""
        door = await start_gateway({"demand": [service[1]]}, request_deadline_s=0.2)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(door.url.rpartition(":")[2]))
        writer.write(
            f"POST {PREFIX}/retrain HTTP/1.1\r\nhost: x\r\nx-api-key: {door.key}\r\ncontent-length: 9\r\n\r\n12".encode()
        )

        answer = await asyncio.wait_for(reader.read(), 3)

        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"TIMEOUT"' in answer
        writer.close()


class TestRetry:
    async def test_one_instance_down_is_not_noticed(self, service: Service, start_gateway: StartGateway) -> None:
        """With one of two instances gone every request still succeeds, POST too, since nothing was sent to the dead one."""
        door = await start_gateway({"demand": [f"http://127.0.0.1:{free_port()}", service[1]]})

        reads = await asyncio.gather(*(door.get("forecast") for _ in range(20)))
        writes = [await door.client.post(f"{PREFIX}/retrain") for _ in range(3)]

        assert {reply.status_code for reply in reads} == {200}
        assert {reply.status_code for reply in writes} == {202}

    async def test_instances_take_turns(self, start_gateway: StartGateway) -> None:
        """Two healthy instances get half of the calls each."""
        one, two = make_service("one"), make_service("two")
        async with serving(one) as first, serving(two) as second:
            door = await start_gateway({"demand": [first, second]})
            for _ in range(20):
                await door.get("forecast")
            await door.client.aclose()

        assert len(one.state.seen.calls) == len(two.state.seen.calls) == 10

    @pytest.mark.parametrize(("method", "status", "tries"), [("GET", 200, 2), ("POST", 502, 1)])
    async def test_a_connection_closed_under_a_request(
        self, start_gateway: StartGateway, method: str, status: int, tries: int
    ) -> None:
        """A GET is asked again on a fresh connection; a POST is not, because it may have been acted upon."""
        asked = 0

        async def hang_up_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            request = await reader.readuntil(b"\r\n\r\n")
            if b"/api/" in request:
                asked += 1
                if asked > 1:
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                    await writer.drain()
            writer.close()

        server = await asyncio.start_server(hang_up_once, "127.0.0.1", 0)
        door = await start_gateway({"demand": [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"]})

        reply = await door.client.request(method, f"{PREFIX}/forecast")

        assert (reply.status_code, asked) == (status, tries)
        server.close()


class TestCallerLeaves:
    async def test_the_service_is_told_and_nothing_is_left(self, service: Service, start_gateway: StartGateway) -> None:
        """Of many callers that hang up, each one's service hears of it and none stays in flight."""
        app, url = service
        door = await start_gateway({"demand": [url]}, request_deadline_s=30)
        assert door.gateway.forwarder is not None
        head = f"GET {PREFIX}/slow?seconds=30 HTTP/1.1\r\nhost: x\r\nx-api-key: {door.key}\r\n\r\n".encode()
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", int(door.url.rpartition(":")[2]))
            writer.write(head)
            await writer.drain()
            await asyncio.sleep(0.03)
            writer.close()

        await until(lambda: app.state.seen.hung_up == 20)

        assert door.gateway.forwarder.in_flight == 0
        assert (await door.get("forecast")).status_code == 200
