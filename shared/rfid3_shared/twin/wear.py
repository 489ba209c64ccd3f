"""What do turns do to each unit: how worn is it, what went wrong, did it come back? Hidden from RFID3.

Units that carry a tag wear; those of bulk classes, which nobody can tell apart, do not. What is worn out or lost is not bought
anew: the fleet shrinks. A fault of a turn is found when the unit comes back, a loss is that it does not.
"""

from dataclasses import dataclass

import numpy as np

from rfid3_shared.twin import hazards
from rfid3_shared.twin.columns import Columns
from rfid3_shared.twin.materials import FAULTS, MATERIALS
from rfid3_shared.twin.randomness import Array, Purpose, stream
from rfid3_shared.twin.world import World

REPAIR_FAULT, CLEANING_FAULT, RETIREMENT, LOSS = range(4)
NO_FAULT = len(FAULTS)
"""Index of a turn's outcome when nothing happened."""
NEW_UNIT_DAYS = 9
"""Price of a new unit in days' rent, as in `inventory`."""
COST_SPREAD = 0.5
_SPREAD = np.array([material.drop_spread for material in MATERIALS])
_COSTS = np.array([(m.repair_cost_ratio, m.cleaning_cost_ratio, 1.0, 1.0, 0.0) for m in MATERIALS])


@dataclass
class Wear:
    """How each unit is, truly; arrays by tag. A part of the state, changed in place."""

    condition: Array
    """0 to 10 on the scale of the grades' scores, as of `worn_day`."""
    worn_day: Array
    """Day up to which wear on the shelf is counted in `condition`."""
    shown_grade: Array
    """Grade as staff last wrote it: index into labels.GRADE_WORDS."""
    noted_grade: Array
    """True grade last written to the truth."""
    turns: Array
    turns_since_service: Array
    out_day: Array
    gone: Array
    """0 = in service, 1 = retired, 2 = lost."""
    gone_day: Array
    """-1 while in service."""
    ready_day: Array
    """Day from which a unit in the shop can leave again, or on which RFID3 shows that it is gone; -1 = nothing pending."""
    visit: Array
    """Why it is in the shop: index into materials.VISITS, len(VISITS) when gone; only where `ready_day` says so."""
    end_seen: Array
    """Whether the end of that will be scanned."""


@dataclass(frozen=True)
class Turns:
    """Turns that ended on one day; arrays by unit that was due."""

    tag: Array
    probability: Array
    """True probability of each fault (columns as FAULTS), given the state at leaving and the turn; 0 for units without wear."""
    outcome: Array
    """Index into FAULTS, or NO_FAULT."""
    cost_cents: Array
    """What the fault costs: a repair or a cleaning its work, a retirement or a loss a new unit."""
    rain_in: Array


@dataclass(frozen=True)
class WearDay:
    """What a day truly did to the units, for the truth."""

    turns: Turns
    faults: Columns
    """tag, kind (index into FAULTS), cost_cents, recorded."""
    visits: Columns
    """Stays in the shop that began: tag, kind (index into VISITS), ready_day."""
    conditions: Columns
    """Units whose true grade changed: tag, condition, grade (score)."""
    finished: Array
    """Tags that became ready today, or that RFID3 shows as gone from today on."""


def fresh_wear(world: World) -> Wear:
    """The units on the first morning."""
    tags = world.tags
    count = len(tags.pool)
    return Wear(
        condition=tags.first_condition.copy(), worn_day=np.zeros(count, np.int32), shown_grade=tags.grade.copy(),
        noted_grade=hazards.true_grade(tags.first_condition), turns=np.zeros(count, np.int32),
        turns_since_service=np.zeros(count, np.int32), out_day=np.full(count, -1, np.int32), gone=np.zeros(count, np.int8),
        gone_day=np.full(count, -1, np.int32), ready_day=np.full(count, -1, np.int32), visit=np.zeros(count, np.int8),
        end_seen=np.zeros(count, bool),
    )  # fmt: skip


def condition_on(world: World, wear: Wear, tag: Array, day: Array | int) -> Array:
    """Condition of units that are at home on the morning of a day: as after their last turn, less the wear on the shelf.

    day: one for all, or one for each.
    """
    idle = hazards.idle_drop(world.tags.material[tag], day - wear.worn_day[tag])
    condition: Array = np.maximum(wear.condition[tag] - idle * world.tags.wears[tag], hazards.WORST)
    return condition


def end_turns(world: World, wear: Wear, day: int, due: Array, rain_before: Array) -> Turns:
    """Let the turns of the units due today end: their faults, and what the turn took off them.

    rain_before: inches of rain from the first day to the morning of each day.
    """
    tags = world.tags
    rng = stream(world.spec.seed, Purpose.WEAR, day)
    chance, scatter, dearness = rng.random(len(due)), rng.standard_normal(len(due)), rng.standard_normal(len(due))
    left, material, wears = wear.out_day[due], tags.material[due], tags.wears[due]
    condition = np.maximum(wear.condition[due] - hazards.idle_drop(material, left - wear.worn_day[due]) * wears, hazards.WORST)
    frailty, age, out, rain = tags.frailty[due], tags.age_days[due] + day, day - left, rain_before[day] - rain_before[left]
    probability = wears[:, None] * hazards.turn_probability(
        material, condition=condition, frailty=frailty, age_days=age, turns_since_service=wear.turns_since_service[due],
        days_out=out, rain_in=rain,
    )  # fmt: skip
    outcome = (chance[:, None] >= probability.cumsum(axis=1)).sum(axis=1)
    drop = hazards.mean_drop(material, frailty=frailty, age_days=age, days_out=out, rain_in=rain)
    spread = _SPREAD[material]
    drop *= wears * np.exp(spread * scatter - spread**2 / 2)
    wear.condition[due] = np.maximum(condition - drop, hazards.WORST)
    wear.worn_day[due] = day
    wear.turns[due] += 1
    wear.turns_since_service[due] += 1
    for fault, word in ((RETIREMENT, 1), (LOSS, 2)):
        wear.gone[due[outcome == fault]] = word
        wear.gone_day[due[outcome == fault]] = day
    work = outcome <= CLEANING_FAULT
    price = world.classes.day_rate_cents[world.tag_class_of(due)] * NEW_UNIT_DAYS * _COSTS[material, outcome]
    cost = np.round(price * np.where(work, np.exp(COST_SPREAD * dearness), 1.0)).astype(np.int64)
    return Turns(due, probability, outcome, cost, rain)


def changed_grades(wear: Wear, tag: Array) -> Columns:
    """Those of the tags whose true grade is not the one last noted; notes it."""
    grade = hazards.true_grade(wear.condition[tag])
    changed = grade != wear.noted_grade[tag]
    wear.noted_grade[tag[changed]] = grade[changed]
    return {"tag": tag[changed], "condition": wear.condition[tag[changed]], "grade": grade[changed]}
