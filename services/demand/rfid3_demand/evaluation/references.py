"""What does one get for nothing? All zero, the last value, and M4's Naive2: yardsticks that every table carries."""

from collections.abc import Iterator, Sequence
from functools import partial
from time import perf_counter

import numpy as np

from rfid3_demand.evaluation.naive_two import naive_two
from rfid3_demand.evaluation.rolling import Window
from rfid3_demand.evaluation.said import Contender, Said, Share, observed


def _answer(name: str, windows: Sequence[Window], share: Share) -> Iterator[Said]:
    for k, window in enumerate(windows):
        began = perf_counter()
        said = np.stack([_one(name, observed(window, row), window.horizon, share.season) for row in range(len(window.truth))])
        yield Said(name, k, np.arange(len(said)), said, None, perf_counter() - began)


def _one(name: str, history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    if name == "AllZero":
        return np.zeros(horizon)
    if name == "Naive":
        return np.full(horizon, history[-1])
    return naive_two(history, horizon, season)


REFERENCES = tuple(Contender(name, "reference", partial(_answer, name)) for name in ("AllZero", "Naive", "Naive2"))
