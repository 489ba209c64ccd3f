"""What would the next model have answered? Live requests are answered with the shadow version too: recorded, counted, never shown.

All of it happens beside the hot path: a request only leaves its question behind. One thread answers, one question after the other,
and rests as long as it worked, so that it takes at most half of a core from those who wait; when it falls behind, the oldest
questions are dropped.
"""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.ledger import Prediction, Recorder
from rfid3_shared.log import get_logger
from rfid3_shared.registry.metrics import ANSWERS, DROPPED, FAULTS
from rfid3_shared.registry.tally import Tally, add_tallies
from rfid3_shared.registry.version import Version
from rfid3_shared.tasks import end_tasks

QUEUED = 100
FLUSH_S = 5.0
CLOSE_TIMEOUT_S = 5.0
log = get_logger("registry.shadow")
Make = Callable[[], Sequence[Prediction]]


@dataclass(frozen=True)
class _Question:
    model_version: str
    make: Make
    champion: Sequence[Prediction]


class Shadowing:
    """Answers beside the champion in one process. Nothing here raises into a request or makes it wait."""

    def __init__(
        self, engine: AsyncEngine, ledger: Recorder, clock: Clock, service: str, *, queued: int = QUEUED, flush_s: float = FLUSH_S
    ) -> None:  # fmt: skip
        self._engine, self._ledger, self._clock, self._service = engine, ledger, clock, service
        self._queued, self._flush_s = queued, flush_s
        self._questions: deque[_Question] = deque()
        self._some = asyncio.Event()
        self._tallies: dict[str, Tally] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shadow")
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to answer and to write down what was counted."""
        self._tasks = [asyncio.create_task(self._answer_for_ever()), asyncio.create_task(self._flush_for_ever())]

    async def aclose(self) -> None:
        """Stop, drop what is not answered yet, and write down what was counted."""
        await end_tasks(self._tasks)
        self._drop(len(self._questions))
        self._thread.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._flush()

    def answer_beside(self, version: Version, make: Make, champion: Sequence[Prediction]) -> None:
        """Have the shadow `version` answer what the champion just answered with these rows; call it on the event loop.

        `make` gives the shadow's rows; it runs in a thread, later or, when there is no time, never.
        """
        self._drop(len(self._questions) - self._queued + 1)
        self._questions.append(_Question(version.model_version, make, champion))
        self._some.set()

    def refused(self, version: Version) -> None:
        """Count a fault: this process cannot even load the version."""
        self._count(version.model_version, Tally(faults=1))

    def _drop(self, count: int) -> None:
        for _ in range(count):
            self._questions.popleft()
            DROPPED.inc()

    async def _answer_for_ever(self) -> None:
        while True:
            await self._some.wait()
            while self._questions:
                seconds = await self._answer(self._questions.popleft())
                await asyncio.sleep(seconds)
            self._some.clear()

    async def _answer(self, question: _Question) -> float:
        """Answer, record and count; how long the answer took."""
        begun = self._clock.monotonic()
        try:
            rows = await asyncio.get_running_loop().run_in_executor(self._thread, _checked, question)
            seconds = self._clock.monotonic() - begun
            difference, size = _apart(rows, question.champion)
            self._ledger.record(rows)
            counted = Tally(answers=1, seconds=seconds, absolute_difference=difference, champion_absolute=size)
        except Exception as fault:  # noqa: BLE001 - whatever is wrong with the shadow is counted and decided on, not raised
            seconds = self._clock.monotonic() - begun
            log.warning("shadow_fault", service=self._service, model_version=question.model_version, fault=type(fault).__name__)
            counted = Tally(faults=1)
        self._count(question.model_version, counted)
        return seconds

    def _count(self, model_version: str, counted: Tally) -> None:
        ANSWERS.inc(counted.answers)
        FAULTS.inc(counted.faults)
        self._tallies.setdefault(model_version, Tally()).add(counted)

    async def _flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._flush_s)
            await self._flush()

    async def _flush(self) -> None:
        """Add what was counted to the store's sums; what the store does not take now it is offered again."""
        if not self._tallies:
            return
        counted, self._tallies = self._tallies, {}
        try:
            async with transaction(self._engine) as connection:
                await add_tallies(connection, self._service, counted, self._clock.now())
        except BaseException as fault:
            for model_version, tally in counted.items():
                self._tallies.setdefault(model_version, Tally()).add(tally)
            if not isinstance(fault, Exception):
                raise
            log.warning("shadow_not_tallied", service=self._service, fault=type(fault).__name__)


def _checked(question: _Question) -> list[Prediction]:
    """The shadow's rows; raises for an answer nobody could be shown."""
    rows = [replace(row, role="shadow", model_version=question.model_version) for row in question.make()]
    if bool(rows) != bool(question.champion):
        raise ValueError("one of the two has no answer")
    for row in rows:
        values = (row.predicted_value, row.confidence_lower, row.confidence_upper)
        if not all(math.isfinite(value) for value in values if value is not None):
            raise ValueError("an answer that is no number")
    return rows


def _apart(rows: Sequence[Prediction], champion: Sequence[Prediction]) -> tuple[float, float]:
    """Sums of |shadow − champion| and |champion| over what both speak of."""
    theirs = {_target(row): row.predicted_value for row in champion if math.isfinite(row.predicted_value)}
    both = [(row.predicted_value, theirs[_target(row)]) for row in rows if _target(row) in theirs]
    return math.fsum(abs(ours - other) for ours, other in both), math.fsum(abs(other) for _, other in both)


def _target(row: Prediction) -> tuple[object, ...]:
    """What a row speaks of: not by whom nor from which day, which differ between the two."""
    return (row.prediction_type, row.target_item_id, row.target_category, row.store, row.prediction_date, row.interval_level)
