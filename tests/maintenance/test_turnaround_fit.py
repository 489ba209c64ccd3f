"""Are days to Ready to Rent found again from bounds alone, and is their width honest, from no visit to many?"""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_maintenance.decisions.turnaround import PRIORS, Prior, Turnaround
from rfid3_maintenance.decisions.turnaround_fit import Visits, fit_turnaround, truncated

SEEN_SD, CENTRE, BETWEEN = 0.6, math.log(3.0), 0.35


def within_bounds(days: np.ndarray, rng: np.random.Generator, ends: float = np.inf) -> tuple[np.ndarray, np.ndarray]:
    """Bounds as sightings give them: scans at random gaps of about a day and a half, none after `ends`."""
    scans = np.cumsum(rng.exponential(1.5, (len(days), 60)), axis=1)
    scans = np.where(scans > ends, np.inf, scans)
    lower = np.where((scans <= days[:, None]) & np.isfinite(scans), scans, 0.0).max(axis=1)
    return lower, np.where(scans > days[:, None], scans, np.inf).min(axis=1)


def visits(group: np.ndarray, lower: np.ndarray, upper: np.ndarray, kind: str = "wash") -> Visits:
    return Visits(np.full(len(lower), kind), group, lower, upper)


def brute_force(lower: np.ndarray, upper: np.ndarray) -> tuple[float, float]:
    """Centre and spread of most likelihood, every pair of a grid tried."""
    from scipy.stats import norm

    with np.errstate(divide="ignore"):
        low, high = np.log(lower), np.log(upper)
    grid = [(m, s) for m in np.linspace(0.9, 1.3, 41) for s in np.linspace(0.5, 0.7, 21)]
    scores = [np.log(norm.cdf((high - m) / s) - norm.cdf((low - m) / s)).sum() for m, s in grid]
    return grid[int(np.argmax(scores))]


@pytest.fixture(scope="module")
def shop() -> tuple[Turnaround, np.ndarray, np.random.Generator]:
    """60 classes with 1 to 40 washes each, a fifth of them not over when the data end; and each class's true centre."""
    rng = np.random.default_rng(7)
    centres = rng.normal(CENTRE, BETWEEN, 60)
    group = np.repeat(np.arange(60), rng.integers(1, 41, 60))
    lower, upper = within_bounds(np.exp(rng.normal(centres[group], SEEN_SD)), rng, ends=6.0)
    return fit_turnaround(visits(group, lower, upper)), centres, rng


class TestTruncated:
    @given(st.floats(-30, 30), st.floats(0.01, 20), st.floats(0.2, 3))
    def test_equals_slow_sums(self, low: float, width: float, sd: float) -> None:
        """Mean and variance between two bounds, far into either tail, against sums over a fine grid."""
        z = np.linspace(low, low + width, 40_001)
        logs = -0.5 * (z / sd) ** 2
        weight = np.exp(logs - logs.max())
        mean = (z * weight).sum() / weight.sum()

        found = truncated(np.array([low]), np.array([low + width]), np.zeros(1), sd)

        assert found[0][0] == pytest.approx(mean, abs=2e-3)
        assert found[1][0] == pytest.approx(((z - mean) ** 2 * weight).sum() / weight.sum(), abs=2e-3)

    def test_knows_half_lines_and_the_whole_line(self) -> None:
        """Without bounds the normal itself; above its centre the half normal."""
        inf = np.inf

        mean, variance = truncated(np.array([-inf, 0.0]), np.array([inf, inf]), np.zeros(2), 2.0)

        assert mean == pytest.approx([0, 2 * math.sqrt(2 / math.pi)])
        assert variance == pytest.approx([4, 4 * (1 - 2 / math.pi)])


