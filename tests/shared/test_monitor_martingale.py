"""The sequential test of a mean: rarely wrong however often one looks, quick all the same, and an interval that is always right."""

from collections.abc import Callable
from math import prod, sqrt

import numpy as np
import pytest

from rfid3_shared.monitor import martingale
from rfid3_shared.monitor.martingale import BETS, CHANGE_RATE, START_SHARE, e_process, mean_interval, weeks_needed, weigh

ALPHA = 0.05
STREAMS, WEEKS = 2_000, 300
Generator = np.random.Generator


def rng() -> Generator:
    return np.random.default_rng(20260302)


def most(alpha: float, streams: int = STREAMS) -> float:
    """A share of false alarms that a rate of alpha exceeds in one run of a thousand."""
    return alpha + 3.1 * sqrt(alpha * (1 - alpha) / streams)


def fair_coins(random: Generator) -> np.ndarray:
    """A miss or none, exactly as often as allowed: the wildest observations there are."""
    return (random.uniform(size=(STREAMS, WEEKS)) < 0.25).astype(float)


def shared_weather(random: Generator) -> np.ndarray:
    """Shares of 30 outcomes that miss together."""
    chance = random.beta(0.25 * 3, 0.75 * 3, size=(STREAMS, WEEKS))
    return random.binomial(30, chance) / 30


def moody(random: Generator) -> np.ndarray:
    """Good and bad spells that nobody can foresee: a week's mean is allowed whatever came before, its spread depends on it."""
    observed = np.zeros((STREAMS, WEEKS))
    for week in range(WEEKS):
        wild = observed[:, week - 1] > 0.25 if week else np.zeros(STREAMS, bool)
        observed[:, week] = np.where(wild, random.uniform(size=STREAMS) < 0.25, random.uniform(0.0, 0.5, STREAMS))
    return observed


def ever(wealth: np.ndarray, alpha: float) -> float:
    """The share of streams that alarmed at any look."""
    return float((wealth >= 1 / alpha).any(axis=1).mean())


def repeated_z_test(observed: np.ndarray, limit: float, alpha: float) -> np.ndarray:
    """Which streams a one-sided z-test at level alpha rejects at some look from the tenth week on."""
    count = np.arange(1, observed.shape[1] + 1)
    mean = np.cumsum(observed, axis=1) / count
    variance = np.cumsum(observed**2, axis=1) / count - mean**2
    z = (mean - limit) / np.sqrt(np.maximum(variance, 1e-9) / count)
    quantile = {0.05: 1.6449, 0.01: 2.3263}[alpha]
    return np.asarray((z[:, 9:] > quantile).any(axis=1))


class TestFalseAlarms:
    @pytest.mark.parametrize("healthy", [fair_coins, shared_weather, moody])
    @pytest.mark.parametrize("alpha", [0.05, 0.01])
    def test_are_as_rare_as_set_when_looking_every_week(self, healthy: Callable[[Generator], np.ndarray], alpha: float) -> None:
        """Of 2,000 healthy streams at the very limit, watched every week for 300, at most alpha alarm."""
        observed = healthy(rng())

        assert abs(observed.mean() - 0.25) < 0.01, "the streams are at the limit"
        assert ever(e_process(observed, 0.25), alpha) <= most(alpha)

    def test_a_repeated_z_test_does_not_keep_the_rate(self) -> None:
        """The same streams and the same check refuse the usual test: the check can fail."""
        assert repeated_z_test(fair_coins(rng()), 0.25, ALPHA).mean() > 3 * most(ALPHA)

    def test_the_mean_wealth_never_grows(self) -> None:
        """Under the hypothesis the gambler's expected wealth stays at most 1: the reason why the rate holds."""
        wealth = e_process(fair_coins(rng())[:, :40], 0.25)

        error = wealth.std(axis=0) / sqrt(STREAMS)
        assert (wealth.mean(axis=0) <= 1 + 4 * error).all()

    def test_a_limit_of_its_own_for_each_week(self) -> None:
        """Limits that move are kept too, as long as each is known before its week."""
        limits = np.where(np.arange(WEEKS) % 2, 0.1, 0.5)
        observed = (rng().uniform(size=(STREAMS, WEEKS)) < limits).astype(float)

        assert ever(e_process(observed, limits), ALPHA) <= most(ALPHA)


