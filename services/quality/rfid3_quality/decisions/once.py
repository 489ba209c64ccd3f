"""How is what many beliefs share computed once, when they differ in one input each? Pure."""

from collections.abc import Callable
from typing import Any

import numpy as np


class Once:
    """Results by what they were made of, told by identity: the same arrays again give the same result, computed once.

    It lives as long as one block of items is judged; arrays given to it must not change meanwhile.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], tuple[tuple[Any, ...], np.ndarray]] = {}

    def __call__(self, make: Callable[..., np.ndarray], *parts: Any) -> np.ndarray:
        """`make(*parts)`."""
        key = (make, *map(id, parts))
        known = self._known.get(key)
        if known is None:
            # the parts are kept: an identity is one only while its owner lives
            known = self._known[key] = (parts, make(*parts))
        return known[1]
