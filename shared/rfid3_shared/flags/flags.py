"""Is this ability on right now, for this caller? Answered from memory, without waiting for anything.

Every process looks at the table every two seconds, Redis or no Redis, so a change is in force everywhere within five. While the
store is out of reach the last known state goes on, from disk for a process that starts meanwhile. The flags are only read here.
"""

import asyncio
import os
import zlib
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import FeatureDisabled, StoreUnavailable
from rfid3_shared.flags.flag import MASTER, Flag, FlagState, default_state
from rfid3_shared.flags.remembered import keep, recall
from rfid3_shared.flags.rollout import Rule
from rfid3_shared.flags.store import read_states
from rfid3_shared.log import get_logger
from rfid3_shared.tasks import end_tasks

POLL_S = 2.0
LOOK_TIMEOUT_S = 2.0  # with the poll's 2.2 s at most, a change is seen within five seconds even when the store is slow
IN_FORCE_WITHIN_S = 5
log = get_logger("flags")


class Flags:
    """The flags as this process knows them; `off` names those the environment switches off."""

    def __init__(
        self, store: AsyncEngine, clock: Clock, file: Path | None = None, *, off: Collection[Flag] = (), poll_s: float = POLL_S
    ) -> None:
        self._store, self._clock, self._file, self._off = store, clock, file, frozenset(off)
        # spread over ±10 % by process, so that many processes do not ask at the same moment
        self._poll_s = poll_s * (0.9 + 0.2 * (zlib.crc32(f"flags{os.getpid()}".encode()) % 100) / 100)
        self._task: asyncio.Task[None] | None = None
        self._states: Mapping[Flag, FlagState] = {}
        self.stale = True
        """Whether the last look at the table failed, so that what is answered may have been changed since."""
        self.seen_at: datetime | None = None
        """When the table was last seen by this process."""
        self._take({flag: default_state(flag) for flag in Flag})

    async def start(self) -> None:
        """Look once, then go on looking; never raises for want of a store."""
        if not await self.look() and self._file and (remembered := await asyncio.to_thread(recall, self._file)):
            self._take(remembered)
        self._task = asyncio.create_task(self._poll(), name="flags")

    async def aclose(self) -> None:
        """Stop looking; what is known stays."""
        if self._task:
            await end_tasks([self._task])

    def on(self, flag: Flag, *, key: str = "", entities: Collection[str] = ()) -> bool:
        """Whether the ability is on: the master and its own flag, for the key's id or one of the entities (`store:8101`)."""
        verdict = self._verdicts[flag]
        return self.why_off(flag, key=key, entities=entities) is None if verdict is None else verdict

    def why_off(self, flag: Flag, *, key: str = "", entities: Collection[str] = ()) -> str | None:
        """Why the ability is off, None when it is on.

        One of: switched off by the environment, never switched on, master off, flag off, not in the roll-out.
        """
        if self._off & {flag, MASTER}:
            return "switched off by the environment"
        if not self._states[MASTER].enabled:
            return "master off" if self._states[MASTER].version or not flag.is_master else "never switched on"
        if not self._states[flag].enabled:
            return "flag off" if self._states[flag].version else "never switched on"
        if self._rules[MASTER].admits(key, entities) and self._rules[flag].admits(key, entities):
            return None
        return "not in the roll-out"

    def check(self, flag: Flag, *, key: str = "", entities: Collection[str] = ()) -> None:
        """Raises FeatureDisabled when the ability is off, with the reason and what would switch it on."""
        if self._verdicts[flag]:
            return
        if reason := self.why_off(flag, key=key, entities=entities):
            raise self._disabled(flag, reason)

    def state(self, flag: Flag) -> FlagState:
        """What is set for the flag, as last seen; the environment's brake and the master not counted in."""
        return self._states[flag]

    def states(self) -> list[FlagState]:
        """What is set for every flag, as last seen."""
        return [self._states[flag] for flag in Flag]

    async def look(self) -> bool:
        """Look at the table now; False when it cannot be seen."""
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S), transaction(self._store) as connection:
                states = await read_states(connection)
        except (StoreUnavailable, SQLAlchemyError, OSError, TimeoutError, ValueError):
            if not self.stale:
                log.warning("flags_not_refreshed", reason="the store is out of reach")
            self.stale = True
            return False
        first, changed = self.seen_at is None, states != self._states
        self.stale, self.seen_at = False, self._clock.now()
        if changed:
            if not first:
                self._tell(states)
            self._take(states)
        if first or changed:
            await self._keep(states)
        return True

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            await self.look()

    def _take(self, states: Mapping[Flag, FlagState]) -> None:
        """Answer from these states, with everything worked out that does not depend on who asks."""
        self._states = states
        self._rules = {flag: Rule.of(state) for flag, state in states.items()}
        self._verdicts = {flag: self._verdict(flag) for flag in Flag}

    def _tell(self, states: Mapping[Flag, FlagState]) -> None:
        for flag, state in states.items():
            if self._states[flag].setting != state.setting:
                log.info("flag_changed", flag=flag.value, setting=state.words, version=state.version, by=state.updated_by)

    def _verdict(self, flag: Flag) -> bool | None:
        """The answer where it is the same for everybody."""
        if self._off & {flag, MASTER}:
            return False
        both = (self._rules[MASTER].verdict, self._rules[flag].verdict)
        return False if False in both else None if None in both else True

    def _disabled(self, flag: Flag, reason: str) -> FeatureDisabled:
        blamed = MASTER if reason == "master off" or MASTER in self._off else flag
        message = f"{blamed.about.title} is switched off."
        if reason == "not in the roll-out":
            message = f"{flag.about.title} is not switched on for this caller yet."
        advice = f"An administrator can switch it on: rfid3 flags on {blamed.value} --reason …"
        if reason == "switched off by the environment":
            advice = f"Whoever runs the suite can take {blamed.value} out of RFID3_FLAGS_OFF and start it again."
        return FeatureDisabled(message, flag=flag.value, reason=reason, suggestion=advice)

    async def _keep(self, states: Mapping[Flag, FlagState]) -> None:
        if self._file is None:
            return
        try:
            await asyncio.to_thread(keep, self._file, states)
        except OSError as fault:
            log.warning("flags_not_kept", fault=type(fault).__name__)
