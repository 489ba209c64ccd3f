"""What do we say at each origin, as a whole and method by method?"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from rfid3_demand.evaluation.rolling import Window
from rfid3_demand.evaluation.said import LEVELS, Contender, Said, Share

OURS = "rfid3"


def forecast(windows: Sequence[Window], share: Share) -> Iterator[Said]:
    """Our forecast, exactly as `rfid3 demand forecast` makes it."""
    from rfid3_demand.model.fit import fit_forecast

    accepted = inspect.signature(fit_forecast).parameters
    wanted: dict[str, Any] = {"budget_s": share.budget_s, "ensemble_only": True}
    options = {name: value for name, value in wanted.items() if name in accepted}
    for k, window in enumerate(windows):
        began = perf_counter()
        said = fit_forecast(window.panel, window.horizon, levels=LEVELS, **options).variants["ensemble"]
        rows = np.arange(len(window.truth))
        yield Said(OURS, k, rows, said.mean.astype(float), said.quantiles.astype(float), perf_counter() - began)


def members(windows: Sequence[Window], share: Share) -> Iterator[Said]:
    """Every method alone, points only; a series it has nothing to say of counts as not answered."""
    from rfid3_demand.model import candidates, global_tree
    from rfid3_demand.model.nodes import node_data, worth_a_tree
    from rfid3_demand.model.panel import flat_hierarchy

    for k, window in enumerate(windows):
        data = node_data(window.panel, flat_hierarchy(window.panel.ids).summing, window.horizon)
        cut = data.y.shape[1]
        for method in candidates.METHODS:
            began = perf_counter()
            said = candidates.statistical(data, cut, window.horizon, (method,)).get(method.name)
            if said is not None:
                yield _member(method.name, k, said, perf_counter() - began)
        if worth_a_tree(data):
            began = perf_counter()
            tree = global_tree.train(data, cut, window.horizon)
            if tree is not None:
                yield _member("lightgbm", k, global_tree.predict(tree, data, cut, window.horizon), perf_counter() - began)


def _member(name: str, window: int, said: np.ndarray, seconds: float) -> Said:
    rows = np.flatnonzero(np.isfinite(said).all(axis=1))
    return Said(f"· {name}", window, rows, said[rows], None, seconds)


FORECAST = Contender(OURS, "ours", forecast)
MEMBERS = Contender("members", "member", members)