class TestPower:
    @pytest.mark.parametrize(
        ("healthy_weeks", "misses", "weeks"),
        [(0, 0.5, 16), (0, 0.4, 30), (26, 0.5, 24), (104, 0.5, 28), (104, 0.4, 45), (208, 0.5, 32)],
    )
    def test_a_shift_is_found_in_time(self, healthy_weeks: int, misses: float, weeks: int) -> None:
        """80 % intervals that begin to miss 40 or 50 % instead of 20 %: nine of ten are found within so many weeks, at 1 %."""
        random = rng()
        chance = np.where(np.arange(healthy_weeks + weeks) < healthy_weeks, 0.2, misses)
        observed = random.binomial(30, random.beta(20 * chance, 20 * (1 - chance), size=(500, len(chance)))) / 30

        over = e_process(observed, 0.25) >= 100

        assert over[:, :healthy_weeks].any(axis=1).mean() <= 0.01
        assert over.any(axis=1).mean() >= 0.9

    def test_a_change_after_a_long_healthy_time_costs_little_more(self) -> None:
        """After four healthy years the same shift takes at most twice as long as in the first week."""

        def delay(healthy: int) -> int:
            observed = np.array([0.2] * healthy + [0.5] * 60)
            return (weigh(observed, at_most=0.25, false_alarm_ratio=0.01).alarm_at or 10**6) - healthy

        assert delay(208) <= 2 * delay(0)

    def test_misses_that_are_allowed_never_alarm(self) -> None:
        """Weeks exactly at the limit, or better, leave the wealth at most where it was."""
        assert weigh([0.25] * 200, at_most=0.25, false_alarm_ratio=0.01).highest <= 1.0 + 1e-9
        assert weigh([0.0] * 200, at_most=0.25, false_alarm_ratio=0.01).e_value < 1.0


class TestEProcess:
    def test_equals_the_sum_over_starts_written_out(self) -> None:
        """Wealth = for each start and stake its money times the product of the games since, plus what still waits."""
        observed = [0.0, 1.0, 0.4, 0.9]
        money = [START_SHARE, *((1 - START_SHARE) * (1 - CHANGE_RATE) ** k * CHANGE_RATE for k in range(3))]
        waiting = (1 - START_SHARE) * (1 - CHANGE_RATE) ** 3

        expected = waiting + sum(
            money[start] * sum(prod(1 - c + c * x / 0.3 for x in observed[start:]) for c in BETS) / len(BETS)
            for start in range(4)
        )

        assert e_process(observed, 0.3)[-1] == pytest.approx(expected)

    def test_one_week_by_hand(self) -> None:
        """A quarter of the money is played on a certain win at even odds with 0.95, 0.475 and 0.2375 of it."""
        assert e_process([1.0], 0.5)[0] == pytest.approx(0.75 + 0.25 * (1.95 + 1.475 + 1.2375) / 3)

    def test_streams_are_independent_of_each_other(self) -> None:
        """A table of streams gives what each stream gives alone."""
        table = rng().uniform(size=(3, 20))

        assert np.allclose(e_process(table, 0.4), [e_process(row, 0.4) for row in table])

    def test_stays_finite(self) -> None:
        """Years of disaster are a large number, not infinity."""
        assert np.isfinite(e_process(np.ones(5_000), 0.01)).all()

    def test_refuses_what_is_no_share(self) -> None:
        """Observations outside [0, 1], unknown ones and a limit of nothing are faults of the caller."""
        for values, limit in (([1.2], 0.5), ([-0.1], 0.5), ([float("nan")], 0.5), ([0.5], 0.0)):
            with pytest.raises(ValueError, match=r"between 0 and 1|above 0"):
                e_process(values, limit)


