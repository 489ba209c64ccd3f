"""How is a prediction recorded without its request waiting for it?"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import ping
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.ledger.metrics import DROPPED, REPLAYED, SPILLED, WAITING
from rfid3_shared.ledger.prediction import Prediction
from rfid3_shared.ledger.spill import Spill, read
from rfid3_shared.ledger.write import write
from rfid3_shared.log import get_logger
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.tasks import end_tasks

BATCH_ROWS = 500
BATCH_WAIT_S = 1.0
RETRY_S = 2.0
CLOSE_TIMEOUT_S = 5.0
KNOWN_IDS = 20_000
SPILL_LIMIT_BYTES = 256 * 2**20
STORE_FAULTS = (StoreUnavailable, SQLAlchemyError, OSError, TimeoutError)
log = get_logger("ledger")


class Recorder:
    """Takes predictions into memory and writes them in batches; what the store does not take goes to a file for later."""

    def __init__(
        self, engine: AsyncEngine, spill_dir: Path, clock: Clock, queue_rows: int = 10_000, *,
        spill_limit_bytes: int = SPILL_LIMIT_BYTES, batch_wait_s: float = BATCH_WAIT_S, retry_s: float = RETRY_S,
    ) -> None:  # fmt: skip
        self._engine, self._clock, self._queue_rows = engine, clock, queue_rows
        self._batch_wait_s, self._retry_s = batch_wait_s, retry_s
        self._spill = Spill(spill_dir, spill_limit_bytes)
        self._queue: deque[Prediction] = deque()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._some, self._full = asyncio.Event(), asyncio.Event()
        self._closing = self._has_tables = False
        self._rest_until: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to write, first what an earlier process left behind."""
        self._task = asyncio.create_task(self._write_for_ever())

    def record(self, rows: Sequence[Prediction]) -> None:
        """Take the rows that were not taken lately. Never raises and never waits for the store."""
        try:
            new = [row for row in rows if self._is_new(row.id)]
            room = max(0, self._queue_rows - len(self._queue))
            self._queue.extend(new[:room])
            if new[room:]:
                self._to_file(new[room:])
        except Exception as fault:  # noqa: BLE001 - bookkeeping must not fail the request it belongs to
            DROPPED.inc(len(rows))
            log.error("predictions_dropped", rows=len(rows), fault=type(fault).__name__)
        if self._queue:
            self._some.set()
        if len(self._queue) >= BATCH_ROWS:
            self._full.set()

    async def aclose(self) -> None:
        """Write what is left, to the store or else to the file, and stop."""
        self._closing = True
        self._some.set()
        self._full.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=CLOSE_TIMEOUT_S)
            await end_tasks([self._task])
        if self._queue:
            self._to_file(list(self._queue))
            self._queue.clear()
        self._spill.finish()

    def _is_new(self, prediction_id: str) -> bool:
        if prediction_id in self._known:
            self._known.move_to_end(prediction_id)
            return False
        self._known[prediction_id] = None
        if len(self._known) > KNOWN_IDS:
            self._known.popitem(last=False)
        return True

    async def _write_for_ever(self) -> None:
        await self._replay()
        while not self._closing:
            await self._wait_for_rows()
            try:
                await self._flush()
                await self._replay()
            except Exception as fault:  # the only writer must not end; what it has not written is still queued
                log.error("ledger_stumbled", exc_info=fault)
                await asyncio.sleep(self._retry_s)
        await self._flush()

    async def _wait_for_rows(self) -> None:
        """Until there are rows, and then a little for more of them; or until it is time to try the store again."""
        if not self._queue:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._retry_s if self._spill.waiting() else None):
                    await self._some.wait()
        if self._queue and not self._closing:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._batch_wait_s):
                    await self._full.wait()
        self._some.clear()
        self._full.clear()

    async def _flush(self) -> None:
        """Empty the queue into the store, or into the file while the store rests; rows leave it only when they are safe."""
        while self._queue:
            batch = list(islice(self._queue, BATCH_ROWS))
            WAITING.set(len(self._queue))
            if not await self._to_store(batch):
                self._to_file(batch)
            for _ in batch:
                self._queue.popleft()
        WAITING.set(0)

    async def _to_store(self, batch: list[Prediction]) -> bool:
        if self._rest_until is not None:
            return False
        try:
            await write(self._engine, batch)
            return True
        except STORE_FAULTS as fault:
            self._rest_until = self._clock.monotonic() + self._retry_s
            log.warning("ledger_spills", fault=type(fault).__name__)
            return False

    def _to_file(self, rows: list[Prediction]) -> None:
        try:
            kept = self._spill.append(rows)
        except OSError as fault:
            kept = 0
            log.error("spill_failed", fault=type(fault).__name__)
        SPILLED.inc(kept)
        for row in rows[kept:]:
            DROPPED.inc()
            self._known.pop(row.id, None)

    async def _replay(self) -> None:
        """When the store is back, write what waits in files that no process is writing to."""
        if self._rest_until is not None:
            if self._clock.monotonic() < self._rest_until:
                return
            if not await ping(self._engine):
                self._rest_until = self._clock.monotonic() + self._retry_s
                return
            self._rest_until = None
        if not self._spill.waiting():
            return
        try:
            if not self._has_tables:
                await ensure_schema(self._engine)
                self._has_tables = True
            await self._replay_files()
            # our own file last, and only now that the store takes rows: a full store answers pings, and leaving the file at
            # each look would make a file every few seconds
            self._spill.finish()
            await self._replay_files()
        except STORE_FAULTS as fault:
            self._rest_until, self._has_tables = self._clock.monotonic() + self._retry_s, False
            log.warning("replay_stopped", fault=type(fault).__name__)

    async def _replay_files(self) -> None:
        for path in self._spill.take():
            await self._replay_file(path)

    async def _replay_file(self, path: Path) -> None:
        batch: list[Prediction] = []
        torn = rows = 0
        for row in read(path):
            if row is None:
                torn += 1
                continue
            batch.append(row)
            if len(batch) == BATCH_ROWS:
                await write(self._engine, batch)
                rows, batch = rows + len(batch), []
        if batch:
            await write(self._engine, batch)
        await asyncio.to_thread(path.unlink)
        REPLAYED.inc(rows + len(batch))
        log.info("ledger_replayed", rows=rows + len(batch), torn_lines=torn)
