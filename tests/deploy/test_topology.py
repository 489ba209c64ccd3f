"""The topology file, as deploy reads it."""

from pathlib import Path

import pytest

from rfid3_demand.settings import DemandSettings
from rfid3_deploy.topology import read_topology

ROOT = Path(__file__).parents[2]


class TestReadTopology:
    def test_the_projects_own_file_names_services_that_exist(self) -> None:
        """Each service of deploy/topology.toml is an installed package with settings of its own; none in services/ is forgotten."""
        services = read_topology()

        assert sorted(service.name for service in services) == sorted(
            path.parent.name for path in ROOT.glob("services/*/pyproject.toml")
        )
        assert all(type(service.settings()).__module__ == f"{service.package}.settings" for service in services)
        assert isinstance(services[0].settings(), DemandSettings)
        assert services[0].upstream_variable == "RFID3_UPSTREAM_DEMAND"

    def test_refuses_a_service_without_a_port(self, tmp_path: Path) -> None:
        """Without a TCP upstream nobody could say where the service should listen."""
        file = tmp_path / "topology.toml"
        file.write_text('[services.packs]\nupstreams = ["unix:/x.sock"]\n')

        with pytest.raises(ValueError, match="packs"):
            read_topology(file)
