"""On which days did something happen that no column explains? Shifts of the level, single days, and dates that recur each year.

After Chen & Liu (1993): each possible event has a t-value given the errors' memory; the strongest is added as a column, the
rest looked at again. A closed spring so becomes two shifts instead of a poisoned season, the level is learned anew behind the
last one, and a storm does not pull it down. Pure.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from rfid3_demand.model.whitening import Memory, whiten

SHIFT_FROM, PULSE_FROM, YEARLY_FROM = 5.0, 4.5, 4.0
"""Least absolute t-values; with a thousand places to look at, chance alone reaches about 3.5."""
LEAST_AFTER = 5
"""Steps that must be known after an event: until then it is left to the errors' memory."""
FEWEST_YEARS = 3


def strongest(innovations: np.ndarray, memory: Memory) -> tuple[str, int, float]:
    """Kind (shift or pulse), step and t-value of the event that explains most."""
    sigma = spread_of(innovations)
    found = [(kind, *_peak(t_values(innovations, memory, kind, sigma), lead)) for kind, lead in (("shift", 2), ("pulse", 0))]
    over = {"shift": SHIFT_FROM, "pulse": PULSE_FROM}
    return max(found, key=lambda event: event[2] / over[event[0]])


def t_values(innovations: np.ndarray, memory: Memory, kind: str, sigma: float) -> np.ndarray:
    """(T,) t-value of an event of this kind at each step."""
    length = len(innovations)
    wave = np.ones(length) if kind == "shift" else np.eye(1, length)[0]
    shape = whiten(wave, memory)
    f, d, t = memory
    # correlation with the event's shape from every step on: the same filter, run backwards
    ahead = lfilter([1.0, -(f + d), f * d], [1.0, -t], innovations[::-1])
    if kind == "shift":
        ahead = np.cumsum(ahead)
    energy = np.cumsum(shape**2)[::-1]
    return np.asarray(ahead[::-1] / (sigma * np.sqrt(np.maximum(energy, 1e-12))))


def column(kind: str, step: int, length: int) -> np.ndarray:
    """(length,) the event as a column: 1 at its step, and after it too if it is a shift."""
    place = np.arange(length)
    return np.asarray((place >= step) if kind == "shift" else (place == step)).astype(float)


def yearly(innovations: np.ndarray, memory: Memory, day: np.ndarray) -> list[int]:
    """Days of the year that stand out together over at least FEWEST_YEARS years, strongest first."""
    value = np.clip(t_values(innovations, memory, "pulse", spread_of(innovations)), -5.0, 5.0)
    index = day.astype(int)
    count = np.bincount(index, minlength=367)
    total = np.bincount(index, value, minlength=367) / np.sqrt(np.maximum(count, 1))
    total[count < FEWEST_YEARS] = 0.0
    return [int(k) for k in np.argsort(-np.abs(total), kind="stable") if abs(total[k]) >= YEARLY_FROM]


def spread_of(innovations: np.ndarray) -> float:
    """Their standard deviation as the middle half tells it: events do not hide themselves."""
    return max(1.4826 * float(np.median(np.abs(innovations - np.median(innovations)))), 1e-9)


def _peak(value: np.ndarray, lead: int) -> tuple[int, float]:
    usable = np.abs(value[: len(value) - LEAST_AFTER])
    usable[:lead] = 0.0
    if not len(usable):
        return 0, 0.0
    step = int(usable.argmax())
    return step, float(usable[step])
