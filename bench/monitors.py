"""How often do monitors cry wolf, and how soon do they see a change? Ours beside a repeated z-test and a CUSUM; and their time.

`python -m bench.monitors`. Streams are weekly shares of 30 outcomes outside their 80 % interval; up to 25 % are allowed. Every
monitor looks after each of 156 weeks and may alarm falsely, in all of them together, with the rate printed. The z-test rejects at
that level from the tenth week on. The CUSUM (Page 1954) is tuned by simulation to that rate on the streams it assumes: independent
outcomes; "told" is one that was told how strongly the outcomes of the changing streams hang together, which nobody knows. Delays
are medians in weeks after the change, of streams without an alarm before it.
"""

import time
from collections.abc import Callable
from datetime import date, timedelta
from statistics import NormalDist

import numpy as np

from rfid3_shared.ledger.live import WeekScore
from rfid3_shared.monitor import drift, findings, martingale

STREAMS, WEEKS, SHARES = 4_000, 156, 30
PROMISED, ALLOWED = 0.2, 0.25
NOMINAL = 0.01
DETECTED = 0.5
"""The CUSUM's reference value lies half way between allowed and half of the outcomes outside."""
TOGETHER = 0.05
"""How strongly the outcomes of a changing stream's week share their fate."""
Alarms = Callable[[np.ndarray], np.ndarray]


def binomial(random: np.random.Generator, chance: np.ndarray, together: float = 0.0) -> np.ndarray:
    """Weekly shares outside; `together`: how strongly a week's outcomes share their fate (0 not, 1 all alike)."""
    if together:
        spread = 1 / together - 1
        chance = random.beta(chance * spread, (1 - chance) * spread, size=(STREAMS, len(chance)))
    return random.binomial(SHARES, chance, size=(STREAMS, chance.shape[-1])) / SHARES


def ours(observed: np.ndarray) -> np.ndarray:
    """Wealth has reached one over the rate."""
    return martingale.e_process(observed, ALLOWED) >= 1 / NOMINAL


def z_test(observed: np.ndarray) -> np.ndarray:
    """The mean so far lies above what is allowed, at the nominal level of a single look."""
    count = np.arange(1, observed.shape[1] + 1)
    mean = np.cumsum(observed, axis=1) / count
    variance = np.cumsum(observed**2, axis=1) / count - mean**2
    z = (mean - ALLOWED) / np.sqrt(np.maximum(variance, 1e-9) / count)
    return np.asarray((z > NormalDist().inv_cdf(1 - NOMINAL)) & (count >= 10))


def page(observed: np.ndarray) -> np.ndarray:
    """The CUSUM's height: sums of what exceeds the reference value, never below 0."""
    height, heights = np.zeros(len(observed)), np.empty(observed.shape)
    for week in range(observed.shape[1]):
        height = np.maximum(height + observed[:, week] - (ALLOWED + DETECTED) / 2, 0)
        heights[:, week] = height
    return heights


def tuned_cusum(random: np.random.Generator, together: float) -> Alarms:
    """A CUSUM whose limit keeps the nominal rate where its assumption on the spread holds."""
    level = np.full(WEEKS, ALLOWED)
    highest = np.concatenate([page(binomial(random, level, together)).max(axis=1) for _ in range(10)])
    limit = np.quantile(highest, 1 - NOMINAL)
    return lambda observed: page(observed) > limit + 1e-9


def false_alarms(random: np.random.Generator, monitors: dict[str, Alarms]) -> None:
    """Shares of healthy streams, exactly at the limit, that ever alarm."""
    print(f"healthy, {WEEKS} weeks at the limit: share of {STREAMS} streams with a false alarm (at most {NOMINAL:.1%} was set)")
    level = np.full(WEEKS, ALLOWED)
    kinds = {
        "outcomes independent": binomial(random, level),
        "outcomes of a week share 5 %": binomial(random, level, TOGETHER),
        "outcomes of a week share 20 %": binomial(random, level, 0.2),
        "all of a week miss or none": binomial(random, level, 0.999),
    }
    for kind, observed in kinds.items():
        rates = "  ".join(f"{name} {alarms(observed).any(axis=1).mean():6.2%}" for name, alarms in monitors.items())
        print(f"  {kind:<30} {rates}")


def delays(random: np.random.Generator, monitors: dict[str, Alarms]) -> None:
    """Median weeks from a change to its alarm."""
    print("changed: median weeks until the alarm (share of streams that had alarmed before the change)")
    for healthy, misses in ((0, 0.5), (52, 0.5), (156, 0.5), (0, 0.35), (52, 0.35), (156, 0.35)):
        chance = np.where(np.arange(healthy + 200) < healthy, PROMISED, misses)
        observed = binomial(random, chance, TOGETHER)
        said = []
        for name, alarms in monitors.items():
            over = alarms(observed)
            early = over[:, :healthy].any(axis=1)
            after = over[~early, healthy:]
            weeks = np.where(after.any(axis=1), after.argmax(axis=1) + 1, np.inf)
            said.append(f"{name} {np.median(weeks) if len(weeks) else float('nan'):5.1f} ({early.mean():5.1%})")
        print(f"  after {healthy:>3} weeks, {PROMISED:.0%} to {misses:.0%} outside   {'  '.join(said)}")


def milliseconds(work: Callable[[], object], rounds: int = 50) -> float:
    """The median time of a call."""
    spans = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        spans.append((time.perf_counter() - began) * 1000)
    return float(np.median(spans))


def times(random: np.random.Generator) -> None:
    """What a look costs."""
    shares = random.binomial(SHARES, PROMISED, size=WEEKS)
    first = date(2023, 1, 2)
    weeks = [
        WeekScore(first + timedelta(weeks=k), SHARES, 20.0, 100.0, SHARES - int(shares[k]), SHARES, 0.8) for k in range(WEEKS)
    ]
    values = random.normal(size=5_000)
    learned = drift.reference(values)
    spans = {
        "error": milliseconds(lambda: findings.error(weeks, backtest_wape=0.2, false_alarm_ratio=NOMINAL)),
        "coverage": milliseconds(lambda: findings.coverage(weeks, false_alarm_ratio=NOMINAL)),
        "drift of a feature, 5,000 values": milliseconds(lambda: drift.compare(learned, values, false_alarm_ratio=NOMINAL)),
    }
    print(f"a look at {WEEKS} weeks: " + ", ".join(f"{name} {span:.2f} ms" for name, span in spans.items()))


def main() -> None:
    """False alarms, delays, times."""
    random = np.random.default_rng(7)
    monitors: dict[str, Alarms] = {
        "ours": ours, "repeated z-test": z_test, "CUSUM": tuned_cusum(random, 0.0), "told": tuned_cusum(random, TOGETHER),
    }  # fmt: skip
    false_alarms(random, monitors)
    delays(random, monitors)
    times(random)


if __name__ == "__main__":
    main()
