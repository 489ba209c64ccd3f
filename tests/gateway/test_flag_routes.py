"""Flags over HTTP: everybody with a key may look, only an administrator may switch, and every change can be found again."""

import asyncio
from typing import Any

import httpx
import pytest
from doorway import Door, StartGateway
from fastapi import FastAPI
from sqlalchemy import text

from rfid3_shared.db import open_engine, transaction
from rfid3_shared.flags import Flag

PATH = "/api/predictive/flags"
MASTER, DEMAND = "PREDICTIVE_ANALYTICS_ENABLED", "DEMAND_FORECASTING_ENABLED"


@pytest.fixture
async def admin(door: Door) -> dict[str, str]:
    """The header of a key that may switch."""
    return {"x-api-key": (await door.new_key("admin"))[1]}


async def put(door: Door, name: str, headers: dict[str, str], **body: Any) -> httpx.Response:
    """Ask for a change."""
    return await door.client.put(f"{PATH}/{name}", json={"reason": "a test", **body}, headers=headers)


class TestLooking:
    async def test_every_flag_is_there_with_its_default(self, door: Door) -> None:
        """Ten flags, the master first, none in force before anybody switched one on."""
        reply = await door.get(PATH)

        found = reply.json()["data"]["flags"]
        assert [flag["name"] for flag in found] == [flag.value for flag in Flag]
        assert found[0]["is_master"]
        assert {flag["version"] for flag in found} == {0}
        assert not any(flag["in_force"] for flag in found)
        assert reply.headers["x-ratelimit-limit"] == "200"

    async def test_one_flag_by_name(self, door: Door) -> None:
        """Its state and why it is not in force."""
        data = (await door.get(f"{PATH}/{DEMAND}")).json()["data"]

        assert (data["name"], data["enabled"], data["off_because"]) == (DEMAND, False, "master off")

    async def test_an_unknown_name_gets_suggestions(self, door: Door) -> None:
        """404 with the names that look like it."""
        reply = await door.get(f"{PATH}/DEMAND_FORCASTING")

        assert (reply.status_code, reply.json()["error"]["details"]["suggestion"][0]) == (404, DEMAND)

    async def test_needs_a_key(self, door: Door) -> None:
        """What is switched on is nobody else's business."""
        del door.client.headers["x-api-key"]

        assert [(await door.get(path)).status_code for path in (PATH, f"{PATH}/{DEMAND}", f"{PATH}/audit")] == [401, 401, 401]

    async def test_goes_on_without_the_store(self, door: Door, admin: dict[str, str]) -> None:
        """The last known state, marked as such."""
        await put(door, MASTER, admin, enabled=True)
        engine = open_engine(door.store_dsn)
        async with transaction(engine) as connection:
            await connection.execute(text("ALTER TABLE feature_flags RENAME TO elsewhere"))
        await engine.dispose()

        reply = await door.get(f"{PATH}/{MASTER}")

        assert (reply.json()["data"]["enabled"], reply.json()["meta"]["fallback"]) == (True, True)
        assert reply.json()["meta"]["degraded"] == ["store"]


