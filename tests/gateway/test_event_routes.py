"""Events over HTTP: who may send and see them, in which forms they come, and what is answered when something is wrong."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
import orjson
import pytest
from doorway import Door, StartGateway
from eventlife import line, scan
from openapi_spec_validator import validate
from typer.testing import CliRunner

from rfid3_gateway.event_bodies import rows_in
from rfid3_gateway.event_routes import BODY, MOST_BYTES
from rfid3_shared.db import create_tables, open_engine, transaction
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.events.commands import app
from rfid3_shared.events.position import hold, save
from rfid3_shared.source.tables import source_metadata

EVENTS = "/api/predictive/events"
NOBODY = {"demand": ["http://127.0.0.1:1"]}
"""Where no service answers: events need none."""
NDJSON = {"content-type": "application/x-ndjson"}


def now(**before: float) -> str:
    """A moment of the real clock, so long ago."""
    return (datetime.now(UTC) - timedelta(minutes=10, **before)).isoformat(timespec="seconds")


def rows(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [scan(number, occurred_at=now()) for number in range(first, first + count)]


@pytest.fixture
async def door(start_gateway: StartGateway) -> Door:
    """A gateway whose client sends events and sees them; beside it, RFID3's tables."""
    door = await start_gateway(NOBODY)
    engine = open_engine(door.store_dsn)
    await create_tables(engine, source_metadata)
    await engine.dispose()
    door.client.headers["x-api-key"] = (await door.new_key("read", "events"))[1]
    return door


async def post(door: Door, body: Any, **given: Any) -> httpx.Response:
    """Send rows as JSON."""
    return await door.client.post(EVENTS, json=body, **given)


