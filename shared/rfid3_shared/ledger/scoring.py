"""How good was one prediction, now that its outcome is known? Pure, by the definitions; `score` does the same in SQL for millions.

Sources: Koenker & Bassett 1978 and Gneiting & Raftery 2007 (pinball loss, a proper score of a quantile).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Score:
    """What the ledger keeps of a prediction with a known outcome; None where there was no interval to judge."""

    error: float
    pinball_loss: float | None
    inside_interval: bool | None
    accuracy_score: float


def score_of(
    predicted: float, actual: float, *, lower: float | None = None, upper: float | None = None, level: float = 0.0
) -> Score:
    """The score of a prediction whose central interval of nominal coverage `level` is [lower, upper].

    Without both ends, or with level 0, there is no interval. The error is predicted minus actual: positive when too much.
    """
    loss = inside = None
    if lower is not None and upper is not None and level > 0:
        loss = (pinball(lower, (1 - level) / 2, actual) + pinball(upper, (1 + level) / 2, actual)) / 2
        inside = lower <= actual <= upper
    return Score(predicted - actual, loss, inside, accuracy(predicted, actual))


def pinball(quantile: float, tau: float, actual: float) -> float:
    """The loss of saying that the outcome stays below `quantile` with probability `tau`; not negative, 0 for a direct hit."""
    return tau * (actual - quantile) if actual >= quantile else (1 - tau) * (quantile - actual)


def accuracy(predicted: float, actual: float) -> float:
    """1 − |error| / the larger of the two amounts; 1 when both are 0, below 0 only when their signs differ."""
    most = max(abs(predicted), abs(actual))
    return 1 - abs(predicted - actual) / most if most else 1.0
