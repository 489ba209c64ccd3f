"""A small company whose demand has a yearly season, holidays, a newcomer and a series that never moved."""

from datetime import date, timedelta

import numpy as np
from scipy.sparse import csr_matrix

from rfid3_demand.model import Hierarchy, Panel
from rfid3_shared.series import parse_frequency

HORIZON, STEPS, CLASSES, STORES = 13, 120, 8, 3


def company() -> tuple[np.ndarray, Panel, Hierarchy]:
    """A small company with a yearly season and holidays: all weeks, the panel without the last 13, and its hierarchy."""
    rng = np.random.default_rng(6)
    n, weeks = CLASSES * STORES, np.arange(STEPS + HORIZON)
    level = np.exp(rng.normal(0.8, 1.0, n))
    season = np.exp(0.9 * np.cos(2 * np.pi * (weeks - 26) / 52.18))
    y = rng.poisson(level[:, None] * season * rng.gamma(4, 0.25, (n, len(weeks)))).astype(float)
    y[0, : STEPS - 3] = np.nan  # a newcomer
    y[1] = np.nan  # never seen
    category, store = np.repeat(np.arange(CLASSES) % 2, STORES), np.tile(np.arange(STORES), CLASSES)
    rows = [np.eye(n), np.repeat(np.eye(CLASSES), STORES, axis=1), [category == 0], [category == 1], [np.ones(n)]]
    levels = ("class/store",) * n + ("class/all",) * CLASSES + ("category/all",) * 2 + ("all/all",)
    summing = csr_matrix(np.vstack([np.asarray(r, dtype=float) for r in rows]))
    names = tuple(f"node {k}" for k in range(summing.shape[0]))
    panel = Panel(
        ids=names[:n],
        dates=tuple(date(2023, 1, 2) + timedelta(weeks=int(w)) for w in range(STEPS)),
        y=y[:, :STEPS],
        frequency=parse_frequency("W-MON"),
        season=52,
        groups={"category": category, "store": store},
        known={"holiday_days": (weeks % 17 == 0).astype(float)},
        past={"temperature": np.sin(weeks[:STEPS] / 8.3)},
    )
    return y, panel, Hierarchy(names, summing, levels)
