"""Is any job lost or done twice when everything is killed at random? A short run of `make chaos`."""

import pytest

from bench.havoc import arena


class TestHavoc:
    @pytest.mark.parametrize("seed", [1])
    async def test_no_job_is_lost_and_none_done_twice(self, seed: int) -> None:
        """Workers, their work, Redis and (where installed) MariaDB are killed; every job succeeds and publishes exactly once."""
        async with arena(seed) as havoc:
            toll = await havoc.run(12, lambda words: None)

        assert toll.kills.keys() >= {"worker", "redis"}
        assert (toll.lost, toll.twice) == (0, 0)
        assert toll.succeeded >= toll.asked > 0