class TestFit:
    def test_equals_the_likelihood_where_data_speak(self) -> None:
        """One class, 1,500 visits within bounds: centre and spread are those of most likelihood."""
        rng = np.random.default_rng(3)
        lower, upper = within_bounds(np.exp(rng.normal(CENTRE, SEEN_SD, 1500)), rng, ends=8.0)
        centre, spread = brute_force(lower, upper)

        kind = fit_turnaround(visits(np.full(1500, "a"), lower, upper)).kinds["wash"]

        assert kind.groups["a"].centre == pytest.approx(centre, abs=0.012)
        assert kind.visits_sd == pytest.approx(spread, abs=0.012)

    def test_finds_a_simulated_shop_again(self, shop: tuple[Turnaround, np.ndarray, np.random.Generator]) -> None:
        """Kind's centre, spread between visits and between classes, within their error; classes without bias."""
        fit, centres, _ = shop
        kind = fit.kinds["wash"]
        found = np.array([kind.groups[str(k)].centre for k in range(60)])
        score = (found - centres) / np.sqrt([kind.groups[str(k)].variance for k in range(60)])

        assert kind.centre == pytest.approx(centres.mean(), abs=0.1)
        assert kind.visits_sd == pytest.approx(SEEN_SD, rel=0.1)
        assert kind.groups_sd == pytest.approx(BETWEEN, rel=0.3)
        assert (found - centres).mean() == pytest.approx(0.0, abs=0.07)
        assert score.std() == pytest.approx(1.0, abs=0.25)

    def test_intervals_hold_what_they_say(self, shop: tuple[Turnaround, np.ndarray, np.random.Generator]) -> None:
        """80 % of the next visits end within the 80 % interval, of classes seen and of new ones; chances are calibrated."""
        fit, centres, rng = shop
        inside, early = [], []
        for at in range(60):
            low, middle, high = fit.days("wash", str(at)).quantiles_days
            nexts = np.exp(rng.normal(centres[at], SEEN_SD, 200))
            inside.append(((nexts > low) & (nexts < high)).mean())
            early.append((nexts < middle).mean())
            assert fit.chance_ready("wash", middle, str(at)) == pytest.approx(0.5)
        new = np.exp(rng.normal(rng.normal(CENTRE, BETWEEN, 4000), SEEN_SD))
        low, _, high = fit.days("wash", "never seen").quantiles_days

        assert np.mean(inside) == pytest.approx(0.8, abs=0.03)
        assert np.mean(early) == pytest.approx(0.5, abs=0.05)
        assert ((new > low) & (new < high)).mean() == pytest.approx(0.8, abs=0.05)

    def test_few_visits_are_drawn_to_the_kind(self, shop: tuple[Turnaround, np.ndarray, np.random.Generator]) -> None:
        """A class with one visit says less of itself than one with thirty, and is less sure."""
        groups = shop[0].kinds["wash"].groups.values()
        few, many = ([one for one in groups if test(one.visits)] for test in (lambda n: n <= 3, lambda n: n >= 25))

        assert min(one.variance for one in few) > max(one.variance for one in many)

    def test_what_was_written_but_not_timed_says_nothing(self) -> None:
        """Returns ready in the same second, visits without times and endless ones without a beginning leave the prior as it was."""
        nan, inf = math.nan, math.inf
        lower, upper = np.array([0.0, nan, 3.0, 0.0, -1.0]), np.array([0.0, 2.0, 1.0, inf, 4.0])

        kind = fit_turnaround(visits(np.full(5, "a"), lower, upper)).kinds["wash"]

        assert (kind.visits, kind.unrecorded, kind.unusable, dict(kind.groups)) == (0, 1, 3, {})
        assert kind.centre == math.log(PRIORS["wash"].median_days)

    def test_open_visits_lengthen(self) -> None:
        """Visits not over yet say that it takes longer, not that it took so long."""
        lower = np.array([2.0, 2.0, 2.0, 2.0])

        over = fit_turnaround(visits(np.full(4, "a"), lower, lower + 0.1)).days("wash", "a")
        still = fit_turnaround(visits(np.full(4, "a"), lower, np.full(4, math.nan))).days("wash", "a")

        assert still.quantiles_days[1] > over.quantiles_days[1] > 1.5


class TestAnswers:
    @pytest.mark.parametrize("kind", list(PRIORS))
    def test_nothing_known_is_the_stated_prior(self, kind: str) -> None:
        """Median as stated, wide, and named as what it is."""
        found = Turnaround({}).days(kind, "61825")

        assert found.basis == "stated prior"
        assert found.visits == 0
        assert found.quantiles_days[1] == pytest.approx(PRIORS[kind].median_days)
        assert found.quantiles_days[2] / found.quantiles_days[1] == pytest.approx(3.6, abs=0.05)

    def test_says_what_it_rests_on(self, shop: tuple[Turnaround, np.ndarray, np.random.Generator]) -> None:
        """Its group's visits, else its kind's, else the prior."""
        fit = shop[0]

        assert fit.days("wash", "0").basis == "its group's visits"
        assert fit.days("wash", "x").basis == fit.days("wash").basis == "its kind's visits"
        assert fit.days("repair").basis == "stated prior"

    @given(st.floats(0, 60), st.floats(0, 60), st.floats(0, 2000))
    def test_waiting_is_counted(self, first: float, more: float, waited: float) -> None:
        """Chances compose over days waited, rise with days, and quantiles are where they say, however long it has waited."""
        shop = Turnaround({})
        beyond = (1 - shop.chance_ready("wash", first, waited_days=waited)) * (
            1 - shop.chance_ready("wash", more, waited_days=waited + first)
        )
        low, middle, high = shop.days("wash", waited_days=waited).quantiles_days

        assert 1 - shop.chance_ready("wash", first + more, waited_days=waited) == pytest.approx(beyond, abs=1e-9)
        assert 0 <= low <= middle <= high
        assert shop.chance_ready("wash", high, waited_days=waited) == pytest.approx(0.9, abs=1e-6)

    def test_is_written_and_read(self, shop: tuple[Turnaround, np.ndarray, np.random.Generator]) -> None:
        """JSON keeps every number."""
        assert Turnaround.from_json(json.loads(json.dumps(shop[0].to_json()))) == shop[0]

    def test_priors_can_be_given(self) -> None:
        """A shop that knows its laundry states so."""
        fit = fit_turnaround(visits(np.array([]), np.array([]), np.array([])), {"wash": Prior(4.0)})

        assert fit.days("wash").quantiles_days[1] == pytest.approx(4.0)
