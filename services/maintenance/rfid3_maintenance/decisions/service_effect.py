"""By how much does a service lower the chance of the next fault? By the wear of the turns that it takes off.

A turn's chance of a fault grows with the turns since the unit was last serviced, or first seen: rate = rate of its class × exp(rise ×
turns / 10). The rise is learned by comparing turns of one class with each other (Cox 1975, partial likelihood with a stratum a class), so
that neither dear nor fragile classes count as worn, and shrunk towards a stated prior. A service sets the turns to 0 and the class's
rate stays: the unit's hazard is multiplied by exp(−rise × turns / 10). Comparing units before and after their services would not do:
what is serviced had just failed, and fails more than others afterwards. A service that raised the hazard is not believed: 1 at most.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rfid3_shared.normal import Z_80

PRIOR_RISE, PRIOR_SPREAD = 0.2, 0.2
"""Stated: the log-rate rises by so much in ten turns, and how unsure that is (standard deviation): 80 % from −5 % to +58 %."""
PER_TURNS = 10.0
REACH_RATIO = 0.95
"""Turns beyond this share of those seen count as that many: nobody has seen what they do."""
_ROUNDS, _SETTLED = 50, 1e-10


@dataclass(frozen=True)
class Effect:
    """What a service does to a kind of fault. rise, spread: of the log-rate in ten turns; reach_turns: most turns it takes off.

    events, turns: what it was learned from; services: services seen among them.
    """

    rise: float = PRIOR_RISE
    spread: float = PRIOR_SPREAD
    reach_turns: float = 0.0
    events: int = 0
    turns: int = 0
    services: int = 0

    def ratio(self, turns: np.ndarray, side: float = 0.0) -> np.ndarray:
        """By what a service multiplies the hazard of units with so many turns since the last one; in (0, 1]. side: ± spreads."""
        worn = np.clip(np.nan_to_num(turns), 0.0, self.reach_turns) / PER_TURNS
        found: np.ndarray = np.exp(-max(self.rise + side * self.spread, 0.0) * worn)
        return found

    def words(self) -> dict[str, Any]:
        """It as an answer shows it."""
        return asdict(self) | {
            "rise_lower": self.rise - Z_80 * self.spread, "rise_upper": self.rise + Z_80 * self.spread, "per_turns": PER_TURNS,
            "prior": {"rise": PRIOR_RISE, "spread": PRIOR_SPREAD, "stated": True},
        }  # fmt: skip


def service_effect(stratum: np.ndarray, turns: np.ndarray, event: np.ndarray, services: int = 0) -> Effect:
    """The effect that turns tell; without an event the prior alone. All (turns,): class (0, 1, …), turns before it, whether it failed."""
    reach = float(np.quantile(turns, REACH_RATIO)) if len(turns) else 0.0
    events = np.bincount(stratum, event) if len(turns) else np.zeros(0)
    worn = turns / PER_TURNS
    rise, pull = PRIOR_RISE, 1 / PRIOR_SPREAD**2
    curvature = pull
    for _ in range(_ROUNDS if events.any() else 0):
        risk = np.exp(rise * (worn - worn.max()))
        total = np.bincount(stratum, risk)
        share = risk / total[stratum]
        mean = np.bincount(stratum, share * worn)
        slope = float(event @ worn - events @ mean) - pull * (rise - PRIOR_RISE)
        curvature = float(events @ np.bincount(stratum, share * (worn - mean[stratum]) ** 2)) + pull
        rise += slope / curvature
        if abs(slope / curvature) < _SETTLED:
            break
    return Effect(float(rise), float(curvature**-0.5), reach, int(event.sum()), len(turns), services)
