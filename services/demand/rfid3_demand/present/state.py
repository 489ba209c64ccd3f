"""What does the serving path know of the present? Live values of the class-in-store series below a node. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

State = Literal["FRESH", "STALE", "MISSING"]


@dataclass(frozen=True)
class Present:
    """Values of some bottom series of a snapshot, as they were known at `as_of`.

    rows (n,): positions of the series in the snapshot. so_far: units that left since Monday of the moment's week; in_service,
    unavailable: units of the fleet, NaN where no tag is known; booked: units on contracts promised for that week, NaN where nothing is
    booked ahead. `moment`: naive shop time up to which the data are known (a day that is over ends at 23:59:59); `as_of`: UTC, aware, the
    time stamp of the values in the feature store; `seq`: number of the last event taken in.
    """

    moment: datetime
    as_of: datetime
    seq: int
    rows: np.ndarray
    so_far: np.ndarray
    in_service: np.ndarray
    unavailable: np.ndarray
    booked: np.ndarray


@dataclass(frozen=True)
class Known:
    """The present, or why there is none: `present` is None unless FRESH. `told` is what `meta.features` says."""

    state: State
    present: Present | None
    told: dict[str, object]
