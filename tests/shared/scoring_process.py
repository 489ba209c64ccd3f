"""A process that scores the demand predictions of a store, a few rows at a time, and says how far it is."""

import asyncio
import sys
from importlib import import_module

from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine
from rfid3_shared.ledger import score


class Said:
    """Progress on standard error, a line each."""

    def report(self, stage: str, done: int, total: int) -> None:
        sys.stderr.write(f"{done}\n")
        sys.stderr.flush()


async def main(dsn: str) -> None:
    engine = open_engine(dsn)
    print(await score(engine, "demand", Clock(), Said()))
    await engine.dispose()


if __name__ == "__main__":
    import_module("rfid3_shared.ledger.score").BATCH_ROWS = 50  # type: ignore[attr-defined]
    asyncio.run(main(sys.argv[1]))
