"""Loaded models within a memory limit: the pinned one stays, the others go by last use, and nothing is left of those that went."""

import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_shared.registry.lru import Lru


def filled(limit: int, *keys: str, size: int = 10) -> Lru[str, str]:
    lru: Lru[str, str] = Lru(limit)
    for key in keys:
        lru.get_or_load(key, size, lambda key=key: key.upper())
    return lru


def never() -> str:
    raise AssertionError("loaded again")


class TestLru:
    def test_what_was_used_longest_ago_goes_first(self) -> None:
        """Room for two: a third takes the place of the one not looked at since."""
        lru = filled(20, "a", "b")
        assert lru.get("a") == "A"

        assert lru.get_or_load("c", 10, lambda: "C") == "C"

        assert ("a" in lru, "b" in lru, "c" in lru, len(lru), lru.bytes) == (True, False, True, 2, 20)
        assert lru.get("b") is None

    def test_what_went_comes_back_as_new(self) -> None:
        """Going and coming any number of times leaves nothing behind (the first attempt kept use counts and failed on the fourth)."""
        lru = filled(20, "a", "b")
        for _ in range(3):
            for key in "abc":
                assert lru.get_or_load(key, 10, lambda key=key: key.upper()) == key.upper()
        assert (len(lru), lru.bytes) == (2, 20)

    def test_the_pinned_one_stays(self) -> None:
        """The champion is held however old and however large, until another one takes the pin."""
        lru: Lru[str, str] = Lru(20)
        lru.get_or_load("champion", 50, lambda: "A", pin=True)
        assert not lru.fits(1)

        assert lru.get_or_load("shadow", 10, lambda: "B") == "B"
        assert ("champion" in lru, "shadow" in lru) == (True, False)

        lru.get_or_load("next", 15, lambda: "C", pin=True)
        assert ("champion" in lru, "next" in lru) == (False, True)
        assert lru.fits(5)
        assert not lru.fits(6)

    def test_cleared_it_is_as_new(self) -> None:
        """Nothing is held and nothing pinned: what was too large beside the champion fits."""
        lru: Lru[str, str] = Lru(20)
        lru.get_or_load("champion", 50, lambda: "A", pin=True)

        lru.clear()

        assert (len(lru), lru.bytes, lru.fits(20)) == (0, 0, True)
        assert lru.get_or_load("champion", 10, lambda: "B") == "B"

    def test_what_does_not_fit_pushes_nobody_out(self) -> None:
        """A model with no room beside the champion is of use to its caller, and costs others nothing."""
        lru = filled(30, "champion", "previous")
        lru.get_or_load("champion", 10, never, pin=True)

        assert lru.get_or_load("huge", 21, lambda: "H") == "H"

        assert ("previous" in lru, "huge" in lru) == (True, False)

    def test_a_failed_load_leaves_nothing(self) -> None:
        """Whoever comes next tries again, and whoever was pinned stays so."""
        lru = filled(20, "a")
        lru.get_or_load("a", 10, never, pin=True)

        with pytest.raises(AssertionError, match="loaded again"):
            lru.get_or_load("b", 20, never, pin=True)

        assert lru.get_or_load("b", 10, lambda: "B") == "B"
        lru.get_or_load("c", 10, lambda: "C")
        assert ("a" in lru, "b" in lru, "c" in lru) == (True, False, True)

    def test_one_thread_loads_for_all_that_want_the_same(self) -> None:
        """Ten threads ask at once: one loads, all get what it loaded; another key does not wait for them."""
        lru: Lru[str, object] = Lru(100)
        begun, go_on = threading.Event(), threading.Event()
        loads, seen = [], []

        def slow() -> object:
            loads.append(1)
            begun.set()
            assert go_on.wait(30)
            return object()

        threads = [threading.Thread(target=lambda: seen.append(lru.get_or_load("a", 10, slow))) for _ in range(10)]
        for thread in threads:
            thread.start()
        assert begun.wait(30)
        assert lru.get_or_load("b", 10, lambda: "B") == "B"
        go_on.set()
        for thread in threads:
            thread.join(30)

        assert (len(loads), len(seen), len(set(map(id, seen)))) == (1, 10, 1)

    @given(
        limit=st.integers(1, 60),
        steps=st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 40), st.booleans()), max_size=40),
    )
    def test_the_limit_holds_whatever_is_asked(self, limit: int, steps: list[tuple[str, int, bool]]) -> None:
        """Never more than the limit or the pinned one alone; the pinned one always; each key's value its own."""
        lru: Lru[str, str] = Lru(limit)
        sizes = dict.fromkeys("abcdef", 0) | {key: size for key, size, _ in reversed(steps)}
        pinned = None
        for key, _, pin in steps:
            value: Callable[[], str] = lambda key=key: key * 2  # noqa: E731
            assert lru.get_or_load(key, sizes[key], value, pin=pin) == key * 2
            pinned = key if pin else pinned

            held = {name for name in sizes if name in lru}
            assert lru.bytes == sum(sizes[name] for name in held) <= max(limit, sizes[pinned] if pinned else 0)
            assert pinned is None or pinned in held
            assert len(lru) == len(held)
