"""A process whose store is out of reach: records predictions, says when they are in its file, and waits to be killed."""

import asyncio
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine
from rfid3_shared.ledger import Prediction, Recorder


def prediction(number: int) -> Prediction:
    return Prediction(
        prediction_type="demand", prediction_date=date(2026, 3, 9) + timedelta(weeks=number), horizon_days=7 * number,
        predicted_value=number, model_version="demand_v1", model_type="ensemble", created_at=datetime(2026, 3, 2, tzinfo=UTC),
    )  # fmt: skip


async def main(folder: Path, rows: int) -> None:
    engine = open_engine("mysql://nobody@127.0.0.1:1/none")
    recorder = Recorder(engine, folder, Clock(), batch_wait_s=0.02)
    await recorder.start()
    recorder.record([prediction(number) for number in range(rows)])
    while sum(path.read_bytes().count(b"\n") for path in folder.glob("*.jsonl")) < rows:
        await asyncio.sleep(0.02)
    sys.stderr.write("spilled\n")
    await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
