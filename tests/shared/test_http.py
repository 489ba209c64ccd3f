"""Can a server outside hurt whoever asks it? Against a real one that is slow, wrong, huge, gone or broken."""

import asyncio

import pytest
from conftest import free_port
from outsideserver import Asked, Outsider, Reply, outsider

from rfid3_shared.errors import UpstreamTimeout, UpstreamUnavailable
from rfid3_shared.http import PER_HOST, TRIES, AnswerRefused, Outside, Validators, json_of


@pytest.fixture
def server():
    with outsider() as plan:
        yield plan


class TestGet:
    async def test_gives_the_body_and_sends_the_parameters(self, server: Outsider) -> None:
        """What is asked arrives as it was meant, special characters too."""
        server.says("/a", Reply(body=b"[1]"))

        async with Outside() as outside:
            body = await outside.get(f"{server.url}/a", {"q": "ä & b", "n": "1"})

        assert body == b"[1]"
        assert server.asked[0].query == {"q": "ä & b", "n": "1"}

    async def test_asks_again_when_the_server_is_unwell(self, server: Outsider) -> None:
        """Two failures and an answer are an answer."""
        server.says("/a", Reply(500), Reply(429, headers={"Retry-After": "0"}), Reply(body=b"ok"))

        async with Outside(first_pause_s=0.001) as outside:
            assert await outside.get(f"{server.url}/a") == b"ok"

        assert len(server.asked) == TRIES

    async def test_gives_up_after_some_tries(self, server: Outsider) -> None:
        """The fault says what was answered."""
        server.says("/a", Reply(503))

        async with Outside(first_pause_s=0.001) as outside:
            with pytest.raises(UpstreamUnavailable, match="503"):
                await outside.get(f"{server.url}/a")

        assert len(server.asked) == TRIES

    @pytest.mark.parametrize("status", [301, 400, 403, 404])
    async def test_a_refusal_is_not_tried_again(self, server: Outsider, status: int) -> None:
        """Neither is a redirect followed: who is asked is a setting."""
        server.says("/a", Reply(status, headers={"Location": f"{server.url}/b"}))
        server.says("/b", Reply(body=b"elsewhere"))

        async with Outside(first_pause_s=0.001) as outside:
            with pytest.raises(AnswerRefused, match=str(status)) as fault:
                await outside.get(f"{server.url}/a", {"key": "secret-key"})

        assert [asked.path for asked in server.asked] == ["/a"]
        assert not fault.value.retryable
        assert "secret-key" not in str(fault.value)

    @pytest.mark.parametrize("hangs", [0, 5])
    async def test_waits_no_longer_than_it_is_told_to(self, server: Outsider, hangs: int) -> None:
        """A body that never comes, or never ends, costs the time that is set and no more."""
        server.says("/a", Reply(body=b"x" * 100, hangs=hangs))

        async with Outside(total_s=0.15) as outside:
            with pytest.raises((UpstreamTimeout, UpstreamUnavailable)):
                await outside.get(f"{server.url}/a")

    @pytest.mark.parametrize("headers", [{}, {"Content-Length": "300000", "Connection": "close"}])
    async def test_takes_no_more_than_it_is_told_to(self, server: Outsider, headers: dict[str, str]) -> None:
        """A huge body is not read to its end."""
        server.says("/a", Reply(body=b"x" * 300_000, headers=headers))

        async with Outside(most_bytes=100_000) as outside:
            with pytest.raises(AnswerRefused, match=r"0\.1 MB"):
                await outside.get(f"{server.url}/a")

    async def test_nobody_there(self) -> None:
        """A port that nobody listens on cannot be reached; the host is named, the key is not."""
        async with Outside(first_pause_s=0.001) as outside:
            with pytest.raises(UpstreamUnavailable, match=r"127\.0\.0\.1 cannot be reached") as fault:
                await outside.get(f"http://127.0.0.1:{free_port()}/a", {"api_key": "secret-key"})

        assert "secret-key" not in str(fault.value)

    @pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/a", "no url", "", "http://"])
    async def test_only_web_addresses(self, url: str) -> None:
        """Anything else is refused before anything is opened."""
        async with Outside() as outside:
            with pytest.raises(AnswerRefused, match="address"):
                await outside.get(url)

    async def test_what_has_not_changed_is_not_sent_again(self, server: Outsider) -> None:
        """ETag and Last-Modified of an answer come back with the same question, and with that one only."""

        def answer(asked: Asked) -> Reply:
            same = asked.headers.get("if-none-match") == '"1"' and "if-modified-since" in asked.headers
            return (
                Reply(304, b"")
                if same
                else Reply(body=b"new", headers={"ETag": '"1"', "Last-Modified": "Mon, 01 Jun 2026 00:00:00 GMT"})
            )

        server.answers["/a"] = answer
        validators: Validators = {}

        async with Outside() as outside:
            first = await outside.get(f"{server.url}/a", {"q": "1"}, validators)
            again = await outside.get(f"{server.url}/a", {"q": "1"}, validators)
            other = await outside.get(f"{server.url}/a", {"q": "2"}, validators)

        assert (first, again, other) == (b"new", None, b"new")
        assert len(validators) == 2

    async def test_asks_one_host_for_few_things_at_once(self, server: Outsider) -> None:
        """Twenty questions come, and at no time more than five are under way."""
        waiting, most = 0, 0
        gate = asyncio.Event()
        loop = asyncio.get_running_loop()

        def begun() -> None:
            nonlocal waiting, most
            waiting += 1
            most = max(most, waiting)
            if waiting == PER_HOST:
                gate.set()

        def answer(_: Asked) -> Reply:
            loop.call_soon_threadsafe(begun)
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(10)
            loop.call_soon_threadsafe(ended)
            return Reply(body=b"1")

        def ended() -> None:
            nonlocal waiting
            waiting -= 1

        server.answers["/a"] = answer
        async with Outside() as outside:
            got = await asyncio.gather(*(outside.get(f"{server.url}/a", {"n": str(k)}) for k in range(20)))

        assert (got, most) == ([b"1"] * 20, PER_HOST)


