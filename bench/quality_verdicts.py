"""What does it cost to judge a fleet: keep, repair, resell or retire, what to spend on, what a look is worth? Seconds of CPU.

`python -m bench.quality_verdicts [ITEMS]`; a fleet of synthetic items in 400 classes, worn, rented and priced at random, judged as the
training job does (projection apart), then the same items one by one: seconds of CPU for each way, and whether every number is the same. And
what a list asks for when some of them were inspected since: those alone.
"""

import sys
import time

import numpy as np

from rfid3_quality.decisions.amounts import Basis
from rfid3_quality.item import scores_of
from rfid3_quality.judging import Judged, judged_of
from rfid3_quality.model.projection import Standing, project
from rfid3_quality.model.wear_fit import fit_wear
from rfid3_quality.model.wear_steps import WearSteps
from rfid3_quality.snapshot import HORIZONS_DAYS, INPUTS

ITEMS, CLASSES, ALONE, FLEET, DISCOUNT = 20_000, 400, 200, 500_000, 0.08


class Synthetic:
    """So many items; every number is drawn."""

    def __init__(self, items: int) -> None:
        draw, none = np.random.default_rng(1), np.zeros(0, int)
        self.wear = fit_wear(WearSteps(none, none, none, np.zeros(0), np.zeros(0), none, none, none.astype(bool)))
        group, nobody, turns = draw.integers(0, CLASSES, items), np.full(items, -1), draw.gamma(1, 0.02, items)
        self.standing = Standing(
            draw.integers(0, 11, items), nobody, turns, material=nobody, turns_cv=draw.uniform(0.1, 1, items),
            turns_since=draw.poisson(2, items).astype(float), days_since=draw.uniform(0, 400, items),
        )  # fmt: skip
        chance = project(self.wear, self.standing, HORIZONS_DAYS).chance
        self.score, self.now = scores_of(chance).astype(np.float32), chance[:, 0]
        fresh = Standing(np.full(CLASSES, 10), np.full(CLASSES, -1), draw.gamma(1, 0.02, CLASSES))
        new = scores_of(project(self.wear, fresh, HORIZONS_DAYS).chance)[:, [0, 2, 3]]
        self.new = new.astype(np.float32)[group]
        self.inputs = np.full((items, len(INPUTS), 3), np.nan, np.float32)
        self.basis = np.full((items, len(INPUTS)), int(Basis.MISSING), np.int8)
        price = draw.uniform(10, 500, CLASSES)[group]
        self._put("price_usd", price, 0.0, Basis.MEASURED)
        self._put("day_rate_usd", price * 0.08, 0.0, Basis.MEASURED)
        self._put("turns_per_day", turns, 0.3, Basis.POOLED)
        self._put("repair_usd", price * 0.2, 0.1, Basis.POOLED)
        self._put("repairs_a_year", draw.uniform(0.05, 0.3, CLASSES)[group], 0.2, Basis.POOLED)
        self._put("price_effect", np.full(items, 0.2), 0.5, Basis.POOLED)

    def judged(self, rows: np.ndarray) -> Judged:
        """What is said of these items."""
        return judged_of(
            self.wear, self.standing.take(rows), self.score[rows], self.now[rows], self.new[rows], self.inputs[rows], self.basis[rows],
            DISCOUNT, np.ones(len(rows), bool),
        )  # fmt: skip

    def _put(self, name: str, value: np.ndarray, width: float, basis: Basis) -> None:
        at = INPUTS.index(name)
        self.inputs[:, at] = np.stack([value, value * (1 - width), value * (1 + width)], axis=1)
        self.basis[:, at] = basis


def main(items: int) -> None:
    """Print what it costs."""
    fleet = Synthetic(items)
    wall, cpu = time.perf_counter(), time.process_time()
    together = fleet.judged(np.arange(items))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{items:,} items together: {wall:.1f} s, CPU {cpu:.1f} s; {FLEET:,} at this pace: CPU {cpu / items * FLEET:.0f} s")
    some = np.linspace(0, items - 1, min(ALONE, items)).astype(int)
    cpu = time.process_time()
    alone = [fleet.judged(np.array([row])) for row in some]
    each_ms = (time.process_time() - cpu) / len(some) * 1000
    same = sum(_equal(together.take(some[[k]]), one) for k, one in enumerate(alone))
    print(f"{len(some)} of them one by one: CPU {each_ms:.1f} ms each; every number the same in {same} of {len(some)}")
    for inspected in (10, 100, 1000):
        cpu = time.process_time()
        fleet.judged(some[:1].repeat(inspected))
        print(
            f"a list with {inspected} items inspected since: CPU {(time.process_time() - cpu) * 1000:.0f} ms once, then nothing"
        )


def _equal(one: Judged, other: Judged) -> bool:
    return all(
        np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        for a, b in zip(vars(one).values(), vars(other).values(), strict=True)
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS)
