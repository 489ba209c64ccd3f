"""What does each method say at one origin? Every candidate's forecast for every node, from the past alone.

METHODS is the list of them all: a new method is a room of its own and one line here. Most work on seasonally adjusted series
and get the season back afterwards; intermittent methods answer for intermittent nodes only, Holt–Winters for dense ones with
a short season.
"""

from collections.abc import Callable, Sequence

import numpy as np

from rfid3_demand.model import count_mixture, intermittent, naive, regression, smoothing
from rfid3_demand.model.engine import BLOCK_SERIES, LOCAL, Answers, Engine
from rfid3_demand.model.method import Method
from rfid3_demand.model.panel import MINIMUM_OBSERVATIONS
from rfid3_demand.model.past import Past
from rfid3_demand.model.reach import within_reach
from rfid3_demand.model.tree_features import TreeData

LONGEST_HOLT_WINTERS_SEASON = 24


def _sparse_only(fn: Callable[[np.ndarray, int], np.ndarray]) -> Callable[[Past], np.ndarray]:
    return lambda past: _only(past.sparse, past.restored(fn(past.adjusted, past.horizon)))


def _adjusted(fn: Callable[[np.ndarray, int], np.ndarray]) -> Callable[[Past], np.ndarray]:
    return lambda past: past.restored(fn(past.adjusted, past.horizon))


def _seasonal_naive(past: Past) -> np.ndarray:
    return _only(past.count >= past.season, naive.seasonal_naive(past.y, past.horizon, past.season))


def _holt_winters(past: Past) -> np.ndarray | None:
    seasons = past.data.seasons
    if not seasons or seasons[0] > LONGEST_HOLT_WINTERS_SEASON or past.y.shape[1] < 3 * seasons[0]:
        return None
    dense = ~past.sparse & (past.count >= 3 * seasons[0])
    if not dense.any():
        return None
    short = past.short_profile
    result = np.full((len(past.y), past.horizon), np.nan)
    said = smoothing.holt_winters(past.y[dense], past.horizon, short[dense], past.data.multiplicative)
    result[dense] = within_reach(said, past.y[dense])
    return result


def _from_windows(which: int) -> Callable[[Past], np.ndarray | None]:
    def said(past: Past) -> np.ndarray | None:
        # few units are mostly noise, and a normalised window of them says little; in a hierarchy the many noisy series at the
        # bottom teach the few at the top (Australian tourism, earlier origins: totals 10 to 20 % worse with it)
        if past.data.counts or "children" in past.data.static or past.from_windows is None:
            return None
        return _only(~past.sparse, within_reach(past.from_windows[which], past.y))

    return said


def _empirical_bayes(past: Past) -> np.ndarray | None:
    if not past.data.counts:
        return None
    return past.restored(np.repeat(count_mixture.mean_of(past.chances)[:, None], past.horizon, axis=1))


METHODS: tuple[Method, ...] = (
    Method("seasonal_naive", _seasonal_naive),
    Method("moving_average_4", _adjusted(lambda x, horizon: naive.window_mean(x, horizon, 4))),
    Method("moving_average_13", _adjusted(lambda x, horizon: naive.window_mean(x, horizon, 13))),
    Method("ets", _adjusted(smoothing.ets)),
    Method("theta", _adjusted(smoothing.theta)),
    Method("croston_sba", _sparse_only(intermittent.croston_sba)),
    Method("tsb", _sparse_only(intermittent.tsb), pools=True),
    Method("adida", lambda past: _only(past.sparse, past.restored(past.in_buckets[0]))),
    Method("imapa", lambda past: _only(past.sparse, past.restored(past.in_buckets[1]))),
    Method("empirical_bayes", _empirical_bayes, pools=True),
    Method("holt_winters", _holt_winters, cost=2),
    Method("pooled_regression", _from_windows(0), cost=2, pools=True),
    Method("own_regression", _from_windows(1), cost=2, pools=True),
    # it asks how many series there are, so it looks at them all
    Method("regression", regression.forecast, cost=3, pools=True),
    Method(
        "pooled",
        lambda past: past.restored(naive.pooled_level(past.adjusted, past.horizon, past.data.relatives)),
        newcomers=True,
        pools=True,
    ),
)


def statistical(
    data: TreeData, cut: int, horizon: int, methods: Sequence[Method] = METHODS, engine: Engine = LOCAL
) -> dict[str, np.ndarray]:
    """Forecasts (nodes, H) by method name; NaN where a method does not apply. The engine changes where, not what."""
    return from_past(Past(data, cut, horizon), methods, engine)


def from_past(past: Past, methods: Sequence[Method] = METHODS, engine: Engine = LOCAL) -> dict[str, np.ndarray]:
    """The same of a past that the caller goes on looking at."""
    enough, shape = past.count >= MINIMUM_OBSERVATIONS, (len(past.y), past.horizon)
    blocks = [slice(start, start + BLOCK_SERIES) for start in range(0, len(past.y), BLOCK_SERIES)]
    alone = [method for method in methods if not method.pools]
    parts = engine.answer([past.rows(at) for at in blocks], alone)
    result = {}
    for method in methods:
        said = method.forecast(past) if method.pools else _joined(parts, method.name, blocks, shape)
        if said is not None:
            said = _only(~enough if method.newcomers else enough, said)
            result[method.name] = np.maximum(said, 0.0) if past.data.counts else said
    return result


def _joined(parts: list[Answers], name: str, blocks: list[slice], shape: tuple[int, int]) -> np.ndarray | None:
    """One method's answers for all nodes; None when it applied to no block."""
    if not any(name in part for part in parts):
        return None
    whole = np.full(shape, np.nan)
    for at, part in zip(blocks, parts, strict=True):
        if name in part:
            whole[at] = part[name]
    return whole


def _only(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where(rows[:, None], values, np.nan)
