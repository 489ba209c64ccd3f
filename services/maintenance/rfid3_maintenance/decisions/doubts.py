"""What else may the curves be that the dollars of a service rest on? Each thing that is not known for sure, at either end of its interval.

Three things stand between what was seen and dollars: the chances themselves (their 80 % band), which share of repairs is written down,
and what a service takes off. One at a time is moved to an end of its own 80 % interval; the distances this makes in dollars add as
squares do (independent errors). What repairs cost is taken as given: answers name where each cost comes from.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from rfid3_maintenance.decisions.curve import LEAST_SURVIVAL
from rfid3_maintenance.decisions.recorded_share import wear_of_all
from rfid3_maintenance.kinds import KINDS, WEAR


class Curves(NamedTuple):
    """Chance to get beyond each cut without a wear failure, (rows, cuts): as it is, and when serviced now."""

    wear: np.ndarray
    renewed: np.ndarray


@dataclass(frozen=True)
class Known:
    """What the dollars of a service rest on. survival, renewed: (rows, kinds, cuts), of failures that are written down.

    proportion: (rows, 2) the ends of the chances' band as shares of the expected failures, at most 1 and at least 1. per_recorded:
    (rows, 3) repairs behind each that is written down: least, middle, most. services: by kind `service_effect.Effect.words`.
    """

    survival: np.ndarray
    renewed: np.ndarray
    proportion: np.ndarray
    per_recorded: np.ndarray
    services: Mapping[str, Mapping[str, Any]]

    def of(self, rows: np.ndarray) -> "Known":
        """That of some rows."""
        return Known(self.survival[rows], self.renewed[rows], self.proportion[rows], self.per_recorded[rows], self.services)

    def curves(self, end: int = 1) -> Curves:
        """All failures counted; end: 0, 1 or 2, the column of `per_recorded`."""
        per = self.per_recorded[:, end]
        return Curves(wear_of_all(self.survival, per), wear_of_all(self.renewed, per))


def ends(known: Known) -> Iterator[tuple[Curves, Curves]]:
    """The curves at both ends of each thing in doubt."""
    middle = known.curves()
    low, high = (Curves(*(one ** part[:, None] for one in middle)) for part in known.proportion.T)
    yield low, high
    if (known.per_recorded[:, 0] < known.per_recorded[:, 2]).any():
        yield known.curves(0), known.curves(2)
    for kind in WEAR:
        told = known.services.get(kind, {})
        if told.get("rise", 0.0) > 0:
            less, more = (max(told[side], 0.0) / told["rise"] for side in ("rise_lower", "rise_upper"))
            yield _serviced(known, kind, less).curves(), _serviced(known, kind, more).curves()


def _serviced(known: Known, kind: str, power: float) -> Known:
    """As if the log of what a service leaves of the hazard were `power` times what it is taken to be."""
    at = KINDS.index(kind)
    now, after = (-np.log(np.clip(part[:, at].astype(float), LEAST_SURVIVAL, 1.0)) for part in (known.survival, known.renewed))
    ratio = np.divide(after[:, -1], now[:, -1], out=np.ones(len(now)), where=now[:, -1] > 0)
    renewed = np.array(known.renewed, float)
    renewed[:, at] = np.exp(-now * (np.clip(ratio, 0.0, 1.0) ** power)[:, None])
    return replace(known, renewed=renewed)