class TestPost:
    async def test_an_array_an_object_and_lines(self, door: Door) -> None:
        """Three ways to send the same; the second and third time all of it is known."""
        sent = [*rows(3), line(1, occurred_at=now(days=1))]

        first = await post(door, sent)
        wrapped = await post(door, {"events": sent})
        lines = await door.client.post(EVENTS, content=b"\r\n".join([*map(orjson.dumps, sent), b"", b""]), headers=NDJSON)

        data = first.json()["data"]
        assert (first.status_code, data) == (200, {
            "accepted": 4, "duplicates": 0, "repeated": 0, "refused": [], "refused_count": 0, "unknown_tags": 0, "ignored_fields": {},
            "last_seq": 4,
        })  # fmt: skip
        assert first.json()["meta"]["degraded"] == []
        assert [(reply.json()["data"]["accepted"], reply.json()["data"]["duplicates"]) for reply in (wrapped, lines)] == [
            (0, 4)
        ] * 2

    async def test_good_rows_are_kept_beside_bad_ones(self, door: Door) -> None:
        """A line that is no JSON is a bad row like any other; empty ones do not count; names of people are not kept."""
        good, bad = scan(1, occurred_at=now(), client_name="Jane Doe"), scan(2, occurred_at=now(), status="wsh")
        body = b"\n".join([orjson.dumps(good), b"", b'{"event_id": "cut', orjson.dumps(bad)])

        reply = (
            await door.client.post(EVENTS, content=body, headers={"content-type": "Application/X-NDJSON; charset=utf-8"})
        ).json()

        assert [(one["row"], one["event_id"], one["parameter"]) for one in reply["data"]["refused"]] == [
            (1, None, None), (2, "e2", "status"),
        ]  # fmt: skip
        assert reply["data"]["refused"][1]["suggestion"] == "Wash"
        assert (reply["data"]["accepted"], reply["data"]["ignored_fields"]) == (1, {"client_name": 1})
        assert "Jane" not in (await door.get(EVENTS)).text

    async def test_no_good_row_is_a_422_with_every_reason(self, door: Door) -> None:
        """Up to a hundred are listed, all are counted."""
        reply = await post(door, [{"tag_id": "x"}] * 150)

        error = reply.json()["error"]
        assert (reply.status_code, error["code"]) == (422, "INVALID_PARAMETERS")
        assert (len(error["details"]["refused"]), error["details"]["refused_count"]) == (100, 150)
        assert error["details"]["refused"][99] == {**error["details"]["refused"][0], "row": 99}

    @pytest.mark.parametrize(
        ("body", "kind", "parameter"),
        [
            (b"[]", "application/json", "events"), (b'{"events": []}', "application/json", "events"), (b"", "application/json", "body"),
            (b'{"tag_id": "x"}', "application/json", "events"), (b"[1,", "application/json", "body"), (b"7", "application/json", "events"),
            (b'{"a": 1}\n{"a": 2}', "application/json", "body"), (b"\n \n", "application/x-ndjson", "events"),
            (b"a,b\n1,2", "text/csv", "content-type"), (b"[" + b"1," * 5_000 + b"1]", "application/json", "events"),
            (b"[" * 100_000, "application/json", "body"),
        ],
        ids=lambda value: str(value)[:20],
    )  # fmt: skip
    async def test_a_body_that_holds_no_rows(self, door: Door, body: bytes, kind: str, parameter: str) -> None:
        """422 in plain words, and what is wrong with it."""
        reply = await door.client.post(EVENTS, content=body, headers={"content-type": kind})

        assert (reply.status_code, reply.json()["error"]["details"]["parameter"]) == (422, parameter)

    async def test_five_thousand_rows_and_no_more(self, door: Door) -> None:
        """More than the usual body may hold; past 5 MB it is too large."""
        padded = [{**row, "note": "x" * 300} for row in rows(5_000)]

        reply = await post(door, padded)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(door.url.rpartition(":")[2]))
        head = f"POST {EVENTS} HTTP/1.1\r\nhost: x\r\nx-api-key: {door.client.headers['x-api-key']}\r\n"
        writer.write(f"{head}content-length: {MOST_BYTES + 1}\r\n\r\n".encode())
        async with asyncio.timeout(20):
            too_large = await reader.readline()
        writer.close()

        assert len(reply.request.content) > 2_000_000
        assert (reply.status_code, reply.json()["data"]["accepted"]) == (200, 5_000)
        assert too_large.split()[1] == b"413"

    async def test_redis_is_gone(self, start_gateway: StartGateway, free_redis: tuple[str, Popen[bytes]]) -> None:
        """The answer is a success that says so, and the events are there."""
        url, process = free_redis
        door = await start_gateway(NOBODY, redis_url=url)
        headers = {"x-api-key": (await door.new_key("events", "read"))[1]}
        process.kill()
        process.wait(10)

        reply = await post(door, rows(2), headers=headers)

        assert (reply.status_code, reply.json()["data"]["accepted"]) == (200, 2)
        assert "redis" in reply.json()["meta"]["degraded"]
        assert (await door.get(EVENTS, headers=headers)).json()["data"]["total"] == 2

    async def test_rfid3s_database_is_gone(self, start_gateway: StartGateway) -> None:
        """Events are kept; whether their tags are known cannot be told."""
        door = await start_gateway(NOBODY, source_url="mysql://root@127.0.0.1:1/nothing")
        headers = {"x-api-key": (await door.new_key("events"))[1]}

        reply = (await post(door, [scan(1, occurred_at=now(), rental_class=None)], headers=headers)).json()

        assert (reply["data"]["accepted"], reply["data"]["unknown_tags"], reply["meta"]["degraded"]) == (1, None, ["source"])

    @pytest.mark.mariadb
    async def test_from_many_sides_on_mariadb(self, start_gateway: StartGateway, mysql_dsn: str) -> None:
        """The same batch sent at once by eight: every answer is a success, and each event is there once."""
        door = await start_gateway(NOBODY, store_url=mysql_dsn, pool_size=4)
        headers = {"x-api-key": (await door.new_key("events", "read"))[1]}
        sent = rows(60)

        replies = await asyncio.gather(*(post(door, sent if n % 2 else sent[::-1], headers=headers) for n in range(8)))

        assert [reply.status_code for reply in replies] == [200] * 8
        assert sum(reply.json()["data"]["accepted"] for reply in replies) == 60
        assert (await door.get(EVENTS, headers=headers)).json()["data"]["total"] == 60

    async def test_the_store_is_gone(self, door: Door, tmp_path: Path) -> None:
        """503, to be tried again: nobody is told that something is kept that is not."""
        await post(door, rows(1))
        await door.gateway.own.state.parts.store.dispose()
        store = Path(door.store_dsn.removeprefix("sqlite:///"))
        for file in store.parent.glob(f"{store.name}*"):
            file.unlink()
        store.mkdir()

        reply = await post(door, rows(2, first=10))

        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "SYSTEM_ERROR")
        assert int(reply.headers["retry-after"]) > 0


class TestWhoMay:
    async def test_a_key_of_a_reader_sends_and_sees_nothing(self, door: Door) -> None:
        """Scope events alone posts; read alone lists; each other way is refused, and what is refused keeps nothing."""
        expected = {("events",): (200, 403, 403), ("read",): (403, 200, 200), ("train",): (403, 403, 403), ("admin",): (200, 200, 200),
                    ("read", "events"): (200, 200, 200)}  # fmt: skip
        for place, (scopes, statuses) in enumerate(expected.items()):
            headers = {"x-api-key": (await door.new_key(*scopes))[1]}
            replies = [await post(door, rows(1, first=place), headers=headers)]
            replies += [await door.get(path, headers=headers) for path in (EVENTS, f"{EVENTS}/status")]

            assert tuple(reply.status_code for reply in replies) == statuses, scopes
        assert (await door.get(EVENTS)).json()["data"]["total"] == 3

    async def test_calls_are_counted_in_a_class_of_their_own(self, start_gateway: StartGateway) -> None:
        """A reader that sends often does not use up what forecasts may ask."""
        door = await start_gateway(NOBODY, rate_events_per_min=2)
        headers = {"x-api-key": (await door.new_key("events", "read"))[1]}

        replies = [await post(door, rows(1, first=n), headers=headers) for n in range(3)]

        assert [reply.status_code for reply in replies] == [200, 200, 429]
        assert (await door.get(f"{EVENTS}/status", headers=headers)).status_code == 200


