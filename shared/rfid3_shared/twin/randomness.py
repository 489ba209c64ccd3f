"""Where does the twin's chance come from?

Every draw comes from a stream named by (seed, purpose, day). A day's events therefore do not depend on how many days were
simulated before it in the same run: `create` of N + k days and `create` of N days followed by `advance` of k agree exactly.
"""

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Purpose(IntEnum):
    """What a stream is used for; a new truth takes a new number, so that older draws stay as they are."""

    CLASSES = 1
    STOCK = 2
    TAGS = 3
    WEATHER = 4
    MOMENTUM = 5
    REQUESTS = 6
    ALLOCATION = 7
    RETURNS = 8
    SIGHTINGS = 9
    DIRT = 10
    PARTS = 11
    LENGTHS = 12
    # 13 decided, until units wore, when a status shown as busy was lifted
    WEAR_TAGS = 14
    WEAR = 15
    VISITS = 16
    LABELS = 17
    GRADING = 18
    MENDING = 19


def stream(seed: int, purpose: Purpose, day: int = 0) -> np.random.Generator:
    """The generator of one purpose on one day (days since the company's first day)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, int(purpose), day))))
