"""What would each stage of a fit cost here, on these data? Timed on two small samples of series and drawn out in a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from rfid3_demand.model import backtest, candidates, global_tree
from rfid3_demand.model.budget import CHEAPEST, Costs
from rfid3_demand.model.count_history import seen_from
from rfid3_demand.model.method import Method
from rfid3_demand.model.panel import flat_hierarchy
from rfid3_demand.model.past import Past
from rfid3_demand.model.tree_features import TreeData
from rfid3_demand.model.trust import trust_at_origins, trust_in
from rfid3_demand.model.variants import checked_quantiles, learned_variant, variant

SAMPLES = (60, 240)
"""Series timed; below the second all are, and nothing is drawn out."""
PROBED_TREES = 8


def measured(
    data: TreeData, cuts: list[int], steps: int, horizon: int, season: int, methods: Sequence[Method], with_tree: bool,
    families: int, levels: np.ndarray, clock: Callable[[], float], too_late: Callable[[], bool],
) -> Costs | None:  # fmt: skip
    """Estimated seconds of each stage for all nodes; families: of how many the intervals are made.

    None as soon as `too_late` says that measuring has taken more than its share.
    """
    n, cut = len(data.y), data.y.shape[1]
    sizes = [size for size in SAMPLES if size < n] if n > SAMPLES[1] else [n]
    samples = [data.rows(np.unique(np.linspace(0, n - 1, size).astype(int))) for size in sizes]
    chances = {len(part.y): Past(part, cut, horizon).chances for part in samples} if data.counts else {}
    _rest(samples[0], cuts, steps, horizon, season, methods, families, levels)  # tables that are built once are not counted

    def drawn_out(work: Callable[[TreeData], object]) -> float:
        return _line(sizes, [_seconds(partial(work, part), clock) for part in samples], n)

    def ask(method: Method, part: TreeData) -> object:
        past = Past(part, cut, horizon)
        if part.counts:
            past.__dict__["chances"] = chances[len(part.y)]  # counted with the rest, which needs them whatever is left out
        return candidates.from_past(past, [method])

    each = {}
    for method in methods:
        if too_late():
            return None
        each[method.name] = drawn_out(partial(ask, method))
    if too_late():
        return None
    rest = drawn_out(lambda part: _rest(part, cuts, steps, horizon, season, methods, families, levels))
    if not with_tree:
        return Costs(each, rest=rest)
    if too_late():
        return None
    part, ratio = samples[-1], n / len(samples[-1].y)
    grown = _seconds(lambda: global_tree.train(part, cut, horizon, rounds=PROBED_TREES), clock)
    tree = global_tree.train(part, cut, horizon, rounds=1)
    asked = 0.0 if tree is None else _seconds(lambda: global_tree.predict(tree, part, cut, horizon), clock) * ratio
    # rows are as many as ROW_BUDGET allows whatever the number of series; few series have fewer, and are timed whole
    whole = grown * global_tree.ROUNDS / PROBED_TREES
    return Costs(each, whole * max(1.0, min(ratio, 2.0)), asked * 1.5, rest)


def _rest(
    data: TreeData, cuts: list[int], steps: int, horizon: int, season: int, methods: Sequence[Method], families: int,
    levels: np.ndarray,
) -> None:  # fmt: skip
    cheap = [method for method in methods if method.name in CHEAPEST]
    rounds = backtest.run(data, (cuts, steps), season, False, lambda stage, done, total: None, methods=cheap)
    n = len(data.y)
    summing, peers, scale = flat_hierarchy(tuple(map(str, range(n)))).summing, np.zeros(n, dtype=int), np.ones(n)
    trust = trust_in(data, rounds, peers, scale)
    now = Past(data, data.y.shape[1], horizon)
    said = candidates.from_past(now, cheap)
    past_trust = trust_at_origins(data, rounds, peers, scale, trust)
    levels_of = np.array(["series"] * n)
    seen, chances = None, now.chances if data.counts else None
    if chances is not None:
        seen = seen_from(data, levels_of, [*rounds.cutoffs, data.y.shape[1]], [*rounds.chances, chances])
    names = [name for name in said if name in CHEAPEST]
    past = rounds.outcomes
    for _ in range(families):
        learned, past = learned_variant(summing, data, rounds, past_trust, names, peers, scale, horizon, levels_of, seen=seen)
        variant(summing, data, trust, said, learned, levels, chances)
    checked = checked_quantiles(rounds, past, peers, scale, data.counts, seen)
    backtest.scores(rounds, past, checked, levels_of, np.array(["smooth"] * n), scale)


def _seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    begun = clock()
    work()
    return clock() - begun


def _line(sizes: list[int], seconds: list[float], n: int) -> float:
    """Seconds for n series on the line through what was timed; never less than in proportion to half of the last."""
    if len(sizes) == 1:
        return seconds[0] * n / max(sizes[0], 1)
    slope = max((seconds[1] - seconds[0]) / (sizes[1] - sizes[0]), 0.5 * seconds[1] / sizes[1])
    return seconds[1] + slope * (n - sizes[1])
