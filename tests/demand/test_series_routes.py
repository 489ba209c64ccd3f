"""Does GET /demand/series say what the snapshot holds, of one series and of many, and write down what it shows?"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from servedlife import DEMAND, ledger, served

from rfid3_demand.model import diagnosis
from rfid3_demand.schemas import SeriesAnswer, SeriesPage
from rfid3_demand.settings import DemandSettings
from rfid3_demand.snapshot import Snapshot
from rfid3_shared import evaluate

SERIES = f"{DEMAND}/series"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> DemandSettings:
    return DemandSettings(home=tmp_path, redis_url=redis_url)


@pytest.fixture
def known(snapshot: Snapshot) -> Snapshot:
    """The snapshot, with refused and booked units, a class that began late, and names of past holidays."""
    refused, booked, history = (np.array(part) for part in (snapshot.refused, snapshot.booked, snapshot.history))
    refused[3, -1], booked[3, 0], history[3, :4] = 7.5, 11.0, np.nan
    named = [["Memorial Day"] if k == 15 else [] for k in range(history.shape[1])]
    notes = {"reconciliation": "bottom-up: the time limit was reached", "secret": 1}
    spec = replace(snapshot.spec, past_holiday_names=named, notes=notes)
    return replace(snapshot, spec=spec, refused=refused, booked=booked, history=history)


class TestOne:
    async def test_every_number_is_the_snapshots(self, settings: DemandSettings, known: Snapshot) -> None:
        """History, means, bands, stock, refused and booked units are the arrays' own, with null for what nobody knows."""
        async with served(settings, known) as (client, _):
            reply = await client.get(f"{SERIES}?rental_class=61825&weeks=8&confidence_level=0.9&history_weeks=18")
        data, meta = reply.json()["data"], reply.json()["meta"]

        SeriesAnswer.model_validate(data)
        row = 3
        assert data["series"] == {"level": "class", "name": "61825", "label": "61825", "store": "all"}
        assert [week["units"] for week in data["history"]] == [None, None, *map(float, range(4, 20))]
        assert [week["week_starting"] for week in data["history"][-2:]] == ["2025-06-16", "2025-06-23"]
        assert [week["refused_estimate"] for week in data["history"]] == [None] * 17 + [7.5]
        assert [week["events"] for week in data["history"] if week["events"]] == [["Memorial Day"]]
        assert [week["mean"] for week in data["forecast"]] == pytest.approx(known.means[0, row].tolist())
        levels = known.spec.levels
        for k, week in enumerate(data["forecast"]):
            assert [band["level"] for band in week["bands"]] == [0.9, 0.5]
            assert week["bands"][0]["lower"] == pytest.approx(float(known.quantiles[0, row, k, levels.index(0.05)]), abs=1e-3)
            assert week["bands"][1]["upper"] == pytest.approx(float(known.quantiles[0, row, k, levels.index(0.75)]), abs=1e-3)
            assert week["stock_available"] == 25
        assert [week["booked"] for week in data["forecast"]] == [11.0] + [None] * 7
        assert data["forecast"][0]["events"] == ["Independence Day"]
        assert data["week_in_progress"] == {"week_starting": "2025-06-30", "observed_so_far": 1.0, "share_ahead": 0.8}
        assert meta["reconciliation"].startswith("bottom-up")
        assert "secret" not in meta
        assert meta["sufficiency"] == "full"

    async def test_shows_the_forecast_that_forecast_shows(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """Means, ends and ids are those of GET /demand/forecast, so the ledger has each once."""
        query = "category=Round%20Linen&weeks=3"
        async with served(settings, snapshot) as (client, _):
            one = (await client.get(f"{SERIES}?{query}")).json()["data"]
            other = (await client.get(f"{DEMAND}/forecast?{query}")).json()["data"]
            again = (await client.get(f"{SERIES}?{query}")).json()
        written = await ledger(settings)

        weeks = [(w["prediction_id"], w["mean"], w["bands"][0]["lower"], w["bands"][0]["upper"]) for w in one["forecast"]]
        assert weeks == [
            (w["prediction_id"], w["predicted_demand"], w["confidence_lower"], w["confidence_upper"])
            for w in other["predictions"]
        ]
        assert written == {w["prediction_id"]: w["predicted_demand"] for w in other["predictions"]}
        assert one["advice"] == other["advice"]
        assert again["meta"]["cached"]

    async def test_tells_what_training_found_in_the_history(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """A shift put into one class is told with its week and ratio, by the series and once in its advice; nobody else's is."""
        history = np.random.default_rng(4).normal(40.0, 3.0, (len(snapshot.spec.nodes), 156))
        history[3, 140:] -= 24.0
        weeks = [snapshot.spec.first_week - timedelta(weeks=156 - k) for k in range(156)]
        found = diagnosis.diagnose(history, "1w", (52,))
        kept = [diagnosis.values(found, row, lambda at: str(weeks[at])) for row in range(len(history))]
        async with served(settings, replace(snapshot, spec=replace(snapshot.spec, diagnosis=kept))) as (client, _):
            one = (await client.get(f"{SERIES}?rental_class=61825")).json()["data"]
            other = (await client.get(f"{SERIES}?rental_class=61839")).json()["data"]

        SeriesAnswer.model_validate(one)
        (shift,) = one["diagnosis"]["level_shifts"]
        assert shift["at"] == str(weeks[140])
        assert shift["before"] == pytest.approx(history[3, :140].mean(), abs=0.5)
        assert shift["ratio"] == pytest.approx(0.4, abs=0.03)
        assert one["diagnosis"]["kind"] == evaluate.classify(history[3])
        assert f"from {weeks[140]} on" in one["diagnosis"]["text"]
        (told,) = [advice for advice in one["advice"] if advice["kind"] in ("level_shift", "trend")]
        assert told["numbers"]["ratio"] == shift["ratio"]
        assert told["text"].startswith(f"Since the week of {weeks[140]} about {shift['after']:.0f} of 61825 (class 61825)")
        assert other["diagnosis"]["level_shifts"] == []
        assert not [advice for advice in other["advice"] if advice["kind"] in ("level_shift", "trend")]

    async def test_a_version_that_kept_no_findings_says_null(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """A snapshot of before goes on answering."""
        async with served(settings, snapshot) as (client, _):
            data = (await client.get(f"{SERIES}?rental_class=61825")).json()["data"]

        assert data["diagnosis"] is None

    @pytest.mark.parametrize(
        ("query", "status", "fact"),
        [
            ("history_weeks=-1", 422, "history_weeks"),
            ("limit=5", 422, "only with level"),
            ("level=class&rental_class=61825", 422, "rental_class"),
            ("level=shelf", 422, "subcategory"),
            ("level=class&sort=size", 422, "stockout_risk"),
            ("level=class&limit=201", 422, "limit"),
            ("category=Tabels", 404, "Tables"),
            ("level=class&store=9", 404, "Fridley"),
            ("weeks=8&store=8101&category=all&level=all&min_stockout_probability=2", 422, "min_stockout_probability"),
        ],
    )
    async def test_wrong_questions_are_told_what_is_right(
        self, settings: DemandSettings, snapshot: Snapshot, query: str, status: int, fact: str
    ) -> None:
        """In the envelope, with the parameter or the names that exist."""
        async with served(settings, snapshot) as (client, _):
            reply = await client.get(f"{SERIES}?{query}")

        assert reply.status_code == status, reply.text
        assert fact in reply.text


class TestMany:
    async def test_a_page_lists_the_level_with_its_figures(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """Demand, change, risk and accuracy are worked out here by hand; the shown weeks are in the ledger."""
        async with served(settings, snapshot) as (client, _):
            data = (await client.get(f"{SERIES}?level=class&sort=demand&weeks=2")).json()["data"]
            single = (await client.get(f"{DEMAND}/forecast?rental_class=61825&weeks=2")).json()["data"]["predictions"]
        written = await ledger(settings)

        SeriesPage.model_validate(data)
        assert [(item["name"], item["demand"]) for item in data["items"]] == [("61825", 30 + 31), ("61839", 8)]
        first = data["items"][0]
        assert first["change"] == pytest.approx(61 / (18 + 19) - 1, abs=1e-4)
        assert first["stockout_risk"] == pytest.approx(0.05)
        assert first["accuracy"] == pytest.approx(1 - sum(range(12)) / sum(range(10, 22)), abs=1e-4)
        assert [week["prediction_id"] for week in first["forecast"]] == [week["prediction_id"] for week in single]
        assert written == {w["prediction_id"]: w["mean"] for item in data["items"] for w in item["forecast"]}
        assert (data["total"], data["next_offset"]) == (2, None)

    async def test_pages_filters_and_orders(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """Pages join up; filters keep what they say; names ascend, figures descend, unless told."""
        async with served(settings, snapshot) as (client, _):

            async def names(query: str) -> list[str]:
                reply = await client.get(f"{SERIES}?level=class&{query}")
                assert reply.status_code == 200, reply.text
                return [item["name"] for item in reply.json()["data"]["items"]]

            assert await names("sort=demand") == ["61825", "61839"]
            assert await names("sort=demand&order=asc") == ["61839", "61825"]
            assert await names("limit=1") + await names("limit=1&offset=1") == ["61825", "61839"]
            assert await names("offset=2") == []
            assert await names("min_demand=50") == ["61825"]
            assert await names("store=8101&min_stockout_probability=0.4") == ["61825"]
            assert await names("min_stockout_probability=0.4&store=3607") == []
            assert await names("search=39") == ["61839"]
            assert await names("category=Round%20Linen&store=3607") == ["61825"]
            nothing = (await client.get(f"{SERIES}?level=class&search=6184")).json()["data"]
            everything = (await client.get(f"{SERIES}?level=all&weeks=4")).json()["data"]

        assert (nothing["total"], nothing["items"]) == (0, [])
        assert "61839" in nothing["suggestions"]
        assert everything["items"][0]["name"] == "all"

    async def test_shows_no_more_weeks_than_a_history_supports(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """A series with a short honest horizon is listed with the weeks it has, and says how many those are."""
        async with served(settings, snapshot) as (client, _):
            item = (await client.get(f"{SERIES}?level=all&weeks=8")).json()["data"]["items"][0]

        assert item["supported_weeks"] == len(item["forecast"]) == 4
        assert item["demand"] == pytest.approx(sum(week["mean"] for week in item["forecast"]))


class TestSwitchedOff:
    async def test_a_flag_closes_every_way_to_a_forecast(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """Demand forecasting switched off: 503 FEATURE_DISABLED, for numbers, pictures, batches and own series alike."""
        off = settings.model_copy(update={"flags_off": "DEMAND_FORECASTING_ENABLED"})
        async with served(off, snapshot) as (client, _):
            replies = [await client.get(f"{DEMAND}/{path}") for path in ("series", "forecast.png", "forecast.svg")]
            replies += [await client.post(f"{DEMAND}/forecast/{path}", json={"queries": [{}]}) for path in ("batch", "adhoc")]

        assert [(reply.status_code, reply.json()["error"]["code"]) for reply in replies] == [(503, "FEATURE_DISABLED")] * 5
