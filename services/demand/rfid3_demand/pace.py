"""How long will a forecast of own series take? Only to answer 202 at once where waiting would be in vain.

Constants were fitted to CPU seconds of `bench.adhoc_cost` with one thread; what recent answers took on this machine, under its present
load, corrects them.
"""

import math
from collections import OrderedDict
from statistics import median

FEW_SERIES = 40
"""Up to so many series (`model.backtest` says why) are judged at more origins, and by dearer methods; more share one tree."""
START_S, SECONDS_PER_SERIES_AND_ROOT_STEP = 1.0, 0.055
"""Of few series; the time grows as the root of the steps."""
MANY_START_S, SECONDS_PER_SERIES, SECONDS_PER_VALUE = 6.7, 0.006, 7.6e-5
"""Of many series: mostly the tree."""
REMEMBERED = 15
"""Answers that count; fewer than half of them may be odd without effect."""
FASTEST, SLOWEST = 0.25, 8.0
"""Bounds of what recent answers may make of the constants."""


def expected_s(series: int, steps: int) -> float:
    """Seconds that so many series, the longest of so many steps, are expected to take on an idle machine."""
    if series <= FEW_SERIES:
        return START_S + SECONDS_PER_SERIES_AND_ROOT_STEP * series * math.sqrt(steps)
    return MANY_START_S + SECONDS_PER_SERIES * series + SECONDS_PER_VALUE * series * steps


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
