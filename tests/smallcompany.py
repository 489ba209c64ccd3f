"""A small company whose demand has a yearly season, holidays, a newcomer and a series that never moved; and what a full run said of it."""

from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix

from rfid3_demand.model import Forecast, Hierarchy, Panel, fit_forecast
from rfid3_shared.series import parse_frequency

HORIZON, STEPS, CLASSES, STORES = 8, 120, 5, 3
NEW = 2
"""Weeks that have passed since the full run."""
TREE = {"num_leaves": 15}
"""A smaller tree than usual: what must hold of every forecast holds of one with it, and most of a small run is growing trees."""


def company(classes: int = CLASSES, steps: int = STEPS) -> tuple[np.ndarray, Panel, Hierarchy]:
    """A small company with a yearly season and holidays: all weeks, the panel without the last HORIZON, and its hierarchy."""
    rng = np.random.default_rng(6)
    n, weeks = classes * STORES, np.arange(steps + HORIZON)
    level = np.exp(rng.normal(0.8, 1.0, n))
    season = np.exp(0.9 * np.cos(2 * np.pi * (weeks - 26) / 52.18))
    y = rng.poisson(level[:, None] * season * rng.gamma(4, 0.25, (n, len(weeks)))).astype(float)
    y[0, : steps - NEW - 3] = np.nan  # a newcomer, three weeks old at the full run
    y[1] = np.nan  # never seen
    category, store = np.repeat(np.arange(classes) % 2, STORES), np.tile(np.arange(STORES), classes)
    rows = [np.eye(n), np.repeat(np.eye(classes), STORES, axis=1), [category == 0], [category == 1], [np.ones(n)]]
    levels = ("class/store",) * n + ("class/all",) * classes + ("category/all",) * 2 + ("all/all",)
    summing = csr_matrix(np.vstack([np.asarray(r, dtype=float) for r in rows]))
    names = tuple(f"node {k}" for k in range(summing.shape[0]))
    panel = Panel(
        ids=names[:n],
        dates=tuple(date(2023, 1, 2) + timedelta(weeks=int(w)) for w in range(steps)),
        y=y[:, :steps],
        frequency=parse_frequency("W-MON"),
        season=52,
        groups={"category": category, "store": store},
        known={"holiday_days": (weeks % 17 == 0).astype(float)},
        past={"temperature": np.sin(weeks[:steps] / 8.3)},
    )
    return y, panel, Hierarchy(names, summing, levels)


def cut(panel: Panel, steps: int) -> Panel:
    """The panel as it was after so many steps."""
    past = {name: values[..., :steps] for name, values in panel.past.items()}
    known = {name: values[..., : steps + HORIZON] for name, values in panel.known.items()}
    return replace(panel, dates=panel.dates[:steps], y=panel.y[:, :steps], past=past, known=known)


@lru_cache(maxsize=1)
def full() -> Forecast:
    """A full run NEW weeks ago, made once for all tests that look at it."""
    _, panel, tree = company()
    return fit_forecast(cut(panel, STEPS - NEW), HORIZON, hierarchy=tree, tree_settings=TREE)