class TestList:
    async def test_newest_first_and_page_by_page(self, door: Door) -> None:
        """By offset or by number; the last page says that it is the last."""
        await post(door, rows(5))

        first = (await door.get(f"{EVENTS}?limit=3")).json()["data"]
        by_offset = (await door.get(f"{EVENTS}?limit=3&offset={first['next_offset']}")).json()["data"]
        by_number = (await door.get(f"{EVENTS}?limit=3&before_seq={first['next_before_seq']}")).json()["data"]

        assert [event["event_id"] for event in first["events"]] == ["e4", "e3", "e2"]
        for last in (by_offset, by_number):
            assert [event["event_id"] for event in last["events"]] == ["e1", "e0"]
            assert (last["total"], last["next_offset"], last["next_before_seq"]) == (5, None, None)

    async def test_times_with_and_without_an_offset(self, door: Door) -> None:
        """Asked for as they are sent: with an offset converted, without one in shop time, a day from its midnight."""
        await post(door, [scan(1, occurred_at="2026-01-01T00:00:00")])  # refused: long ago
        moment = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
        await post(door, [scan(2, occurred_at=moment.isoformat())])
        shop = moment.astimezone(door.clock.zone).replace(tzinfo=None)

        for since, count in ((moment.isoformat(), 1), ((moment + timedelta(seconds=1)).isoformat(), 0), (shop.isoformat(), 1),
                             ((shop + timedelta(seconds=1)).isoformat(), 0), (str(shop.date()), 1)):  # fmt: skip
            reply = await door.client.get(EVENTS, params={"since": since})
            assert reply.json()["data"]["total"] == count, since
        found = (await door.get(EVENTS)).json()["data"]["events"][0]
        assert found["occurred_at"] == shop.isoformat()
        assert found["facts"] == {"scan_type": "Rental"}

    @pytest.mark.parametrize(
        ("query", "parameter"),
        [("kind=sale", "kind"), ("origin=ftp", "origin"), ("limit=0", "limit"), ("limit=501", "limit"), ("offset=-1", "offset"),
         ("before_seq=0", "before_seq"), ("since=yesterday", "since"), ("until=2026-13-01", "until"),
         ("tag=x", "tag"), ("tag_id=", "tag_id")],
    )  # fmt: skip
    async def test_typing_errors_are_told(self, door: Door, query: str, parameter: str) -> None:
        """422 with the parameter, not an empty list."""
        reply = await door.get(f"{EVENTS}?{query}")

        assert reply.status_code == 422
        assert reply.json()["error"]["details"]["problems"][0]["parameter"] == parameter

    async def test_a_class_that_is_spelt_alike(self, door: Door) -> None:
        """An empty list names what may be meant."""
        await post(door, rows(1))

        reply = (await door.get(f"{EVENTS}?rental_class=61852")).json()

        assert reply["data"]["suggestions"] == ["61825"]
        assert "61825" in reply["message"]


class TestStatus:
    async def test_tells_who_is_behind(self, door: Door) -> None:
        """Counts by kind and origin, and each reader with its lag and its process."""
        await post(door, rows(3))
        engine = open_engine(door.store_dsn)
        async with transaction(engine) as connection:
            await hold(connection, "demand/live", "worker-1", door.clock, 60)
            await save(connection, "demand/live", "worker-1", {"seq": 1}, door.clock)
        await engine.dispose()

        reply = (await door.get(f"{EVENTS}/status")).json()

        assert reply["data"]["arrived"] == [{"kind": "scan", "origin": "http", "last_hour": 3, "last_day": 3}]
        reader = reply["data"]["readers"][0]
        assert (reader["consumer"], reader["lag_events"], reader["held_by"]) == ("demand/live", 2, "worker-1")
        assert "Behind: demand/live." in reply["message"]


