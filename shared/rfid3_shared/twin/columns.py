"""How are many rows of one shape held while the twin runs: as equally long arrays by name."""

from collections.abc import Sequence

import numpy as np

from rfid3_shared.twin.randomness import Array

Columns = dict[str, Array]
"""Arrays of one length by column name."""


def join(parts: Sequence[Columns]) -> Columns:
    """The rows of all parts, in order; at least one part is needed."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def pick(columns: Columns, rows: Array) -> Columns:
    """The rows that a mask or an index names."""
    return {name: values[rows] for name, values in columns.items()}


def height(columns: Columns) -> int:
    """How many rows there are."""
    return len(next(iter(columns.values())))
