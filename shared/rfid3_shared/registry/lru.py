"""Which loaded models stay in memory when there is not room for all? The pinned one, and of the others those used last.

Whatever is known about an entry lives in its one record, so that nothing is left behind of one that went. Two threads that want
the same absent entry load it once; different ones are loaded side by side.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Lru(Generic[K, T]):
    """Values by key, each with its size, together at most `limit_bytes`, unless the pinned one alone is larger. Thread-safe."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[K, tuple[T, int]] = OrderedDict()  # the one used last comes last
        self._loading: dict[K, _Door] = {}
        self._pinned: K | None = None

    @property
    def bytes(self) -> int:
        """Size of all that is held."""
        with self._lock:
            return self._bytes()

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: K) -> bool:
        return key in self._held

    def get(self, key: K) -> T | None:
        """The value, which counts as used now; None when it is not held."""
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key][0]

    def get_or_load(self, key: K, size: int, load: Callable[[], T], *, pin: bool = False) -> T:
        """The value, loaded by this thread or by another one that is at it already; with `pin` it takes the pin over.

        Others make room for it. What does not fit beside the pinned one is returned all the same, but not held. What `load` raises
        is raised here, and the next caller tries again.
        """
        with self._lock:
            door = self._loading.setdefault(key, _Door())
            door.waiting += 1
        try:
            with door.lock:
                value = self.get(key)
                if value is None:
                    value = load()
                self._hold(key, value, size, pin)
                return value
        finally:
            with self._lock:
                door.waiting -= 1
                if not door.waiting:
                    del self._loading[key]

    def fits(self, size: int) -> bool:
        """Whether something of this size fits beside the pinned one."""
        with self._lock:
            return self._pinned_bytes() + size <= self._limit_bytes

    def clear(self) -> None:
        """Let go of everything, the pinned one too."""
        with self._lock:
            self._held.clear()
            self._pinned = None

    def _hold(self, key: K, value: T, size: int, pin: bool) -> None:
        with self._lock:
            if pin:
                self._pinned = key
            if key == self._pinned or self._pinned_bytes() + size <= self._limit_bytes:
                self._held[key] = (value, size)
                self._held.move_to_end(key)
                self._make_room()

    def _make_room(self) -> None:
        """Let go of what was used longest ago, never of the pinned one, until the rest fits."""
        for key in list(self._held):
            if self._bytes() <= self._limit_bytes:
                return
            if key != self._pinned:
                del self._held[key]

    def _bytes(self) -> int:
        return sum(size for _, size in self._held.values())

    def _pinned_bytes(self) -> int:
        return self._held[self._pinned][1] if self._pinned is not None and self._pinned in self._held else 0


class _Door:
    """Where threads that want the same absent entry wait for the one that loads it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting = 0
