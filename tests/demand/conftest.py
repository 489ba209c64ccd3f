"""A snapshot small enough to check by hand: two classes, two stores, one category with history and one without."""

from datetime import date, timedelta

import numpy as np
import pytest

from rfid3_demand.snapshot import Snapshot, Spec

LEVELS = [0.005, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.995]
WEEKS, HISTORY = 8, 20
BOTTOM = [("61825", "3607"), ("61825", "8101"), ("61839", "8101")]
ABOVE = [
    ("class", "61825", "all", [0, 1]), ("class", "61839", "all", [2]),
    ("category", "Round Linen", "3607", [0]), ("category", "Round Linen", "8101", [1, 2]), ("category", "Round Linen", "all", [0, 1, 2]),
    ("all", "all", "3607", [0]), ("all", "all", "8101", [1, 2]), ("all", "all", "all", [0, 1, 2]),
]  # fmt: skip


def _quantiles(mean: np.ndarray) -> np.ndarray:
    spread = np.array([-1.6, -1.2, -1.0, -0.4, 0.0, 0.4, 1.0, 1.2, 1.6])
    return np.maximum(mean[..., None] + 0.5 * mean[..., None] * spread, 0)


@pytest.fixture(scope="session")
def snapshot() -> Snapshot:
    first = date(2025, 6, 30)
    bottom = np.array([[10.0 + k for k in range(WEEKS)], [20.0] * WEEKS, [4.0] * WEEKS])
    members = [[0], [1], [2], *(rows for *_, rows in ABOVE)]
    mean = np.stack([bottom[rows].sum(axis=0) for rows in members]).astype(np.float32)
    nodes = [{"level": "class", "name": name, "store": store} for name, store in BOTTOM]
    nodes += [{"level": level, "name": name, "store": store} for level, name, store, _ in ABOVE]
    means = np.stack([mean, mean * 0.5])
    count = len(nodes)
    past = np.tile(np.arange(HISTORY, dtype=np.float32), (count, 1))
    tested = [
        [row, (first - date(1970, 1, 1)).days - 7 * (k + 2), (first - date(1970, 1, 1)).days - 7 * (k + 1), 10 + k, 8, 9, 10, 12, 2, 10, 18]
        for row in range(count) for k in reversed(range(12))
    ]  # fmt: skip
    above = [
        {"class": name, "subcategory": f"Round Linen / {name}", "category": "Round Linen", "all": "all"} for name, _ in BOTTOM
    ]
    spec = Spec(
        job_id="0" * 32, data_from=first - timedelta(days=7 * HISTORY), data_as_of=first, first_week=first, horizon_weeks=WEEKS,
        history_weeks=HISTORY, levels=LEVELS, variants=["ensemble", "lightgbm"],
        weights=[{"lightgbm": [0.25] * count, "theta": [0.75] * count}, {"lightgbm": [1.0] * count}],
        causes=["level", "season", "holidays", "weather"], external_factors=["holidays", "temperature"], nodes=nodes,
        labels=["90 ROUND WHITE", "90 ROUND WHITE", "90 ROUND SHRIMP"] + [place["name"] for place in nodes[3:]], bottom=above,
        sufficiency=["full"] * count, max_horizon_weeks=[WEEKS] * (count - 1) + [4], rate_coverage=[1.0] * (count - 1) + [0.5],
        inferred_store_share=[0.0] * (count - 1) + [0.25], stores={"3607": "Wayzata", "8101": "Fridley"},
        store_aliases={"3607": "3607", "001": "3607", "1": "3607", "1.0": "3607", "8101": "8101", "003": "8101", "3.0": "8101"},
        categories=["Round Linen", "Tables"], week_in_progress={"units": [1.0] * count, "share_ahead": 0.8},
        holiday_names=[["Independence Day"]] + [[]] * (WEEKS - 1), stockout_alert_ratio=0.2,
        backtest_levels=[0.1, 0.5, 0.9], scores=[], notes={}, season_source=["own"] * count,
        events={"weeks": [], "names": [], "contracts": {}},
        counts={"training_observations": 60, "validation_observations": 12},
    )  # fmt: skip
    causes = np.stack([mean * share for share in (0.6, 0.2, 0.15, 0.05)]).astype(np.float32)
    risk = np.full((count, WEEKS), 0.05, np.float32)
    risk[1, 2] = 0.46
    return Snapshot(
        spec=spec, means=means, quantiles=_quantiles(means).astype(np.float32), contributions=causes, stockout=risk,
        fleet=np.full(count, 25, np.float32), revenue=mean * 12, history=past, backtest=np.array(tested, np.float32),
        refused=np.full_like(past, np.nan), at_hand=np.full_like(mean, 25), booked=np.full_like(mean, np.nan),
    )  # fmt: skip
