"""Many processes that start at the same moment: each makes sure of the store's schema; one line a process, "ok" or the fault."""

import asyncio
import os
import sys

from rfid3_shared.db import open_engine
from rfid3_shared.migrate import NEWEST, ensure_schema, read_revision


async def start(dsn: str) -> None:
    engine = open_engine(dsn)
    await ensure_schema(engine)
    assert await read_revision(engine) == NEWEST
    await engine.dispose()


def main(dsn: str, count: int) -> None:
    waiting, starting = os.pipe()
    children = []
    for _ in range(count):
        if not (child := os.fork()):
            os.close(starting)
            os.read(waiting, 1)  # until the parent closes its end: all begin together
            try:
                asyncio.run(start(dsn))
                said = "ok"
            except Exception as fault:  # noqa: BLE001 - told to the test
                said = f"{type(fault).__name__}: {fault}"
            os.write(1, f"{said}\n".encode())
            os._exit(0)
        children.append(child)
    os.close(starting)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