class TestSwitching:
    async def test_is_in_force_at_once_here_and_audited(self, door: Door, admin: dict[str, str]) -> None:
        """The answer and the next look agree; the audit names key, reason and request."""
        await put(door, MASTER, admin, enabled=True)
        headers = {**admin, "x-request-id": "switching-0001"}
        reply = await put(door, DEMAND, headers, enabled=True, percent=100, entities=["store:8101"], reason="phase E")

        data = reply.json()["data"]
        assert (reply.status_code, data["enabled"], data["version"], data["entities"]) == (200, True, 1, ["store:8101"])
        assert data["in_force"]
        assert (await door.get(f"{PATH}/{DEMAND}")).json()["data"] == data
        page = (await door.get(f"{PATH}/audit", params={"name": DEMAND})).json()["data"]
        assert page["total"] == 1
        entry = page["changes"][0]
        assert (entry["reason"], entry["request_id"], entry["before"]) == ("phase E", "switching-0001", None)
        assert entry["changed_by"] == data["updated_by"]
        assert entry["changed_by"].startswith("key:")

    async def test_tells_each_key_what_is_in_force_for_it(self, door: Door, admin: dict[str, str]) -> None:
        """In a roll-out by key one caller is in and another is not."""
        await put(door, MASTER, admin, enabled=True)
        await put(door, DEMAND, admin, enabled=True, percent=0, entities=[f"key:{door.key_id}"])

        theirs = (await door.get(f"{PATH}/{DEMAND}")).json()["data"]
        others = (await door.get(f"{PATH}/{DEMAND}", headers=admin)).json()["data"]

        assert (theirs["in_force"], theirs["off_because"]) == (True, None)
        assert (others["in_force"], others["off_because"]) == (False, "not in the roll-out")

    async def test_needs_the_scope_admin(self, door: Door) -> None:
        """A key that reads, trains or decides may not switch, and is told so before its body is judged."""
        for scope in ("read", "train", "decide"):
            _, key = await door.new_key("read", scope)
            reply = await door.client.put(f"{PATH}/{DEMAND}", json={"nonsense": 1}, headers={"x-api-key": key})

            assert (reply.status_code, reply.json()["error"]["code"]) == (403, "FORBIDDEN"), scope
        assert (await door.get(f"{PATH}/audit")).json()["data"]["total"] == 0

    @pytest.mark.parametrize(
        ("body", "parameter"),
        [
            ({"enabled": True, "reason": ""}, "reason"),
            ({"enabled": "yes"}, "enabled"),
            ({"percent": 101}, "percent"),
            ({"percent": -1}, "percent"),
            ({"entities": "store:8101"}, "entities"),
            ({"colour": "red"}, "colour"),
            ({"enabled": True, "expected_version": -1}, "expected_version"),
        ],
    )
    async def test_says_which_part_of_a_body_is_wrong(
        self, door: Door, admin: dict[str, str], body: dict[str, Any], parameter: str
    ) -> None:
        """422 that names the parameter; nothing is changed."""
        reply = await put(door, DEMAND, admin, **body)

        assert (reply.status_code, reply.json()["error"]["code"]) == (422, "INVALID_PARAMETERS")
        assert parameter in str(reply.json()["error"]["details"])
        assert (await door.get(f"{PATH}/audit")).json()["data"]["total"] == 0

    @pytest.mark.parametrize("body", [{}, {"entities": ["8101"]}])
    async def test_refuses_what_changes_nothing_or_names_nothing(
        self, door: Door, admin: dict[str, str], body: dict[str, Any]
    ) -> None:
        """A body without a change, or with an entity of no kind."""
        assert (await put(door, DEMAND, admin, **body)).status_code == 422

    async def test_two_who_looked_at_the_same_version(self, door: Door, admin: dict[str, str]) -> None:
        """The first wins; the second is told 409 with the version there is now."""
        first = await put(door, DEMAND, admin, enabled=True, expected_version=0)
        second = await put(door, DEMAND, admin, percent=10, expected_version=0)

        assert (first.status_code, second.status_code) == (200, 409)
        assert second.json()["error"]["details"]["version"] == 1

    async def test_a_body_too_large_is_refused(self, service: tuple[FastAPI, str], start_gateway: StartGateway) -> None:
        """The gateway's own routes take in no more than those it forwards to, announced or not."""
        door = await start_gateway({"demand": [service[1]]}, max_body_bytes=1000)
        headers = {"x-api-key": (await door.new_key("admin"))[1]}

        async def pieces():
            for _ in range(11):
                yield b" " * 100

        announced = await door.client.put(f"{PATH}/{DEMAND}", content=b" " * 1001, headers=headers)
        arriving = await door.client.put(f"{PATH}/{DEMAND}", content=pieces(), headers=headers)

        assert (announced.status_code, arriving.status_code) == (413, 413)

    async def test_under_load_no_request_is_lost(self, door: Door, admin: dict[str, str]) -> None:
        """While a flag goes on and off, every other request is answered."""
        stop = asyncio.Event()
        statuses: list[int] = []

        async def ask() -> None:
            while not stop.is_set():
                statuses.append((await door.get(f"{PATH}/{DEMAND}", headers=admin)).status_code)

        asking = [asyncio.create_task(ask()) for _ in range(2)]
        replies = [await put(door, DEMAND, admin, enabled=number % 2 == 0) for number in range(6)]
        stop.set()
        await asyncio.gather(*asking)

        assert {reply.status_code for reply in replies} == {200}
        assert replies[-1].json()["data"]["version"] == 6
        assert set(statuses) <= {200, 429}
        assert 200 in statuses


class TestAudit:
    async def test_comes_in_pages_with_a_total(self, door: Door, admin: dict[str, str]) -> None:
        """Newest first; limit and offset walk through all of it once."""
        for percent in range(5):
            await put(door, DEMAND, admin, percent=percent)

        seen = []
        for offset in (0, 2, 4):
            data = (await door.get(f"{PATH}/audit", params={"limit": 2, "offset": offset})).json()["data"]
            seen += [entry["version"] for entry in data["changes"]]
            assert data["total"] == 5
        assert seen == [5, 4, 3, 2, 1]

    async def test_refuses_an_unknown_flag_or_parameter(self, door: Door) -> None:
        """An empty page for a misspelt name would look like "never changed"."""
        assert (await door.get(f"{PATH}/audit", params={"name": "X"})).status_code == 404
        assert (await door.get(f"{PATH}/audit", params={"sort": "up"})).status_code == 422
