"""How much of a shelf does wear cost, on average: units that do not come back into service, and days in the shop?

For `scarcity`, which must choose a stock before anything has worn. Averages of the law in `hazards` over the units of each pool,
as they will be in the middle of the span.
"""

from math import erf, log, sqrt

import numpy as np

from rfid3_shared.twin.hazards import WORST, idle_drop, mean_drop, turn_probability
from rfid3_shared.twin.materials import FAULTS, MATERIALS, USUAL_OUT_DAYS
from rfid3_shared.twin.popularity import RENTALS_PER_TAG_YEAR
from rfid3_shared.twin.randomness import Array
from rfid3_shared.twin.workshop import MOST_STAY_DAYS, STAY_SPREAD
from rfid3_shared.twin.world import World

RAIN_PER_TURN_IN, TURNS_SINCE_SERVICE = 0.4, 8.0
"""What a usual turn meets."""


def losses_per_turn(world: World, days: int) -> Array:
    """Units retired or lost per unit and turn, by pool, halfway through so many days."""
    tags = world.tags
    usual, rain = np.full(len(tags.pool), USUAL_OUT_DAYS), np.full(len(tags.pool), RAIN_PER_TURN_IN)
    age = tags.age_days + days / 2
    drop = mean_drop(tags.material, frailty=tags.frailty, age_days=age, days_out=usual, rain_in=rain)
    worn = (RENTALS_PER_TAG_YEAR * drop / 365.25 + idle_drop(tags.material, np.ones(len(age)))) * days / 2
    chance = turn_probability(
        tags.material, condition=np.maximum(tags.first_condition - worn, WORST), frailty=tags.frailty, age_days=age,
        turns_since_service=np.full(len(age), TURNS_SINCE_SERVICE), days_out=usual, rain_in=rain,
    )  # fmt: skip
    gone = chance[:, [FAULTS.index("retirement"), FAULTS.index("loss")]].sum(axis=1) * tags.wears
    count = len(world.pools.stock)
    mean: Array = np.bincount(tags.pool, weights=gone, minlength=count) / np.maximum(np.bincount(tags.pool, minlength=count), 1)
    return mean


def stay_days_per_turn(world: World) -> Array:
    """Days in the shop beyond the next morning, per turn, by pool; 0 for bulk classes."""
    of_material = []
    for m in MATERIALS:
        wet = m.wet_ratio + m.wet_ratio_per_in * RAIN_PER_TURN_IN
        shares = ((wet, m.wet_days), (m.wash_ratio + m.cleaning.per_turn, m.wash_days), (m.inspect_ratio, m.inspect_days),
                  (2 * m.repair.per_turn, m.repair_days))  # fmt: skip
        of_material.append(sum(share * _beyond_next_morning(median) for share, median in shares))
    first = world.tags.material[world.pools.first_tag]
    stays: Array = np.array(of_material)[first] * world.tags.wears[world.pools.first_tag]
    return stays


def _beyond_next_morning(median_days: float) -> float:
    """Mean of the whole days of a stay after the first."""
    beyond = (log(k / median_days) / STAY_SPREAD for k in range(1, MOST_STAY_DAYS))
    return sum(0.5 * (1 - erf(z / sqrt(2))) for z in beyond)
