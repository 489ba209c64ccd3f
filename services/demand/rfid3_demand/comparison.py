"""Is a new model better than the one that serves? Both on the same origins, nodes and weeks; pure over two snapshots.

What the champion said about a week from what was known before it is known twice over: its back-test, and the forecasts it
published for weeks that have passed since. The candidate was checked at the same origins (`fit_forecast(earlier_origins=…)`),
and the outcomes are those of the newer data, for both.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from rfid3_demand import performance
from rfid3_demand.nodes import ALL, Node
from rfid3_demand.performance import EPOCH
from rfid3_demand.snapshot import ARRAYS, OPTIONAL, Snapshot
from rfid3_shared.registry.gate import Comparison

ENSEMBLE = "ensemble"
Key = tuple[Node, int, int]
"""Node, day number of the last known week, day number of the week forecast."""


def origins_of(champion: Snapshot | None) -> list[date]:
    """The last known weeks (Mondays) the champion's forecasts on record were made from, its own last one included."""
    if champion is None:
        return []
    days = {int(day) for day in np.unique(champion.backtest[:, 1])} | {_number(_last_known(champion))}
    return [EPOCH + timedelta(days=day) for day in sorted(days)]


def judged_nodes(snapshot: Snapshot) -> list[Node]:
    """Where a model is judged: category totals over all stores, or everything where there is no category."""
    categories = [node for node in snapshot.rows if node.level == "category" and node.store == ALL]
    return categories or [node for node in snapshot.rows if node.level == ALL and node.store == ALL]


def compare(candidate: Snapshot, champion: Snapshot | None) -> Comparison:
    """The candidate beside the champion and the naive baselines, as WAPE over the judged nodes.

    With a champion everything is taken over what both forecast; `champion_loss` is None where that is nothing.
    """
    nodes = judged_nodes(candidate)
    rows = {key: part for node in nodes for key, part in _tested(candidate, node)}
    champions = {} if champion is None else dict(_said(champion, nodes))
    shared = [key for key in rows if key in champions]
    keys = shared or list(rows)
    actual, own, naive, mean_4 = (np.array([rows[key][at] for key in keys], float) for at in range(4))
    theirs = np.array([champions[key] for key in shared], float)
    cutoffs = sorted({cutoff for _, cutoff, _ in keys})
    return Comparison(
        loss_name="WAPE of category totals",
        candidate_loss=performance.wape(actual, own), champion_loss=performance.wape(actual, theirs) if shared else None,
        naive_losses={"seasonal naive": performance.wape(actual, naive), "4-week mean": performance.wape(actual, mean_4)},
        origins=len(cutoffs), pairs=len(keys),
        coverage=_coverage(candidate, nodes), champion_coverage=None if champion is None else _coverage(champion, nodes),
        newer_data=champion is not None and candidate.spec.data_as_of > champion.spec.data_as_of,
        same_content=champion is not None and says_the_same(candidate, champion),
    )  # fmt: skip


def says_the_same(one: Snapshot, other: Snapshot) -> bool:
    """Whether both give every answer alike; which job made them does not matter."""
    return replace(one.spec, job_id="") == replace(other.spec, job_id="") and all(
        _alike(getattr(one, name), getattr(other, name)) for name in (*ARRAYS, *OPTIONAL)
    )


def _alike(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and np.array_equal(one, other, equal_nan=True)


def _tested(snapshot: Snapshot, node: Node) -> Iterator[tuple[Key, tuple[float, float, float, float]]]:
    """Key → (outcome, forecast, seasonal naive, 4-week mean) of the back-test."""
    for part in _rows(snapshot, node):
        yield (node, int(part[1]), int(part[2])), (part[3], part[_ensemble(snapshot)], part[4], part[5])


def _said(champion: Snapshot, nodes: list[Node]) -> Iterator[tuple[Key, float]]:
    """Key → forecast, of the back-test and of what was published."""
    cutoff = _number(_last_known(champion))
    # what was said about a week that had begun rests on part of its outcome
    first = 0 if champion.spec.week_in_progress is None else 1
    for node in nodes:
        for part in _rows(champion, node):
            yield (node, int(part[1]), int(part[2])), float(part[_ensemble(champion)])
        if node in champion.rows:
            published = champion.means[champion.spec.variants.index(ENSEMBLE), champion.rows[node]]
            for k, week in list(enumerate(champion.weeks))[first:]:
                yield (node, cutoff, _number(week)), float(published[k])


def _rows(snapshot: Snapshot, node: Node) -> np.ndarray:
    row = snapshot.rows.get(node, -1)
    first, last = np.searchsorted(snapshot.backtest[:, 0], [row, row + 1])
    part: np.ndarray = np.asarray(snapshot.backtest[first:last], float)
    known: np.ndarray = np.isfinite(part[:, 3]) & np.isfinite(part[:, _ensemble(snapshot)])
    return np.asarray(part[known])


def _ensemble(snapshot: Snapshot) -> int:
    """Column of the ensemble's mean in the back-test."""
    return 6 + snapshot.spec.variants.index(ENSEMBLE)


def _coverage(snapshot: Snapshot, nodes: list[Node]) -> dict[float, float]:
    """Nominal level → share of outcomes inside, over all back-test rows of the nodes."""
    parts = [performance.tested(snapshot, snapshot.rows[node]) for node in nodes if node in snapshot.rows]
    found: dict[float, float] = {}
    for level in (0.8, 0.9):
        shares = [(performance.coverage(part, level), len(part.actual)) for part in parts]
        known = [(share, count) for share, count in shares if share is not None]
        if known:
            found[level] = float(np.average([share for share, _ in known], weights=[count for _, count in known]))
    return found


def _last_known(snapshot: Snapshot) -> date:
    return snapshot.spec.first_week - timedelta(days=7)


def _number(day: date) -> int:
    return (day - EPOCH).days