class TestWeigh:
    def test_without_weeks_nothing_is_said(self) -> None:
        """No observation: wealth 1, no alarm."""
        found = weigh([], at_most=0.25, false_alarm_ratio=0.01)

        assert (found.e_value, found.highest, found.weeks, found.alarm) == (1.0, 1.0, 0, False)

    def test_remembers_an_alarm_that_has_passed(self) -> None:
        """An alarm stays one when better weeks follow: only closing it begins a new stream."""
        found = weigh([1.0] * 10 + [0.0] * 50, at_most=0.25, false_alarm_ratio=0.01)

        assert found.alarm
        assert found.alarm_at is not None
        assert found.alarm_at <= 10
        assert found.e_value < found.threshold == 100

    def test_weeks_needed_is_the_first_possible_alarm(self) -> None:
        """One week less of the worst there is never alarms."""
        needed = weeks_needed(at_most=0.25, false_alarm_ratio=0.01)

        assert weigh([1.0] * needed, at_most=0.25, false_alarm_ratio=0.01).alarm
        assert not weigh([1.0] * (needed - 1), at_most=0.25, false_alarm_ratio=0.01).alarm
        assert weeks_needed(at_most=1.0, false_alarm_ratio=0.01, most=50) == 50


class TestMeanInterval:
    @pytest.mark.parametrize("draw", [lambda r, size: r.binomial(1, 0.2, size), lambda r, size: r.beta(2, 8, size)])
    def test_holds_the_mean_at_every_look(self, draw: Callable[[Generator, tuple[int, int]], np.ndarray]) -> None:
        """Of 150 streams looked at 12 times over 100 weeks at most alpha are ever outside, binary or smooth."""
        streams = draw(rng(), (150, 100)).astype(float)
        looks = [1, 2, 3, 4, 5, 7, 10, 15, 22, 32, 50, 100]

        missed = [
            any(not low <= 0.2 <= high for low, high in (mean_interval(stream[:k], miss_ratio=ALPHA) for k in looks))
            for stream in streams
        ]

        assert np.mean(missed) <= most(ALPHA, len(streams))

    def test_is_wide_with_few_weeks_and_narrows(self) -> None:
        """Without data everything is possible; a hundred weeks say much."""
        stream = rng().binomial(30, 0.2, size=400) / 30

        widths = [np.subtract(*mean_interval(stream[:k], miss_ratio=0.01)[::-1]) for k in (0, 1, 5, 25, 100, 400)]

        assert widths[0] == 1.0
        assert widths[1] > 0.9
        assert widths == sorted(widths, reverse=True)
        assert widths[-1] < 0.05

    @pytest.mark.parametrize("values", [[0.0] * 30, [1.0] * 30, [0.5], [0.0, 1.0, 1.0, 0.3]])
    def test_holds_the_mean_seen(self, values: list[float]) -> None:
        """Whatever was seen, its mean is among what is possible."""
        low, high = mean_interval(values, miss_ratio=0.05)

        assert 0 <= low <= np.mean(values) <= high <= 1

    def test_is_its_own_mirror_image(self) -> None:
        """Hits are one minus misses, and so are the ends."""
        values = rng().uniform(size=40)

        low, high = mean_interval(values, miss_ratio=0.05)

        assert mean_interval(1 - values, miss_ratio=0.05) == pytest.approx((1 - high, 1 - low))

    def test_equals_a_search_over_all_means(self) -> None:
        """Its lower end is where the products, written out, first reach the limit on a fine grid."""
        values = [0.3, 0.6, 0.2, 0.9, 0.5, 0.7]

        def refuted(mean: float) -> bool:
            games = [prod(1 - c + c * x / mean for x in values) for c in martingale.INTERVAL_BETS]
            return sum(games) / len(games) >= 2 / 0.2

        grid = [k / 10_000 for k in range(1, 10_000)]

        assert mean_interval(values, miss_ratio=0.2)[0] == pytest.approx(max(m for m in grid if refuted(m)), abs=2e-4)
