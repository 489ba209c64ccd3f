"""Weights at past origins: do they know what they are asked to foretell?"""

from dataclasses import replace

import numpy as np
import pytest

from rfid3_demand.model import trust
from rfid3_demand.model.backtest import Rounds
from rfid3_demand.model.nodes import node_data
from rfid3_demand.model.panel import Panel, flat_hierarchy
from rfid3_demand.model.tree_features import TreeData
from rfid3_shared.series import parse_frequency

STEPS, CUTS, METHODS = 4, [60, 62, 64, 68, 72], 8
PEERS, SCALE = np.zeros(6, dtype=int), np.ones(6)


def found(counts: bool = False) -> tuple[TreeData, Rounds]:
    """Six series, and methods that are each right but for noise of their own."""
    rng = np.random.default_rng(0)
    y = 100.0 + rng.integers(0, 5, size=(6, CUTS[-1] + STEPS)) + (0.0 if counts else 0.5)
    panel = Panel(tuple("abcdef"), tuple(range(y.shape[1])), y, parse_frequency("h"), 24, counts=counts)
    outcomes = np.stack([y[:, c : c + STEPS] for c in CUTS], axis=1)
    said = {f"method_{k}": outcomes + rng.normal(size=outcomes.shape) for k in range(METHODS)}
    return node_data(panel, flat_hierarchy(panel.ids).summing, STEPS), Rounds(
        CUTS, STEPS, outcomes, said, outcomes, outcomes, False
    )


def at_origins(data: TreeData, rounds: Rounds) -> list[dict[str, np.ndarray]]:
    """The weights that were meant for each origin."""
    return trust.trust_at_origins(data, rounds, PEERS, SCALE, trust.trust_in(data, rounds, PEERS, SCALE))


class TestApart:
    def test_origins_that_share_an_outcome_do_not_judge_each_other(self) -> None:
        """Two origins are apart when the later begins where the earlier ends, or after."""
        apart = found()[1].apart
        assert apart[0].tolist() == [False, False, True, True, True]
        assert apart[2].tolist() == [True, False, False, True, True]

    def test_where_all_overlap_the_others_judge(self) -> None:
        """An origin that shares outcomes with every other is judged by all but itself; a single one by none."""
        rounds = found()[1]
        np.testing.assert_array_equal(replace(rounds, steps=20).apart, ~np.eye(5, dtype=bool))
        assert not rounds.only(np.arange(5) == 0).apart.any()


class TestTrustAtOrigins:
    def test_weights_do_not_know_their_own_origin(self) -> None:
        """Other outcomes from the third origin on change the weights of the origins apart from it, and not its own."""
        data, rounds = found()
        changed = rounds.outcomes.copy()
        changed[:, 2] += 50.0 * (np.arange(6)[:, None] + 1)
        before, after = at_origins(data, rounds), at_origins(data, replace(rounds, outcomes=changed))
        for name in before[2]:
            np.testing.assert_array_equal(before[2][name], after[2][name])
        assert any((before[4][name] != after[4][name]).any() for name in before[4])

    def test_the_mixture_errs_as_it_will(self) -> None:
        """Methods of equal worth, where equal weights are best: weights that have not seen an origin err there by no less, and by
        more than weights chosen by these very errors seem to."""
        data, rounds = found()
        error = np.stack([rounds.forecasts[name] - rounds.outcomes for name in sorted(rounds.forecasts)])
        equal = (error.mean(axis=0) ** 2).mean()

        def squared(weights: list[dict[str, np.ndarray]]) -> float:
            share = np.stack([[each[name] for name in sorted(each)] for each in weights], axis=2)
            return float(((share[..., None] * error).sum(axis=0) ** 2).mean())

        unseen, seen = at_origins(data, rounds), [trust.trust_in(data, rounds, PEERS, SCALE)] * len(CUTS)
        assert squared(unseen) >= equal
        assert squared(unseen) > squared(seen)

    def test_a_newcomer_keeps_the_weights_it_has(self) -> None:
        """A series known at the newest origin only has no weights from others: those of all hold, and sum to 1."""
        data, rounds = found()
        outcomes = rounds.outcomes.copy()
        outcomes[0, :4] = np.nan
        rounds = replace(rounds, outcomes=outcomes)
        now, last = trust.trust_in(data, rounds, PEERS, SCALE), at_origins(data, rounds)[4]
        assert [last[name][0] for name in last] == [now[name][0] for name in last]
        assert sum(last[name] for name in last) == pytest.approx(np.ones(6))

    def test_counts_keep_the_weights_of_all(self) -> None:
        """Weights of counts lean on a thousand errors of the kind: every origin has those of all."""
        data, rounds = found(counts=True)
        now = trust.trust_in(data, rounds, PEERS, SCALE)
        for each in trust.trust_at_origins(data, rounds, PEERS, SCALE, now):
            assert each == now
