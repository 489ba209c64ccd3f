"""How long will a forecast of own series take? Only to answer 202 at once where waiting would be in vain.

Constants were fitted to `bench.adhoc_cost`; what recent answers took on this machine, under its present load, corrects them.
"""

from collections import OrderedDict
from statistics import median

START_S, SECONDS_PER_SERIES, SECONDS_PER_STEP, SECONDS_PER_CELL = 0.5, 0.03, 0.02, 0.0
REMEMBERED = 15
"""Answers that count; fewer than half of them may be odd without effect."""
FASTEST, SLOWEST = 0.25, 8.0
"""Bounds of what recent answers may make of the constants."""


def expected_s(series: int, steps: int) -> float:
    """Seconds that so many series, the longest of so many steps, are expected to take on an idle machine."""
    return START_S + SECONDS_PER_SERIES * series + SECONDS_PER_STEP * steps + SECONDS_PER_CELL * series * steps


class Pace:
    """How this machine compares with the constants, learned from the answers this process has seen."""

    def __init__(self) -> None:
        self._ratios: OrderedDict[str, float] = OrderedDict()

    def remember(self, job_id: str, series: int, steps: int, seconds: float) -> None:
        """Take note of what a job took; once, however often its answer is fetched."""
        if job_id in self._ratios:
            return
        self._ratios[job_id] = min(SLOWEST, max(FASTEST, seconds / expected_s(series, steps)))
        if len(self._ratios) > REMEMBERED:
            self._ratios.popitem(last=False)

    def expected_s(self, series: int, steps: int) -> float:
        """Seconds that the work is expected to take here and now."""
        # the constants themselves have a voice: one odd answer alone convinces nobody
        return expected_s(series, steps) * median((1.0, *self._ratios.values()))
