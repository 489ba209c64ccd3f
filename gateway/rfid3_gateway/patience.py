"""How long is an answer worth waiting for? Until the deadline passes or the caller hangs up, whichever comes first.

One timer serves all requests: a timer or a task for each would cost more than most answers take.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
LOOK_EVERY_S = 0.02
"""Deadlines are kept to within this; callers of faster answers are not watched, which would cost a task each."""


class Vigil:
    """Looks at every waiting request now and then, as long as there is one."""

    def __init__(self) -> None:
        self._waiting: set[Patience] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, patience: "Patience") -> None:
        """Look after it from now on."""
        self._waiting.add(patience)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)

    def drop(self, patience: "Patience") -> None:
        """It is over."""
        self._waiting.discard(patience)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for patience in list(self._waiting):
            patience.look(now)
        self._timer = loop.call_later(LOOK_EVERY_S, self._look) if self._waiting else None


class Patience:
    """An async context that raises TimeoutError inside when waiting has become pointless; `caller_left` says why."""

    __slots__ = (
        "_ends_at",
        "_loop",
        "_receive",
        "_task",
        "_vigil",
        "_watchable",
        "_watcher",
        "caller_left",
        "over",
        "reading_body",
    )

    def __init__(self, vigil: Vigil, receive: Receive, deadline_s: float) -> None:
        self._vigil, self._receive = vigil, receive
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + deadline_s
        self._task: asyncio.Task[Any] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._watchable = self.caller_left = self.reading_body = self.over = False

    @property
    def left_ms(self) -> int:
        """Milliseconds until the deadline, at least 1."""
        return max(1, int((self._ends_at - self._loop.time()) * 1000))

    def watch(self) -> None:
        """Notice from now on when the caller hangs up; call it once the request body has been read."""
        self._watchable = True

    def leave(self) -> None:
        """The caller has hung up: stop waiting."""
        if not self.over:
            self.caller_left = True
            self._give_up()

    def renew(self, span_s: float) -> None:
        """Wait this much longer from now: for answers that arrive in pieces."""
        self._ends_at = self._loop.time() + span_s

    def look(self, now: float) -> None:
        """Give up when the deadline has passed; begin to watch the caller otherwise."""
        if now >= self._ends_at and not self.over:
            self._give_up()
        elif self._watchable and self._watcher is None:
            self._watcher = self._loop.create_task(self._watch())

    def _give_up(self) -> None:
        self.over = True
        self._vigil.drop(self)
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.leave()

    async def __aenter__(self) -> "Patience":
        self._task = asyncio.current_task()
        self._vigil.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        task, self._task = self._task, None
        self._vigil.drop(self)
        if self._watcher is not None:
            self._watcher.cancel()
        if self.over and task is not None:
            # as asyncio.timeout does: our own cancellation becomes a TimeoutError, somebody else's stays what it is
            ours_alone = task.uncancel() == 0
            if ours_alone and kind is not None and issubclass(kind, asyncio.CancelledError):
                raise TimeoutError from fault
        self.over = True
        return None
