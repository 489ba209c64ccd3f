"""Are two models held against each other on what both said, and on nothing else?"""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from rfid3_demand import comparison
from rfid3_demand.nodes import Node
from rfid3_demand.performance import EPOCH
from rfid3_demand.snapshot import Snapshot

LINEN = Node("category", "Round Linen", "all")


def with_backtest(snapshot: Snapshot, rows: list[list[float]], **spec: object) -> Snapshot:
    """The snapshot with another back-test: node, cutoff, week, outcome, naive, 4-week mean, two means, three quantiles."""
    return replace(snapshot, spec=replace(snapshot.spec, **spec), backtest=np.array(rows, np.float32))  # type: ignore[arg-type]


def row(
    snapshot: Snapshot, cutoff: date, week: date, outcome: float, said: float, naive: float = 0, mean_4: float = 0
) -> list[float]:
    """One back-test row of the category's total."""
    days = [(day - EPOCH).days for day in (cutoff, week)]
    return [snapshot.rows[LINEN], *days, outcome, naive, mean_4, said, said, said - 2, said, said + 2]


MONDAYS = [date(2025, 5, 5) + timedelta(days=7 * k) for k in range(12)]


class TestCompare:
    def test_only_what_both_forecast_counts(self, snapshot: Snapshot) -> None:
        """WAPEs are over shared origins and weeks; the candidate's further origins do not flatter it."""
        champion = with_backtest(
            snapshot, [row(snapshot, MONDAYS[0], MONDAYS[1], 10, 8), row(snapshot, MONDAYS[0], MONDAYS[2], 20, 15)]
        )
        candidate = with_backtest(
            snapshot,
            [
                row(snapshot, MONDAYS[0], MONDAYS[1], 10, 9, naive=4, mean_4=7),
                row(snapshot, MONDAYS[0], MONDAYS[2], 20, 19, naive=20, mean_4=11),
                row(snapshot, MONDAYS[1], MONDAYS[2], 20, 20),
            ],
        )  # fmt: skip

        found = comparison.compare(candidate, champion)

        assert (found.origins, found.pairs) == (1, 2)
        assert found.candidate_loss == pytest.approx(2 / 30)
        assert found.champion_loss == pytest.approx(7 / 30)
        assert found.naive_losses == {"seasonal naive": pytest.approx(6 / 30), "4-week mean": pytest.approx(12 / 30)}

    def test_what_the_champion_published_counts_once_the_weeks_have_passed(self, snapshot: Snapshot) -> None:
        """Its published forecast of a later week is an out-of-sample forecast from its own last week; not the week in progress."""
        first = snapshot.spec.first_week
        cutoff = first - timedelta(days=7)
        champion = with_backtest(snapshot, [row(snapshot, MONDAYS[0], MONDAYS[1], 10, 8)])
        published = float(champion.means[0, champion.rows[LINEN], 1])
        candidate = with_backtest(
            snapshot, [row(snapshot, cutoff, first, 30, 30), row(snapshot, cutoff, first + timedelta(days=7), 40, 38)],
            data_as_of=first + timedelta(days=20),
        )  # fmt: skip

        found = comparison.compare(candidate, champion)

        assert found.pairs == 1
        assert found.champion_loss == pytest.approx(abs(40 - published) / 40)
        assert found.newer_data

    def test_nothing_in_common_is_said(self, snapshot: Snapshot) -> None:
        """Without a shared origin the champion's loss is unknown; the naive baselines still count."""
        champion = with_backtest(snapshot, [row(snapshot, MONDAYS[0], MONDAYS[1], 10, 8)])
        candidate = with_backtest(snapshot, [row(snapshot, MONDAYS[4], MONDAYS[5], 10, 9, naive=4, mean_4=7)])

        found = comparison.compare(candidate, champion)

        assert found.champion_loss is None
        assert found.candidate_loss == pytest.approx(0.1)
        assert found.naive_losses["seasonal naive"] == pytest.approx(0.6)

    def test_coverage_is_counted(self, snapshot: Snapshot) -> None:
        """Of four outcomes three lie within ±2 of the forecast, which is the 80 % interval here."""
        outcomes = [10, 12, 13, 10]
        rows = [row(snapshot, MONDAYS[0], MONDAYS[k + 1], outcome, 10) for k, outcome in enumerate(outcomes)]

        assert comparison.compare(with_backtest(snapshot, rows), None).coverage == {0.8: pytest.approx(0.75)}

    def test_the_same_answers_are_the_same_content(self, snapshot: Snapshot) -> None:
        """Another job id is no other model; another number is."""
        again = replace(snapshot, spec=replace(snapshot.spec, job_id="1" * 32))
        means = snapshot.means.copy()
        means[0, 0, 0] += 1

        assert comparison.compare(again, snapshot).same_content
        assert not comparison.compare(replace(snapshot, means=means), snapshot).same_content


class TestOrigins:
    def test_are_those_of_the_backtest_and_its_own_last_week(self, snapshot: Snapshot) -> None:
        """A model can be checked again from where it was checked, and from where it published."""
        champion = with_backtest(snapshot, [row(snapshot, monday, MONDAYS[5], 1, 1) for monday in MONDAYS[:2]])

        assert comparison.origins_of(champion) == [*MONDAYS[:2], snapshot.spec.first_week - timedelta(days=7)]
        assert comparison.origins_of(None) == []
