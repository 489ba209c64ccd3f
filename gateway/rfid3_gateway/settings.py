"""Which knobs does the gateway have besides the common ones?"""

from pathlib import Path

from pydantic import Field

from rfid3_shared.settings import Settings


class GatewaySettings(Settings):
    """Settings of the gateway. Upstreams of one service: RFID3_UPSTREAM_<SERVICE>, comma-separated URLs or `unix:/path`."""

    topology: Path | None = None
    """The topology file; unset = `deploy/topology.toml` below the working folder, else the one of this source tree."""
    access_log_ratio: float = Field(0.0, ge=0, le=1)
    """Share of good requests that get a log line; failed ones (5xx) always get one."""
    drain_timeout_s: float = Field(10.0, ge=0)
    """Longest wait at shutdown for requests that are still being answered."""
    catalogue_refresh_s: float = Field(30.0, gt=0)
    """Seconds between two looks at the services' own OpenAPI documents."""
    buffer_bytes: int = Field(65_536, ge=0)
    """Answers up to this size are passed on in one piece, larger ones as they arrive."""

    @property
    def topology_file(self) -> Path:
        """Where the topology is read from."""
        here = Path("deploy/topology.toml")
        return self.topology or (here if here.exists() else Path(__file__).parents[2] / here)
