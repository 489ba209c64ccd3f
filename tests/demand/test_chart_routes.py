"""Are the pictures true images of what was asked, with words for those who cannot see them?"""

import struct
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from servedlife import DEMAND, ledger, served

from rfid3_demand.settings import DemandSettings
from rfid3_demand.snapshot import Snapshot

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> DemandSettings:
    return DemandSettings(home=tmp_path, redis_url=redis_url)


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height in a PNG's header."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


class TestPictures:
    async def test_a_png_has_the_size_asked_for_and_is_kept(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """Signature, width and height; the same question gives the same bytes; If-None-Match spares them; its numbers are written."""
        path = f"{DEMAND}/forecast.png?rental_class=61825&width=640&height=400&dpi=50"
        async with served(settings, snapshot) as (client, app):
            first = await client.get(path)
            held = await client.get(path, headers={"if-none-match": f'"other", {first.headers["etag"]}'})
            app.state.resources.cache._memory.clear()
            await app.state.resources.redis.flushall()
            again = await client.get(path)
            told = (await client.get(f"{DEMAND}/forecast?rental_class=61825")).json()["data"]["predictions"]
        written = await ledger(settings)

        assert (first.status_code, first.headers["content-type"]) == (200, "image/png")
        assert size_of(first.content) == (320, 200)
        assert first.headers["cache-control"].startswith("private")
        assert (held.status_code, held.content) == (304, b"")
        assert again.content == first.content
        assert again.headers["etag"] == first.headers["etag"]
        assert "33 units" in first.headers["x-alt-text"]
        assert {week["prediction_id"] for week in told} == set(written)

    async def test_an_svg_says_in_words_what_it_shows(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """It parses; title, description, axes, bands and events are text; light and dark differ in colours only."""
        path = f"{DEMAND}/forecast.svg?category=Round%20Linen&history_weeks=10"
        async with served(settings, snapshot) as (client, _):
            light, dark = [await client.get(f"{path}&theme={theme}") for theme in ("light", "dark")]
        root = ElementTree.fromstring(light.text)

        words = " ".join("".join(text.itertext()) for text in root.iter(f"{SVG}text"))
        assert light.headers["content-type"].startswith("image/svg+xml")
        assert root.get("role") == "img"
        assert root.findtext(f"{SVG}title") == "Round Linen, all stores: units leaving per week, and the next 4 weeks"
        assert root.findtext(f"{SVG}desc") in light.headers["x-alt-text"]
        for said in (
            "units per week",
            "50% of outcomes",
            "80% of outcomes",
            "95% of outcomes",
            "can leave",
            "Independence Day",
        ):
            assert said in words, words
        assert len(dark.content) == pytest.approx(len(light.content), rel=0.02)
        assert dark.content != light.content

    @pytest.mark.parametrize("query", ["width=100", "height=9000", "dpi=1000", "theme=pink", "level=class", "weeks=0"])
    async def test_sizes_are_bounded(self, settings: DemandSettings, snapshot: Snapshot, query: str) -> None:
        """What cannot be drawn, or would be huge, is refused in the envelope."""
        async with served(settings, snapshot) as (client, _):
            reply = await client.get(f"{DEMAND}/forecast.png?{query}")

        assert (reply.status_code, reply.json()["error"]["code"]) == (422, "INVALID_PARAMETERS")

    async def test_one_week_and_no_past_are_a_picture_too(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """The smallest question is drawn."""
        async with served(settings, snapshot) as (client, _):
            reply = await client.get(f"{DEMAND}/forecast.png?weeks=1&history_weeks=0&width=400&height=280")

        assert reply.status_code == 200
        assert size_of(reply.content) == (400, 280)

    async def test_without_matplotlib_the_missing_part_is_named(
        self, settings: DemandSettings, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """503 in plain words, and where the numbers are."""
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        async with served(settings, snapshot) as (client, _):
            reply = await client.get(f"{DEMAND}/forecast.png")

        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "FEATURE_DISABLED")
        assert "rfid3-demand[charts]" in reply.json()["error"]["message"]
