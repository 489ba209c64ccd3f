"""Which of anybody's series cannot be forecast, and how is that said to their owner? Frames in, reasons out."""

from __future__ import annotations

from typing import Any

import polars as pl

from rfid3_shared.errors import InvalidParameters
from rfid3_shared.series import KEY, TARGET, TIME, Frequency

PERIOD = "_period"
MOST_HORIZON = 3650
"""Ten years of days."""
TIMES_HISTORY, ALWAYS_STEPS = 10, 60
"""No series is continued for more than ten times its own length, or 60 steps where that is more."""
LARGEST = 1e15
"""Beyond this a double no longer holds whole numbers."""


def horizon_within_reason(horizon: int) -> None:
    """Raises InvalidParameters for a horizon no history supports."""
    if not 1 <= horizon <= MOST_HORIZON:
        raise InvalidParameters(
            f"A horizon of {horizon:,} steps is beyond reason: 1 to {MOST_HORIZON:,} can be forecast.",
            parameter="horizon", accepted=[1, MOST_HORIZON],
        )  # fmt: skip


def naive(frame: pl.DataFrame, frequency: Frequency) -> tuple[pl.DataFrame, str | None]:
    """The frame with time stamps free of zones, and how they were taken: UTC for hours, else the date on the wall.

    Hours must not be doubled or lost when clocks change; a day is a day where it was written.
    """
    kind = frame.schema[TIME]
    if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
        return frame, None
    if frequency.step == "1h":
        return frame.with_columns(pl.col(TIME).dt.convert_time_zone("UTC").dt.replace_time_zone(None)), "UTC"
    return frame.with_columns(pl.col(TIME).dt.replace_time_zone(None)), "local dates"


def refused_series(frame: pl.DataFrame, horizon: int, gaps_refused: bool) -> dict[Any, str]:
    """Reason per series that cannot be forecast.

    frame: unique_id, ds, y, _period; sorted by unique_id and ds.
    """
    reasons: dict[Any, str] = {}
    twice = frame.filter(pl.struct(KEY, PERIOD).is_duplicated()).group_by(KEY, maintain_order=True).agg(pl.col(TIME).first())
    for name, stamp in twice.iter_rows():
        reasons[name] = f"Series {name!r} has two rows for the period of {stamp}."
    value = pl.col(TARGET)
    facts = frame.group_by(KEY, maintain_order=True).agg(
        value.is_not_null().sum().alias("seen"),
        (value.is_infinite() | (value.abs() > LARGEST)).any().alias("huge"),
        pl.col(PERIOD).filter(value.is_not_null()).min().alias("first"),
        pl.col(PERIOD).filter(value.is_not_null()).max().alias("last"),
    )
    for name, seen, huge, first, last in facts.iter_rows():
        if name in reasons:
            continue
        if seen == 0:
            reasons[name] = f"Series {name!r} has no row with a value in y."
            continue
        steps = last - first + 1
        most = max(TIMES_HISTORY * steps, ALWAYS_STEPS)
        if huge:
            reasons[name] = f"Series {name!r} has a value beyond {LARGEST:g}."
        elif gaps_refused and steps > seen:
            reasons[name] = f"Series {name!r} has missing dates inside it."
        elif horizon > most:
            reasons[name] = (
                f"Series {name!r} has {steps:,} steps of history: {horizon:,} ahead are beyond reason, at most {most:,} are not."
            )
    return reasons
