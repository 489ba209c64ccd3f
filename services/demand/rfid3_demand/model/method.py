"""What is a way to forecast? A name, what it says of a past, and what that costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from rfid3_demand.model.past import Past


@dataclass(frozen=True)
class Method:
    """One way to forecast all nodes at once."""

    name: str
    forecast: Callable[[Past], np.ndarray | None]
    """(nodes, H), NaN where it has nothing to say; None where it does not apply at all."""
    cost: int = 1
    """1 cheap … 3 dear: with a time budget the dear ones are left out first."""
    newcomers: bool = False
    """Speaks for series with fewer than MINIMUM_OBSERVATIONS, and for no others."""
    pools: bool = False
    """Looks at other series besides the one it answers for (other than through `Past`'s profiles): never split into blocks."""