class TestDocument:
    async def test_shows_both_forms_with_examples_that_work(self, door: Door) -> None:
        """The merged document is valid, and what it gives as examples is taken, but for its dates."""
        document = (await door.client.get("/openapi.json")).json()

        validate(document)
        body = document["paths"][EVENTS]["post"]["requestBody"]["content"]
        assert set(body) == {"application/json", "application/x-ndjson"}
        examples = [(kind, one["value"]) for kind, told in BODY["content"].items() for one in told["examples"].values()]
        assert len(examples) == 3
        at = now()
        for kind, value in examples:
            example = value.encode() if isinstance(value, str) else orjson.dumps(value)
            for row in rows_in(example, kind):
                row["occurred_at"] = at
                reply = (await post(door, [row])).json()
                assert reply["success"], reply["error"]["details"]

    def test_no_body_is_no_json(self) -> None:
        """A body that is not there is told like a broken one."""
        with pytest.raises(InvalidParameters):
            rows_in(b"", "")


class TestCommand:
    async def post_file(self, door: Door, file: Path, *more: str) -> Any:
        """Run `rfid3 events post` against the gateway."""
        arguments = ["post", str(file), "--url", door.url, "--key", door.client.headers["x-api-key"], *more]
        return await asyncio.to_thread(CliRunner().invoke, app, arguments)

    async def test_posts_files_of_every_kind(self, door: Door, tmp_path: Path) -> None:
        """NDJSON, an array, an object and CSV: the same events, so only the first are new."""
        sent = rows(2_300)
        (tmp_path / "a.ndjson").write_bytes(b"\n".join(map(orjson.dumps, sent)))
        (tmp_path / "b.json").write_bytes(orjson.dumps(sent))
        (tmp_path / "c.json").write_bytes(orjson.dumps({"events": sent}))
        names = list(sent[0])
        (tmp_path / "d.csv").write_text(
            "\n".join([",".join(names), *(",".join(str(row[name]) for name in names) for row in sent)])
        )

        outcomes = [await self.post_file(door, tmp_path / name) for name in ("a.ndjson", "b.json", "c.json", "d.csv")]

        assert [outcome.exit_code for outcome in outcomes] == [0] * 4
        assert "2,300 of 2,300 events are new" in outcomes[0].output
        assert all("0 of 2,300 events are new; 2,300 were known" in " ".join(one.output.split()) for one in outcomes[1:])

    async def test_names_the_line_of_what_was_refused(self, door: Door, tmp_path: Path) -> None:
        """Exit code 1, and the others are kept; also where a whole batch is bad."""
        file = tmp_path / "events.ndjson"
        broken = [b"{}"] * 1_000
        file.write_bytes(b"\n".join([*map(orjson.dumps, rows(1_001)), b"", b'{"event_id": ', *broken]))

        outcome = await self.post_file(door, file)

        assert outcome.exit_code == 1
        assert "1,001 of 2,002 events are new" in outcome.output
        assert "row 1003 is no JSON" in outcome.output
        assert (await door.get(EVENTS)).json()["data"]["total"] == 1_001

    @pytest.mark.parametrize(
        ("name", "content"), [("x.json", b"7"), ("x.ndjson", b"a line"), ("missing.json", None), ("x.csv.gz", b"no gzip")]
    )
    async def test_a_file_that_cannot_be_read(self, door: Door, tmp_path: Path, name: str, content: bytes | None) -> None:
        """Exit code 2, in plain words."""
        if content is not None:
            (tmp_path / name).write_bytes(content)

        outcome = await self.post_file(door, tmp_path / name)

        assert outcome.exit_code == 2
        assert "Traceback" not in outcome.output

    async def test_a_key_that_may_not(self, door: Door, tmp_path: Path) -> None:
        """The gateway's own words, exit code 2."""
        (tmp_path / "x.ndjson").write_bytes(orjson.dumps(rows(1)[0]))
        _, key = await door.new_key("read")

        outcome = await self.post_file(door, tmp_path / "x.ndjson", "--key", key)

        assert outcome.exit_code == 2
        assert "lacks the scope" in " ".join(outcome.output.split())

    async def test_lists_and_tells_how_things_stand(self, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        """From the store itself, whether a gateway runs or not."""
        await post(door, rows(2))
        monkeypatch.setenv("RFID3_STORE_URL", door.store_dsn)
        monkeypatch.setenv("COLUMNS", "160")

        listed, status = [await asyncio.to_thread(CliRunner().invoke, app, [word]) for word in ("list", "status")]

        assert (listed.exit_code, status.exit_code) == (0, 0)
        assert listed.output.index("TAG1") < listed.output.index("TAG0")
        assert "The newest event has the number 2" in status.output


async def test_nobody_is_there(tmp_path: Path) -> None:
    """A gateway that does not run is told in plain words, exit code 2."""
    (tmp_path / "x.ndjson").write_bytes(orjson.dumps(rows(1)[0]))

    outcome = await asyncio.to_thread(
        CliRunner().invoke, app, ["post", str(tmp_path / "x.ndjson"), "--url", "http://127.0.0.1:1", "--key", "k"]
    )

    assert outcome.exit_code == 2
    assert "cannot be reached" in " ".join(outcome.output.split())
