"""Which jobs may run side by side? What somebody waits for has a lane of its own, so that long work never holds it up.

A job's row bears its lane, and each lane has its own queue. A machine too small for two jobs at a time gives the interactive lane no
slot: then both lanes draw on the batch slots, and interactive work goes first.
"""

BATCH, INTERACTIVE = "batch", "interactive"
LANES = (INTERACTIVE, BATCH)
"""In the order in which they are looked at: what somebody waits for first."""
NICENESS = {INTERACTIVE: 5, BATCH: 10}
"""Serving goes first, then what somebody waits for: on a small machine a training run takes the time that those leave."""


class Room:
    """How many more jobs may begin here, by lane."""

    def __init__(self, batch: int, interactive: int) -> None:
        self._slots = {BATCH: batch, INTERACTIVE: interactive}
        self._taken = dict.fromkeys(self._slots, 0)

    @property
    def is_shared(self) -> bool:
        """Whether interactive jobs use the batch slots."""
        return not self._slots[INTERACTIVE]

    def slots(self, lane: str) -> int:
        """How many jobs of the lane may run at once when no other does."""
        return self._slots[self._pool(lane)]

    def free(self, lane: str) -> bool:
        """Whether another job of the lane could begin now."""
        return self._taken[self._pool(lane)] < self.slots(lane)

    def enter(self, lane: str) -> None:
        """Take a slot of the lane."""
        self._taken[self._pool(lane)] += 1

    def leave(self, lane: str) -> None:
        """Give it back."""
        self._taken[self._pool(lane)] -= 1

    def _pool(self, lane: str) -> str:
        return BATCH if self.is_shared else lane
