"""Which columns become which features? Learned from the history, then the same for every table that is asked about."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from rfid3_maintenance.unit_history import rolling
from rfid3_maintenance.unit_history.table import TIME, UnitTable, require
from rfid3_shared.errors import InvalidParameters

WINDOWS = (5, 15, 40)
"""Spans of the past, in typical steps of t."""
MOST_FEATURES = 400
"""Beyond this, one window instead of three: many columns tell much of the same."""
MOST_WORDS = 12
"""Words of a column that get a feature of their own, most frequent first; the rest are told by their frequency."""
MOST_PAIRED = 8
"""Numbers of single observations that are also looked at in pairs."""
AGE = TIME


@dataclass(frozen=True)
class Recipe:
    """What becomes of a table's columns."""

    numbers: tuple[str, ...]
    words: dict[str, tuple[str, ...]]
    """By column: the words that are told apart, most frequent first."""
    step: float
    """The typical distance of two rows of a unit, in units of t."""
    windows: tuple[int, ...]
    """Empty: values of the moment only."""
    paired: bool
    aged: bool
    """t itself is a feature; not where it is how the life ended."""

    def names(self) -> tuple[str, ...]:
        """The features' names, in order; `t` first where there is a time."""
        paired = [f"{a} {sign} {b}" for a, b in combinations(self.numbers, 2) for sign in "×−/"] if self.paired else []
        past = rolling.names(self.numbers, self.windows) if self.windows else []
        words = [f"{name} = {word}" for name, known in self.words.items() for word in known]
        return ((AGE,) if self.aged else ()) + (
            *self.numbers,
            *words,
            *(f"{name}: rank" for name in self.words),
            *past,
            *paired,
        )

    def features(self, table: UnitTable) -> np.ndarray:
        """(rows, len(names())); NaN = unknown. Each row knows itself and its life's earlier rows only.

        float32; in double precision where columns are looked at in pairs, so that a limit on a difference or a product is met to the
        last digit (8.6 exactly, and not 8.600000381).
        """
        x = np.column_stack([table.columns[name] for name in self.numbers]) if self.numbers else np.empty((len(table), 0))
        parts = [table.t[:, None]] if self.aged else []
        parts += [x, *self._words(table)]
        if self.windows:
            edges = table.life_starts()
            lives = [slice(a, b) for a, b in pairwise(edges)]
            past = [rolling.of_life(table.t[life], x[life], self.step, self.windows) for life in lives]
            parts.append(np.vstack(past) if past else np.empty((0, len(rolling.names(self.numbers, self.windows)))))
        if self.paired:
            parts += [_pair(x[:, [a]], x[:, [b]]) for a, b in combinations(range(len(self.numbers)), 2)]
        return np.hstack(parts).astype(np.float64 if self.paired else np.float32)

    def _words(self, table: UnitTable) -> list[np.ndarray]:
        told, ranks = [], []
        for name, known in self.words.items():
            given = table.columns[name]
            told += [(given == word).astype(float)[:, None] for word in known]
            place = {word: float(at) for at, word in enumerate(known)}
            ranks.append(np.array([place.get(word, np.nan) for word in given], dtype=float)[:, None])
        return [*told, *ranks]

    def check(self, table: UnitTable) -> list[str]:
        """Notes about a table asked about; raises InvalidParameters for a feature it lacks or tells in another kind."""
        require([*table.columns], [*self.numbers, *self.words], table.source)
        for name, known in self.words.items():
            if table.columns[name].dtype != object:
                raise InvalidParameters(
                    f"{table.source}, column {name}: the history has words there ({', '.join(known[:3])} …), this table numbers.",
                    column=name,
                )
        for name in self.numbers:
            if table.columns[name].dtype == object:
                raise InvalidParameters(
                    f"{table.source}, column {name}: the history has numbers there, this table words.", column=name
                )
        notes = []
        if further := [name for name in table.columns if name not in self.numbers and name not in self.words]:
            notes.append(f"{table.source}: the history has no column {', '.join(further)}: not used")
        for name, known in self.words.items():
            new = {word for word in table.columns[name] if word is not None} - set(known)
            if new and len(known) < MOST_WORDS:
                notes.append(
                    f"{table.source}, column {name}: the history never says {', '.join(sorted(new)[:3])}: taken as unknown"
                )
        return notes


def learn(table: UnitTable, rolling_past: bool = True, paired: bool = False) -> Recipe:
    """The recipe for a history: numbers that vary, words by frequency, windows where units have a past.

    rolling_past: False leaves the windows out, for units asked about whose past is not known. paired: numbers are also looked at
    in pairs, where they are few.
    """
    numbers, words = [], {}
    for name, values in table.columns.items():
        if values.dtype == object:
            words[name] = tuple(word for word, _ in Counter(w for w in values if w is not None).most_common(MOST_WORDS))
        elif np.nanmax(values, initial=-np.inf) > np.nanmin(values, initial=np.inf):
            numbers.append(name)
    windows = _windows(len(numbers)) if rolling_past and table.timed and not table.single else ()
    in_pairs = paired and 2 <= len(numbers) <= MOST_PAIRED
    return Recipe(
        tuple(numbers),
        words,
        typical_step(table),
        windows,
        in_pairs,
        table.timed and (paired or not table.single) and np.ptp(table.t) > 0,
    )


def typical_step(table: UnitTable) -> float:
    """The median distance of two rows of a life; 1 where there are no two."""
    gaps = np.diff(table.t)[np.diff(table.life) == 0]
    return float(np.median(gaps)) if len(gaps) else 1.0


def unused(table: UnitTable, recipe: Recipe) -> list[str]:
    """Columns of the history that never vary, and so tell nothing."""
    return [name for name in table.columns if name not in recipe.numbers and name not in recipe.words]


def _windows(numbers: int) -> tuple[int, ...]:
    if not numbers:
        return ()
    return WINDOWS if len(rolling.names([""] * numbers, WINDOWS)) <= MOST_FEATURES else WINDOWS[1:2]


def _pair(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Product, difference and ratio: power, wear at load, distance of two temperatures."""
    ratio = np.divide(a, b, out=np.full(a.shape, np.nan), where=np.abs(b) > 1e-12)
    return np.hstack([a * b, a - b, ratio])
