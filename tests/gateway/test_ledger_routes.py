"""The ledger over HTTP: what was predicted and what became of it, opinions with an author, alerts with an end."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from doorway import Door
from ledgerlife import ONE, week
from openapi_spec_validator import validate
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_gateway.openapi import operations
from rfid3_shared.clock import FixedClock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.ledger import Outcome, Target, analytics_predictions, score, write_outcomes
from rfid3_shared.monitor import raise_alert

PREDICTIONS, ALERTS = "/api/predictive/predictions", "/api/predictive/alerts"
CLOCK = FixedClock(datetime(2026, 3, 20, 9, 30, tzinfo=UTC))
CLASS = week(1, target_item_id="c1", target_category="")
SHADOW = replace(ONE, role="shadow")
EVERY = [ONE, SHADOW, CLASS]


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


@pytest.fixture
async def store(door: Door) -> Any:
    """The gateway's store, with three predictions, two of them scored, and an open alert."""
    engine = open_engine(door.store_dsn)
    async with transaction(engine) as connection:
        await connection.execute(insert(analytics_predictions), [row.as_row() for row in EVERY])
        target = Target("", ONE.target_category, ONE.store, ONE.prediction_date)
        await write_outcomes(connection, "demand", [Outcome(target, 10.0)], CLOCK)
        await raise_alert(
            connection, service="demand", monitor="coverage", subject="all", level="warning", message="Intervals hold too rarely.",
            evidence={"weeks": 6}, model_version="demand_v1", clock=CLOCK,
        )  # fmt: skip
    await score(engine, "demand", CLOCK, Silent())
    yield engine
    await engine.dispose()


@pytest.fixture
async def decider(door: Door) -> dict[str, str]:
    """The header of a key that may decide."""
    return {"x-api-key": (await door.new_key("decide", "read"))[1]}


async def count(engine: AsyncEngine, table: str) -> int:
    async with transaction(engine) as connection:
        return int((await connection.execute(text(f"SELECT COUNT(*) FROM {table}"))).scalar_one())


class TestPredictions:
    async def test_lists_newest_first_in_pages(self, door: Door, store: AsyncEngine) -> None:
        """Each page says how many there are and where the next one begins."""
        first = (await door.get(f"{PREDICTIONS}?limit=2")).json()["data"]
        second = (await door.get(f"{PREDICTIONS}?limit=2&offset={first['next_offset']}")).json()["data"]

        ids = [row["prediction_id"] for row in first["predictions"] + second["predictions"]]
        assert ids == [row.id for row in reversed(EVERY)]
        assert (first["total"], first["next_offset"], second["total"], second["next_offset"]) == (3, 2, 3, None)

    async def test_filters(self, door: Door, store: AsyncEngine) -> None:
        """Only what has every property asked for."""
        wanted = {
            "role=shadow": [SHADOW], "scored=true&role=shown": [ONE], "scored=false": [CLASS], "item=c1": [CLASS],
            "category=Round%20Linen&role=shown": [ONE], "store=9": [], "prediction_type=pricing": [],
            "since=2026-03-16": [CLASS], "until=2026-03-09&role=shown": [ONE],
        }  # fmt: skip
        for query, rows in wanted.items():
            found = (await door.get(f"{PREDICTIONS}?{query}")).json()["data"]

            assert [row["prediction_id"] for row in found["predictions"]] == [row.id for row in rows], query
            assert found["total"] == len(rows)

    async def test_typing_errors_are_told(self, door: Door) -> None:
        """422 with the parameter, not an empty list."""
        for query in ("sored=true", "limit=0", "limit=5000", "since=yesterday", "prediction_type=demnad"):
            reply = await door.get(f"{PREDICTIONS}?{query}")

            assert reply.status_code == 422
            assert reply.json()["error"]["details"]["problems"][0]["parameter"] == query.partition("=")[0]

    async def test_one_comes_with_outcome_score_and_opinions(self, door: Door, store: AsyncEngine) -> None:
        """Everything known of a prediction in one answer; null where nothing is."""
        await door.client.post(f"{PREDICTIONS}/{ONE.id}/feedback", json={"rating": 4})
        found = (await door.get(f"{PREDICTIONS}/{ONE.id}")).json()["data"]
        waiting = (await door.get(f"{PREDICTIONS}/{CLASS.id}")).json()["data"]

        assert found["outcome"] == {"actual_value": 10.0, "known_at": "2026-03-20T09:30:00.000Z", "restated": 0}
        assert (found["score"]["error"], found["score"]["inside_interval"]) == (2.3456, True)
        assert [(one["rating"], one["given_by"]) for one in found["feedback"]] == [(4, door.key_id)]
        assert (found["feedback_rating"], found["feedback_total"]) == (4, 1)
        assert (waiting["outcome"], waiting["score"], waiting["feedback"]) == (None, None, [])

    async def test_an_unknown_one_may_be_too_new(self, door: Door, store: AsyncEngine) -> None:
        """404 that says so."""
        reply = await door.get(f"{PREDICTIONS}/{'0' * 32}")

        assert reply.status_code == 404
        assert "try again" in reply.json()["error"]["message"]

    async def test_needs_a_key(self, door: Door) -> None:
        """What was predicted is nobody else's business."""
        del door.client.headers["x-api-key"]

        assert [(await door.get(path)).status_code for path in (PREDICTIONS, f"{PREDICTIONS}/x", ALERTS)] == [401, 401, 401]

    async def test_a_store_out_of_reach_is_503(self, door: Door, store: AsyncEngine) -> None:
        """Not a 500: it can be tried again."""
        async with transaction(store) as connection:
            await connection.execute(text("ALTER TABLE analytics_predictions RENAME TO elsewhere"))

        assert (await door.get(PREDICTIONS)).status_code == 503

    async def test_is_documented(self, door: Door) -> None:
        """The document is valid and knows the operations."""
        document = (await door.get("/openapi.json")).json()

        validate(document)
        named = {operation.get("operationId") for _, _, operation in operations(document)}
        assert {"list_predictions", "get_prediction", "give_feedback", "list_alerts", "close_alert"} <= named


