"""Who answers within the limit? Each contender works in processes of its own, which are stopped when its time is over.

The clock of a contender starts when its processes have imported what they need. What it did not reach counts as not answered.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from time import monotonic

import numpy as np

from rfid3_demand.evaluation.rolling import Window
from rfid3_demand.evaluation.said import LEVELS, Contender, Said, Share

START_LIMIT_S = 120.0
READY = "ready"
Progress = Callable[[str, int, int], None]


@dataclass
class Result:
    """All that one contender said: arrays per window, NaN where it did not answer."""

    name: str
    role: str
    mean: list[np.ndarray]
    """(n, H) per window."""
    quantiles: list[np.ndarray]
    """(n, H, LEVELS) per window; all NaN for points only."""
    seconds: float = 0.0
    stopped: bool = False
    """Its time ran out."""
    faults: list[str] = field(default_factory=list)

    @property
    def point_only(self) -> bool:
        """Whether it gives no quantiles."""
        return not any(np.isfinite(part).any() for part in self.quantiles)


def hold(
    windows: Sequence[Window], contenders: Sequence[Contender], season: int, limit_s: float, *,
    budget_s: float | None = None, progress: Progress | None = None,
) -> list[Result]:  # fmt: skip
    """Let every contender forecast every window, one after the other; results in the contenders' order."""
    results: dict[str, Result] = {}
    for contender in contenders:
        _run(contender, windows, season, limit_s, budget_s, results, progress or (lambda name, done, total: None))
    return list(results.values())


def _run(
    contender: Contender, windows: Sequence[Window], season: int, limit_s: float, budget_s: float | None,
    results: dict[str, Result], progress: Progress,
) -> None:  # fmt: skip
    context = get_context("spawn")
    pipes, children = [], []
    series = max(len(window.truth) for window in windows)
    parts = min(contender.processes, series)
    for part in range(parts):
        here, there = context.Pipe(duplex=False)
        share = Share(part, parts, season, budget_s)
        child = context.Process(target=_work, args=(there, contender, list(windows), share), daemon=True)
        child.start()
        there.close()
        pipes.append(here)
        children.append(child)
    total, done = sum(len(window.truth) for window in windows), 0
    progress(contender.name, 0, total)
    if contender.role != "member":
        results[contender.name] = _empty(contender.name, contender.role, windows)
    try:
        open_pipes, broken = _ready(pipes)
        if broken and contender.name in results:
            results[contender.name].faults.extend(broken)
        began = monotonic()
        while open_pipes and (left := began + limit_s - monotonic()) > 0:
            for pipe in wait(open_pipes, timeout=left):
                said = _received(pipe)  # type: ignore[arg-type]
                if not isinstance(said, Said):
                    open_pipes.remove(pipe)  # type: ignore[arg-type]
                    if said:
                        results.setdefault(contender.name, _empty(contender.name, contender.role, windows)).faults.append(said)
                    continue
                result = results.setdefault(said.contender, _empty(said.contender, contender.role, windows))
                _note(result, said)
                done += len(said.rows) if contender.role != "member" else 0
                progress(contender.name, done, total)
        seconds, stopped = monotonic() - began, bool(open_pipes)
    finally:
        for child in children:
            child.kill()
            child.join()
        for pipe in pipes:
            pipe.close()
    if contender.name in results:
        results[contender.name].seconds, results[contender.name].stopped = seconds, stopped
    progress(contender.name, total, total)


def _work(pipe: Connection, contender: Contender, windows: list[Window], share: Share) -> None:
    """The child: silent, and telling one message per answer; a text instead when it broke down, None at the end."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    # read when OpenMP is loaded: threads that spin while they wait make a busy two-core box several times slower
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        if contender.needs or contender.role in ("ours", "member"):
            __import__(contender.needs or "rfid3_demand.model.fit")
            __import__("lightgbm" if contender.role in ("ours", "member") else contender.needs or "numpy")
        if contender.needs == "statsforecast":
            __import__("statsforecast.models")
        pipe.send(READY)
        for said in contender.answer(windows, share):
            pipe.send(said)
        pipe.send(None)
    except Exception as fault:  # noqa: BLE001 - the parent shows it in the table's notes
        pipe.send(f"{type(fault).__name__}: {fault}"[:300])


def _ready(pipes: Sequence[Connection]) -> tuple[list[Connection], list[str]]:
    """The processes that have imported what they need, and what the others stumbled over."""
    deadline = monotonic() + START_LIMIT_S
    first = [_received(pipe) if pipe.poll(max(0.0, deadline - monotonic())) else "its process did not start" for pipe in pipes]
    ready = [pipe for pipe, word in zip(pipes, first, strict=True) if word == READY]
    return ready, [str(word) for word in first if word != READY]


def _received(pipe: Connection) -> Said | str | None:
    try:
        return pipe.recv()  # type: ignore[no-any-return]
    except EOFError:
        return "its process died"


def _empty(name: str, role: str, windows: Sequence[Window]) -> Result:
    shapes = [window.truth.shape for window in windows]
    return Result(
        name, role, [np.full(shape, np.nan) for shape in shapes], [np.full((*shape, len(LEVELS)), np.nan) for shape in shapes]
    )


def _note(result: Result, said: Said) -> None:
    if said.mean is None:
        result.faults.append(said.fault)
        return
    result.mean[said.window][said.rows] = said.mean
    if said.quantiles is not None:
        result.quantiles[said.window][said.rows] = said.quantiles
    if result.role == "member":
        result.seconds += said.seconds
