"""How likely is each fault at a unit's next turn, and how much of its condition does the turn take? The twin's true law of wear.

Pure. A turn is one rental, from leaving to coming back. Each fault has a rate
`per_turn · exp(condition·(8 − c) + out·log2(days_out / 5) + rain·rain_in + service·turns_since_service / 10 + age·(years − 3)) ·
frailty^e`; the rates compete, so that the chance of any fault is `1 − exp(−sum)` and each fault's share of it is its rate's
share of the sum. Benches of calibration hold their probabilities against `turn_probability`.
"""

import numpy as np

from rfid3_shared.twin.catalogue import KINDS
from rfid3_shared.twin.materials import (
    FAULTS,
    MATERIAL_OF_CATEGORY,
    MATERIALS,
    USUAL_AGE_YEARS,
    USUAL_CONDITION,
    USUAL_OUT_DAYS,
)
from rfid3_shared.twin.randomness import Array

WORST, BEST = 0.0, 10.0
"""A condition's range, on the scale of the grades' scores: F is 0, A+ is 10."""
_RATES = np.array([[getattr(material, fault) for fault in FAULTS] for material in MATERIALS])
_DROPS = np.array([(m.drop_per_turn, m.drop_out, m.drop_rain, m.drop_age, m.drop_per_day) for m in MATERIALS])


def materials_of_kinds() -> Array:
    """Index into MATERIALS of each kind in the catalogue."""
    names = [material.name for material in MATERIALS]
    return np.array([names.index(MATERIAL_OF_CATEGORY[kind.category]) for kind in KINDS])


def turn_probability(
    material: Array, *, condition: Array, frailty: Array, age_days: Array, turns_since_service: Array, days_out: Array,
    rain_in: Array,
) -> Array:  # fmt: skip
    """True probability of each fault at the end of a turn; rows by unit, columns as FAULTS, each in [0, 1), summing below 1.

    material: index into MATERIALS. condition: on leaving, 0 to 10. frailty: 1 is usual. age_days, days_out: days.
    turns_since_service: turns before this one since the last repair, or since the company's first day. rain_in: inches of rain
    while out.
    """
    law = _RATES[material]
    logs = (
        law[..., 1] * (USUAL_CONDITION - condition)[:, None]
        + law[..., 2] * np.log2(np.maximum(days_out, 1) / USUAL_OUT_DAYS)[:, None]
        + law[..., 3] * rain_in[:, None]
        + law[..., 4] * (turns_since_service / 10)[:, None]
        + law[..., 5] * (age_days / 365.25 - USUAL_AGE_YEARS)[:, None]
        + law[..., 6] * np.log(frailty)[:, None]
    )
    rates = law[..., 0] * np.exp(logs)
    total = rates.sum(axis=1, keepdims=True)
    probability: Array = rates * (-np.expm1(-total) / total)
    return probability


def mean_drop(material: Array, *, frailty: Array, age_days: Array, days_out: Array, rain_in: Array) -> Array:
    """Grades a turn takes off on average; one turn's drop scatters around it lognormally, by the material's spread."""
    law = _DROPS[material]
    logs = (
        law[:, 1] * np.log2(np.maximum(days_out, 1) / USUAL_OUT_DAYS)
        + law[:, 2] * rain_in
        + law[:, 3] * (age_days / 365.25 - USUAL_AGE_YEARS)
    )
    drop: Array = law[:, 0] * frailty * np.exp(logs)
    return drop


def idle_drop(material: Array, days: Array) -> Array:
    """Grades that so many days on the shelf take off."""
    drop: Array = _DROPS[material, 4] * days
    return drop


def true_grade(condition: Array) -> Array:
    """The grade a perfect eye would give: the nearest score, 0 (F) to 10 (A+)."""
    grade: Array = np.rint(condition).astype(np.int8)
    return grade
