"""What do the jobs and workers of `make chaos` do? The jobs publish, each one version, and can be killed at any moment of it.

`python -m bench.chaos_work` is a worker; settings come from the environment.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from rfid3_shared.jobs import BATCH, INTERACTIVE, Progress
from rfid3_shared.jobs.nursery import Nursery
from rfid3_shared.jobs.worker import run_worker
from rfid3_shared.log import configure_logging
from rfid3_shared.registry.gate import Verdict
from rfid3_shared.resources import open_resources
from rfid3_shared.settings import Settings

SERVICE = "chaos"
KINDS = {f"publish_{number:02d}": "bench.chaos_work:publish" for number in range(12)}
"""At most one job of a kind is active, so there are several kinds."""
LANES = {kind: (BATCH, INTERACTIVE)[number % 2] for number, kind in enumerate(KINDS)}
"""Half of them are of either lane: a worker runs one of each side by side."""
STEPS, STEP_S = 6, 0.05


async def publish(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Publish one version and make it the champion; the process shows itself as a file `running/<pid>` meanwhile."""
    running = settings.home / "running" / str(os.getpid())
    running.parent.mkdir(parents=True, exist_ok=True)
    running.touch()
    try:
        async with open_resources(settings) as held:
            for step in range(STEPS):
                progress.report("working", step, STEPS)
                await asyncio.sleep(STEP_S)
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "model.txt").write_text(f"number {arguments['number']}")
                version = await held.registry.publish(
                    SERVICE, Path(folder), model_type="chaos", metrics={"number": arguments["number"]}, data_from=None,
                    data_to=None, parameters={}, trained_at=held.clock.now(), job_id=arguments["job_id"],
                )  # fmt: skip
            version = await held.registry.settle(version, Verdict("champion", "chaos", {}), by=f"job {arguments['job_id']}")
        return {"model_version": version.model_version, "state": version.state}
    finally:
        running.unlink(missing_ok=True)


def main() -> int:
    """Run a worker until it is killed."""
    configure_logging("chaos-worker")
    nursery = Nursery.fork()
    asyncio.run(run_worker(Settings(), service=SERVICE, kinds=KINDS, nursery=nursery))
    return 0


if __name__ == "__main__":
    sys.exit(main())