class TestPost:
    async def test_sends_the_body_again_until_it_is_answered(self, server: Outsider) -> None:
        """A server that is unwell is asked again, with the same body and headers."""
        server.says("/a", Reply(503), Reply(body=b"taken"))

        async with Outside(first_pause_s=0.001) as outside:
            answer = await outside.post(f"{server.url}/a", b"rows", {"x-api-key": "k"})

        assert answer == (200, b"taken")
        assert [(asked.body, asked.headers["x-api-key"]) for asked in server.asked] == [(b"rows", "k")] * 2

    @pytest.mark.parametrize("status", [401, 413, 422])
    async def test_a_refusal_is_an_answer(self, server: Outsider, status: int) -> None:
        """It says what is wrong with what was sent, and is not asked again."""
        server.says("/a", Reply(status, b"why"))

        async with Outside() as outside:
            assert await outside.post(f"{server.url}/a", b"rows", {}) == (status, b"why")

        assert len(server.asked) == 1

    async def test_what_is_no_answer_is_refused(self, server: Outsider) -> None:
        """A redirection is not followed, with a key in hand least of all."""
        server.says("/a", Reply(307, headers={"Location": "/b"}))

        async with Outside() as outside:
            with pytest.raises(AnswerRefused, match="307"):
                await outside.post(f"{server.url}/a", b"rows", {})

        assert len(server.asked) == 1


class TestJsonOf:
    @pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"null", b'{"a": NaN}', b"\xff"])
    def test_anything_but_an_object_is_refused(self, body: bytes) -> None:
        """What is no JSON object is said to be none."""
        with pytest.raises(AnswerRefused, match="FRED"):
            json_of(body, "FRED")
