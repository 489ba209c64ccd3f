"""The documentation page works on a machine without the internet, and gives nobody else a way in."""

import gzip
import re

import pytest
from doorway import Door

from rfid3_gateway import docs
from rfid3_gateway.dashboard.routes import ROUTES


class TestPage:
    async def test_everything_it_loads_is_here(self, door: Door) -> None:
        """Each file the page names is served by the gateway itself, non-empty and of the right kind."""
        page = await door.get("/docs")
        assert page.status_code == 200
        named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert {"/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/start.js"} <= set(named)

        for path in (path for path in named if not path.startswith("data:")):
            reply = await door.get(path)
            assert reply.status_code == 200, path
            assert len(reply.content) > 50, path

    async def test_names_nothing_outside(self, door: Door) -> None:
        """Neither the page nor its start script names another host, and the policy forbids the browser to go there."""
        page = await door.get("/docs")
        script = await door.get("/docs/start.js")

        assert not re.search(r"(https?:)?//[a-z0-9.-]+\.[a-z]{2,}", page.text + script.text.split("\n", 1)[1])
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        assert "script-src 'self';" in policy

    async def test_the_start_page_leads_there(self, door: Door) -> None:
        """Whoever opens the bare address finds the documentation."""
        assert (await door.get("/", follow_redirects=True)).url.path == "/docs"


class TestProxy:
    async def test_leads_each_call_of_the_page_to_its_route_and_no_other(self, door: Door) -> None:
        """The shipped nginx lines, taken at their word: which paths they match, with which method, and where these are sent."""
        reply = await door.get(f"/docs/{docs.PROXY}")
        blocks = re.findall(r"^location ~ (\S+) \{\n(.*?)^\}", reply.text, re.MULTILINE | re.DOTALL)

        sent = {}
        for pattern, block in blocks:
            (method,), ((old, new),) = re.findall(r"limit_except (\w+)", block), re.findall(r"rewrite (\S+) (\S+) break", block)
            for called in re.findall(r"[a-z-]+/[a-z-]+", pattern.partition("(")[2]):
                path = f"/api/predictive/{called}"
                assert re.search(pattern, path)
                sent[re.sub(old, new.replace("$", "\\"), path)] = method
            assert not re.search(pattern, "/api/predictive/jobs")
            assert "include /etc/nginx/rfid3-key.conf;" in block

        assert reply.headers["content-type"].startswith("text/plain")
        assert sent == {route.template: "POST" if route.template.endswith("/fetch") else "GET" for route in ROUTES}


class TestAsset:
    @pytest.mark.parametrize("name", [*docs.ASSETS, "index.html"])
    def test_the_short_form_is_the_same_file(self, name: str) -> None:
        """What is sent compressed unpacks to what is sent plain."""
        asset = docs.asset(name)

        assert gzip.decompress(asset.zipped) == asset.content

    @pytest.mark.parametrize("name", ["../app.py", "favicon-32x32.png", "/etc/passwd", ""])
    def test_gives_out_nothing_else(self, name: str) -> None:
        """Only the page's own files can be named."""
        with pytest.raises(FileNotFoundError):
            docs.asset(name)
