"""What a caller of own forecasts is told to expect: the constants, corrected by what recent answers took, and by nothing odd."""

from rfid3_demand.model import backtest
from rfid3_demand.pace import FASTEST, FEW_SERIES, REMEMBERED, SLOWEST, Pace, expected_s


class TestExpectedSeconds:
    def test_more_work_takes_longer(self) -> None:
        """By steps, and by series as long as they are fitted alike; a small request is expected within the usual deadline of 10 s,
        the largest is not."""
        assert expected_s(5, 5) < expected_s(5, 500) < expected_s(30, 500)
        assert expected_s(50, 100) < expected_s(500, 100) < expected_s(500, 1000)
        assert expected_s(5, 100) < 10 < expected_s(500, 1000)

    def test_few_series_are_those_that_the_model_calls_few(self) -> None:
        """What a request costs changes where the model changes its ways."""
        assert FEW_SERIES == backtest.FEW_SERIES


class TestPace:
    def test_knows_the_constants_only_at_first(self) -> None:
        """A process that has seen no answer expects what was measured for everybody."""
        assert Pace().expected_s(10, 100) == expected_s(10, 100)

    def test_follows_what_answers_took(self) -> None:
        """On a machine three times as slow, three times as long is expected, for requests of any size."""
        pace = Pace()
        for number in range(REMEMBERED):
            pace.remember(str(number), 10, 100 + number, 3 * expected_s(10, 100 + number))

        assert abs(pace.expected_s(50, 300) / expected_s(50, 300) - 3) < 1e-9

    def test_a_few_odd_answers_change_nothing_and_none_changes_much(self) -> None:
        """Fewer than half of those remembered; and whatever they took, the constants are corrected within bounds."""
        pace, absurd = Pace(), Pace()
        for number in range(REMEMBERED):
            pace.remember(str(number), 1, 100, (1000 if number % 3 == 0 else 1) * expected_s(1, 100))
            absurd.remember(str(number), 1, 100, 1e9)

        assert pace.expected_s(1, 100) == expected_s(1, 100)
        assert absurd.expected_s(1, 100) == SLOWEST * expected_s(1, 100)

    def test_an_answer_fetched_often_counts_once_and_old_ones_not_at_all(self) -> None:
        """Polling is no evidence; after as many new answers the old pace is forgotten."""
        pace = Pace()
        for _ in range(100):
            pace.remember("same", 1, 100, 5 * expected_s(1, 100))
        assert pace.expected_s(1, 100) == 3 * expected_s(1, 100)
        for number in range(REMEMBERED):
            pace.remember(str(number), 1, 100, 0.0)

        assert pace.expected_s(1, 100) == FASTEST * expected_s(1, 100)
