"""The longest prefix decides the way, the topology the class, and what is not there is answered with what is near."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_gateway.own_routes import ROUTES
from rfid3_gateway.routing import RouteTable, Service, read_topology
from rfid3_gateway.settings import GatewaySettings
from rfid3_shared.errors import NotFound

TOPOLOGY = Path(__file__).parents[2] / "deploy" / "topology.toml"


def service(name: str, *prefixes: str, rate_class: str = "RT", **classes: str) -> Service:
    return Service(name, prefixes, ("http://127.0.0.1:1",), rate_class, classes)


@pytest.fixture
def table() -> RouteTable:
    demand = Service("demand", ("/api/predictive/demand",), (), "RT", {"/api/predictive/demand/retrain": "TRAIN"})
    quality = Service("quality", ("/api/predictive/quality",), (), "RT", {"/api/predictive/quality/{item}/sweep": "BATCH"})
    inner = service("inner", "/api/predictive/demand/inner")
    return RouteTable([demand, quality, inner], ROUTES)


class TestReadTopology:
    def test_the_shipped_topology_leads_to_demand(self) -> None:
        """The file in deploy/ is read as it is; retraining counts as TRAIN, forecasts as RT."""
        table = RouteTable(read_topology(TOPOLOGY, {}), ROUTES)

        assert table.match("/api/predictive/demand/forecast").rate_class == "RT"
        assert table.match("/api/predictive/demand/retrain").rate_class == "TRAIN"

    def test_the_environment_replaces_upstreams(self) -> None:
        """RFID3_UPSTREAM_<SERVICE> is a comma-separated list that takes the file's place."""
        environ = {"RFID3_UPSTREAM_DEMAND": "http://127.0.0.1:1, unix:/run/demand.sock"}

        (demand, *_) = (found for found in read_topology(TOPOLOGY, environ) if found.name == "demand")

        assert demand.upstreams == ("http://127.0.0.1:1", "unix:/run/demand.sock")

    def test_a_path_may_have_its_own_deadline_and_body_size(self) -> None:
        """The shipped file gives own series a longer wait and a larger body; other paths keep to the settings."""
        table = RouteTable(read_topology(TOPOLOGY, {}), ROUTES)

        adhoc, forecast = (table.match(f"/api/predictive/demand/{path}") for path in ("forecast/adhoc", "forecast"))
        assert (adhoc.deadline_s, adhoc.body_bytes, adhoc.rate_class) == (32.0, 12_000_000, "BATCH")
        assert (forecast.deadline_s, forecast.body_bytes) == (None, None)

    @pytest.mark.parametrize(
        "text",
        [
            '[services.x]\nprefixes = ["/x"]\nclass = "FAST"',
            "[services.x]\nprefixes = []",
            '[services.x]\nprefix = "/x"',
            '[services.x]\nprefixes = ["/x"]\n[services.x.paths]\n"/y" = {deadline_s = 0}',
            '[services.x]\nprefixes = ["/x"]\n[services.x.paths]\n"/y" = {body_bytes = -1}',
        ],
    )
    def test_refuses_what_makes_no_sense(self, text: str, tmp_path: Path) -> None:
        """An unknown class or a service no path leads to is an error at start, not at the first request."""
        path = tmp_path / "topology.toml"
        path.write_text(text)

        with pytest.raises(ValueError, match="service x"):
            read_topology(path, {})

    def test_a_service_needs_its_upstreams_only(self, tmp_path: Path) -> None:
        """Its name says the prefix, and its own /retrain counts as TRAIN; paths are named below the prefix."""
        path = tmp_path / "topology.toml"
        path.write_text(
            '[services.packs]\nupstreams = ["http://127.0.0.1:1"]\n[services.packs.paths]\n"/all" = {class = "BATCH"}\n'
        )
        table = RouteTable(read_topology(path, {}))

        found = {below: table.match(f"/api/predictive/packs{below}").rate_class for below in ("/one", "/retrain", "/all")}
        assert found == {"/one": "RT", "/retrain": "TRAIN", "/all": "BATCH"}

    def test_is_found_from_anywhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Started outside the source tree, the gateway still finds the topology that belongs to its code."""
        monkeypatch.chdir(tmp_path)

        assert GatewaySettings().topology_file.resolve() == TOPOLOGY.resolve()


class TestMatch:
    def test_longest_prefix_wins(self, table: RouteTable) -> None:
        """A prefix inside another one's takes its own paths only."""
        assert table.match("/api/predictive/demand/inner/x").service == "inner"
        assert table.match("/api/predictive/demand/innermost").service == "demand"
        assert table.match("/api/predictive/demand").service == "demand"

    def test_a_prefix_ends_at_a_slash(self, table: RouteTable) -> None:
        """`/demandx` is not below `/demand`."""
        with pytest.raises(NotFound):
            table.match("/api/predictive/demandx/forecast")

    def test_classes_may_name_templates(self, table: RouteTable) -> None:
        """A class given for a path with a placeholder holds for every value of it, whatever the service calls it."""
        table.learn({"quality": ["/api/predictive/quality/{item_id}/sweep"]})

        route = table.match("/api/predictive/quality/A17/sweep")

        assert (route.rate_class, route.scopes) == ("BATCH", ("read",))

    @pytest.mark.parametrize("path", ["/api/predictive/demand/../x", "//api/predictive/demand", "/api/predictive/demand/./x"])
    def test_refuses_paths_that_can_be_read_two_ways(self, table: RouteTable, path: str) -> None:
        """Dot segments and doubled slashes are forwarded to nobody."""
        with pytest.raises(NotFound):
            table.match(path)

    def test_suggests_what_is_near(self, table: RouteTable) -> None:
        """A slip of the pen is answered with the path that was meant."""
        table.learn({"demand": ["/api/predictive/demand/forecast"]})

        with pytest.raises(NotFound) as fault:
            table.match("/api/predictive/demnad/forcast")

        assert fault.value.details["suggestion"] == "/api/predictive/demand/forecast"

    @given(st.text(max_size=300))
    def test_labels_stay_few(self, tail: str) -> None:
        """Whatever is asked for below a prefix, metrics see one of the known templates."""
        table = RouteTable([service("demand", "/api/predictive/demand")])
        table.learn({"demand": ["/api/predictive/demand/forecast", "/api/predictive/demand/items/{item_id}"]})
        known = {"/api/predictive/demand/forecast", "/api/predictive/demand/items/{item_id}", "/api/predictive/demand/*"}

        try:
            assert table.match("/api/predictive/demand/" + tail).template in known
        except NotFound:
            assert "//" in "/" + tail or "/." in "/" + tail
