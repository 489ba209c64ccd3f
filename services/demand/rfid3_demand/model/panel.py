"""What goes into a forecast and what comes out: the shapes every room of `model` shares. Arrays only, no arithmetic beyond
sums."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rfid3_shared.series import Frequency

if TYPE_CHECKING:
    import polars as pl
    from scipy.sparse import csr_matrix

    from rfid3_demand.model.booking_curve import Bookings
    from rfid3_demand.model.learned import Learned

LEVELS: tuple[float, ...] = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5,
    0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99, 0.995,
)  # fmt: skip
"""Stored quantile levels: any central interval from 0.50 to 0.99 lies on them or between two of them."""

MINIMUM_OBSERVATIONS = 8
"""Below this a series is forecast from its relatives."""


@dataclass(frozen=True)
class Panel:
    """n series on one time axis of T steps, aligned at their last observation."""

    ids: tuple[str, ...]
    dates: tuple[Any, ...]
    """T time stamps (date, datetime or int), equally spaced."""
    y: np.ndarray
    """(n, T); NaN = the series had not begun."""
    frequency: Frequency
    season: int
    groups: dict[str, np.ndarray] = field(default_factory=dict)
    """Static codes per series, e.g. {"category": (n,) ints}."""
    known: dict[str, np.ndarray] = field(default_factory=dict)
    """Regressors known for past and future, (T+H,) or (n, T+H)."""
    past: dict[str, np.ndarray] = field(default_factory=dict)
    """Regressors known for the past only, (T,) or (n, T)."""
    counts: bool = True
    """Whole, non-negative numbers."""
    seen: np.ndarray | None = None
    """(n,) index of the step at which each series was first seen; zeros before it are assumed. None = nothing is assumed."""
    yearly: np.ndarray | None = None
    """(T+H,) logarithm of the yearly shape believed in before one was seen; None = none."""
    bookings: Bookings | None = None
    """Units on contracts already written; None where nothing is booked ahead."""
    offset: np.ndarray | None = None
    """(n,) steps by which a series' own last observation lies before `dates[-1]`; None = all end together."""


@dataclass(frozen=True)
class Hierarchy:
    """Which bottom series each node sums."""

    nodes: tuple[str, ...]
    summing: csr_matrix
    """(nodes, bottom series), 0 or 1."""
    levels: tuple[str, ...]
    """Level of each node, e.g. "class/store", "category/all"."""


@dataclass(frozen=True)
class Variant:
    """One way to forecast: means, quantiles, and which methods made them."""

    mean: np.ndarray
    """(nodes, H) float32."""
    quantiles: np.ndarray
    """(nodes, H, levels) float32, ordered along the last axis."""
    weights: dict[str, np.ndarray]
    """Share of each method per node; they sum to 1 where there is a forecast."""


@dataclass(frozen=True)
class Forecast:
    """Everything training publishes about the future, and how well the same method did in the past."""

    nodes: tuple[str, ...]
    dates: tuple[Any, ...]
    levels: tuple[float, ...]
    variants: dict[str, Variant]
    contributions: dict[str, np.ndarray]
    """Units per (node, step) by cause; over causes they sum to the ensemble's mean, over nodes they add up."""
    sufficiency: tuple[str, ...]
    """full | short | pooled | none, per node."""
    max_horizon: np.ndarray
    """Steps ahead that a node's history supports."""
    backtest: pl.DataFrame
    scores: pl.DataFrame
    booster_text: str | None
    tree_settings: dict[str, Any]
    """What the global tree was trained with besides its defaults."""
    season_source: tuple[str, ...] = ()
    """Where each node's yearly shape comes from: own | pooled from category | calendar prior | none."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What a reader should know of how it was made: methods left out, time budget, how it was reconciled."""
    learned: Learned | None = None
    """What a refresh needs of the run that made this."""


def flat_hierarchy(ids: tuple[str, ...]) -> Hierarchy:
    """Every series its own node; nothing to add up."""
    from scipy.sparse import identity

    return Hierarchy(ids, identity(len(ids), format="csr"), ("series",) * len(ids))


def first_seen(summing: csr_matrix, panel: Panel) -> np.ndarray:
    """Index of the first step at which any child of a node was seen, (nodes,)."""
    begun = np.isfinite(panel.y)
    seen = np.where(begun.any(axis=1), begun.argmax(axis=1), panel.y.shape[1]) if panel.seen is None else panel.seen
    return np.minimum.reduceat(np.asarray(seen)[summing.indices], summing.indptr[:-1])


def observations(y: np.ndarray) -> np.ndarray:
    """Number of observed steps per series, (n,)."""
    return np.asarray(np.isfinite(y).sum(axis=1))


def sufficiency_of(count: np.ndarray, season: int) -> tuple[str, ...]:
    """How much history each node has: none, pooled (< 8), short (less than a season and less than 52), full."""
    full = max(MINIMUM_OBSERVATIONS, min(52, 2 * season if season < 26 else season))
    names = np.select([count == 0, count < MINIMUM_OBSERVATIONS, count < full], ["none", "pooled", "short"], "full")
    return tuple(str(name) for name in names)


def honest_horizon(count: np.ndarray, sufficiency: tuple[str, ...], horizon: int) -> np.ndarray:
    """Steps ahead a history supports: all of them when full, half its length when short, four at most when pooled."""
    words = np.array(sufficiency)
    steps = np.select([words == "none", words == "pooled", words == "short"], [0, np.minimum(count, 4), count // 2], horizon)
    return np.asarray(np.minimum(steps, horizon).astype(int))