class TestFeedback:
    async def test_a_reader_may_rate(self, door: Door, store: AsyncEngine) -> None:
        """201 with what was kept, by the id of the key, not the name of its owner."""
        reply = await door.client.post(f"{PREDICTIONS}/{ONE.id}/feedback", json={"rating": 5, "reason": "it came true"})

        data = reply.json()["data"]
        assert (reply.status_code, data["rating"], data["reason"], data["given_by"]) == (201, 5, "it came true", door.key_id)
        assert await count(store, "prediction_feedback") == 1

    async def test_an_override_needs_the_scope_and_a_reason(
        self, door: Door, store: AsyncEngine, decider: dict[str, str]
    ) -> None:
        """403 without the scope decide, 422 without a reason, 201 with both."""
        path = f"{PREDICTIONS}/{ONE.id}/feedback"
        replies = [
            await door.client.post(path, json={"override_value": 15, "reason": "wedding"}),
            await door.client.post(path, json={"override_value": 15}, headers=decider),
            await door.client.post(path, json={"override_value": 15, "reason": "wedding"}, headers=decider),
        ]

        assert [reply.status_code for reply in replies] == [403, 422, 201]
        assert replies[0].json()["error"]["details"]["required_scope"] == "decide"
        assert await count(store, "prediction_feedback") == 1

    async def test_what_says_nothing_is_refused(self, door: Door, store: AsyncEngine) -> None:
        """422 in the envelope, and nothing is kept."""
        bodies = [
            "", "{}", "[]", "{", '{"rating": 0}', '{"rating": 6}', '{"rating": 4.5}', '{"rating": "4"}', '{"rating": true}',
            '{"rating": 4, "by": "me"}', '{"override_value": NaN, "reason": "x"}', f'{{"rating": 4, "reason": "{"x" * 501}"}}',
        ]  # fmt: skip
        for body in bodies:
            reply = await door.client.post(
                f"{PREDICTIONS}/{ONE.id}/feedback", content=body, headers={"content-type": "application/json"}
            )

            assert (reply.status_code, reply.json()["error"]["code"]) == (422, "INVALID_PARAMETERS"), body
        assert await count(store, "prediction_feedback") == 0

    async def test_about_nothing_is_not_found(self, door: Door, store: AsyncEngine) -> None:
        """404 for an id that is not recorded."""
        reply = await door.client.post(f"{PREDICTIONS}/{'0' * 32}/feedback", json={"rating": 3})

        assert (reply.status_code, await count(store, "prediction_feedback")) == (404, 0)


class TestAlerts:
    async def test_lists_open_ones(self, door: Door, store: AsyncEngine) -> None:
        """What is wrong now, with its evidence; nothing for a service without alerts."""
        found = (await door.get(ALERTS)).json()["data"]
        none = (await door.get(f"{ALERTS}?service=pricing")).json()["data"]

        assert [(alert["monitor"], alert["evidence"], alert["open"]) for alert in found["alerts"]] == [
            ("coverage", {"weeks": 6}, True)
        ]
        assert (found["total"], found["next_offset"], none["alerts"], none["total"]) == (1, None, [], 0)

    async def test_the_health_report_shows_them(self, door: Door, store: AsyncEngine) -> None:
        """Whoever looks at the suite's health learns what the monitors found, since when, and where to look."""
        data = (await door.get("/api/predictive/health")).json()["data"]

        shown = {"level": "warning", "component": "demand/coverage", "message": "Intervals hold too rarely."}
        assert {**shown, "timestamp": "2026-03-20T09:30:00.000Z"} in data["alerts"]
        assert any("/api/predictive/alerts" in advice for advice in data["recommendations"])

    async def test_closing_needs_the_scope_and_a_reason(self, door: Door, store: AsyncEngine, decider: dict[str, str]) -> None:
        """403, 422, 200, and 409 the second time; a closed one is listed only when asked for."""
        number = (await door.get(ALERTS)).json()["data"]["alerts"][0]["id"]
        path, why = f"{ALERTS}/{number}/close", {"reason": "retrained by hand"}
        replies = [
            await door.client.post(path, json=why),
            await door.client.post(path, json={}, headers=decider),
            await door.client.post(path, json=why, headers=decider),
            await door.client.post(path, json=why, headers=decider),
            await door.client.post(f"{ALERTS}/999/close", json=why, headers=decider),
        ]

        assert [reply.status_code for reply in replies] == [403, 422, 200, 409, 404]
        assert (await door.get(ALERTS)).json()["data"]["total"] == 0
        (closed,) = (await door.get(f"{ALERTS}?open_only=false")).json()["data"]["alerts"]
        assert (closed["open"], closed["closed_reason"]) == (False, "retrained by hand")
        assert date.fromisoformat(closed["closed_at"][:10])
