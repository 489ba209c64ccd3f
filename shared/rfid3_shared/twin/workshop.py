"""What becomes of a unit that came back: does it dry, is it washed, inspected, repaired, and what of that does RFID3 see?

A stay in the shop keeps a unit from leaving until it is ready. Staff record only a share of the faults and of the stays
(TwinSpec.recorded_ratio), and of those that they do only a share at the end; grades are seldom written, and a better one only
after a repair. Sold units show some days after they were taken out of service, missing ones after weeks.
"""

from dataclasses import dataclass

import numpy as np

from rfid3_shared.source.tables import DEFECT_COLUMNS
from rfid3_shared.twin.columns import Columns
from rfid3_shared.twin.hazards import BEST, WORST
from rfid3_shared.twin.labels import CODE_OF_SCORE, SCORE_OF_CODE
from rfid3_shared.twin.materials import FAULTS, MATERIALS, VISITS
from rfid3_shared.twin.randomness import Array, Purpose, stream
from rfid3_shared.twin.scans import INSPECT, MISSING, READY, REPAIR, SOLD, TOUCH, WASH, WET, Views, scan_columns
from rfid3_shared.twin.state import State
from rfid3_shared.twin.wear import CLEANING_FAULT, LOSS, REPAIR_FAULT, RETIREMENT, Turns, condition_on
from rfid3_shared.twin.world import World

GONE = len(VISITS)
STATUS_OF_VISIT = np.array([WET, WASH, INSPECT, REPAIR])
ROUTINE_SEEN_RATIO = 0.6
"""Of the routine stays of units whose return was seen, the share that staff record, times the recorded ratio of faults."""
END_SEEN_RATIO = 0.5
STAY_SPREAD, MOST_STAY_DAYS = 0.55, 60
"""Standard deviation of the log of the days of a stay."""
SOLD_SHOWS_DAYS, MISSING_SHOWS_DAYS, LEAST_MISSING_DAYS = 10, 30, 30
LIFT_SPREAD, BEST_AFTER_REPAIR = 0.4, 9.5
GRADED_RETURNS, GRADED_REPAIRS, GRADER_ERROR = 0.004, 0.3, 0.35
"""Shares of returns and of repairs after which staff write a grade, and how far their eye is off (grades, standard deviation)."""
SHOP_OPENS_S = 7 * 3600
_ROUND = 60
"""A number of places that lists of 1 to 6 defects fill evenly."""


def _bits(lists: list[tuple[str, ...]]) -> Array:
    return np.array([[1 << DEFECT_COLUMNS.index(names[k % len(names)]) for k in range(_ROUND)] for names in lists], np.int16)


_TORN, _SOILED = _bits([m.torn for m in MATERIALS]), _bits([m.soiled for m in MATERIALS])
_WET_BIT = 1 << DEFECT_COLUMNS.index("wet")
_ROUTINE = np.array([(m.wet_ratio, m.wash_ratio, m.inspect_ratio) for m in MATERIALS])
_RAIN = np.array([m.wet_ratio_per_in for m in MATERIALS])
_STAYS = np.array([(m.wet_days, m.wash_days, m.inspect_days, m.repair_days) for m in MATERIALS])
_LIFT = np.array([m.lift for m in MATERIALS])


@dataclass(frozen=True)
class Arrivals:
    """What becomes of the units that came back today."""

    status: Array
    """Status that RFID3 is told, by unit that came back."""
    defects: Array
    """Defects that RFID3 is told, as bits over DEFECT_COLUMNS, by unit that came back."""
    faults: Columns
    visits: Columns


class Shop:
    """The shop on one day: units become ready in the morning, others come in over the day."""

    def __init__(self, world: World, state: State) -> None:
        self.world, self.state, self.wear, self.day = world, state, state.wear, state.day
        seed = world.spec.seed
        self.stays = stream(seed, Purpose.VISITS, self.day)
        self.labels = stream(seed, Purpose.LABELS, self.day)
        self.grading = stream(seed, Purpose.GRADING, self.day)

    def open(self) -> tuple[Array, Array, Columns]:
        """Let the stays end that end today; returns the tags, those of them that were repaired, and the scans."""
        wear, day = self.wear, self.day
        tag = np.flatnonzero(wear.ready_day == day)
        gone, visit, seen = wear.gone[tag], wear.visit[tag], wear.end_seen[tag]
        status = np.where(gone == 1, SOLD, np.where(gone == 2, MISSING, READY))
        self.state.status[tag] = status
        wear.ready_day[tag] = -1
        mended = tag[visit == VISITS.index("repair")]
        self._mend(mended)
        scans = scan_columns(day, SHOP_OPENS_S + tag[seen] % 1500, TOUCH, tag[seen], -1, status[seen])
        return tag, mended, scans

    def _mend(self, tag: Array) -> None:
        """A repair brings grades back and starts the count of turns anew; staff may write a better grade."""
        wear = self.wear
        rng = stream(self.world.spec.seed, Purpose.MENDING, self.day)
        lift = _LIFT[self.world.tags.material[tag]] * np.exp(LIFT_SPREAD * rng.standard_normal(len(tag)))
        before = condition_on(self.world, wear, tag, self.day)
        wear.condition[tag] = np.minimum(np.maximum(before, BEST_AFTER_REPAIR), before + lift)
        wear.worn_day[tag], wear.turns_since_service[tag] = self.day, 0
        graded = tag[rng.random(len(tag)) < GRADED_REPAIRS]
        wear.shown_grade[graded] = self._eye(graded, rng)

    def receive(self, turns: Turns, views: Views) -> Arrivals:
        """Take in what came back: who stays, for how long, and what staff write of it. `views` are those of the returned."""
        wear, world = self.wear, self.world
        back = turns.outcome != LOSS
        tag, outcome = turns.tag[back], turns.outcome[back]
        count, material, wears = len(tag), world.tags.material[tag], world.tags.wears[tag]
        end_chance, recorded_chance, defect, seen_chance = self.labels.random((4, count))
        at = (defect * _ROUND).astype(np.int64)
        torn, soiled = outcome == REPAIR_FAULT, outcome == CLEANING_FAULT
        fault, retired = torn | soiled, outcome == RETIREMENT
        defects = np.where(torn, _TORN[material, at], np.where(soiled, _SOILED[material, at], 0))
        asked = views.inspect & ~fault & ~retired & wears
        kind = self._routine(material, turns.rain_in[back])
        kind = np.where(torn, 3, np.where(soiled, np.where(defects == _WET_BIT, 0, 1), np.where(asked, 2, kind)))
        stays = wears & ~retired & (kind < GONE)
        ratio = world.spec.recorded_ratio
        recorded = (fault | retired) & (recorded_chance < ratio)
        shown = stays & np.where(fault, recorded, asked | (views.scanned & (seen_chance < ROUTINE_SEEN_RATIO * ratio)))
        self._keep(tag[stays], kind[stays], shown[stays] & (end_chance[stays] < END_SEEN_RATIO))
        self._write_off(turns.tag[~back], LEAST_MISSING_DAYS, MISSING_SHOWS_DAYS, np.zeros(int((~back).sum()), bool))
        self._write_off(tag[retired], 1, SOLD_SHOWS_DAYS, recorded[retired])
        self._regrade(tag[wears & ~retired])
        failed = turns.outcome < len(FAULTS)
        noted = np.zeros(len(turns.tag), bool)
        noted[back] = recorded
        return Arrivals(
            status=np.where(shown, STATUS_OF_VISIT[np.minimum(kind, 3)], READY), defects=np.where(shown & fault, defects, 0),
            faults={"tag": turns.tag[failed], "kind": turns.outcome[failed], "cost_cents": turns.cost_cents[failed],
                    "recorded": noted[failed]},
            visits={"tag": tag[stays], "kind": kind[stays], "ready_day": wear.ready_day[tag[stays]]},
        )  # fmt: skip

    def inspect(self, tag: Array) -> Columns:
        """Units on the shelf that staff want to look at stay for it."""
        self._keep(tag, np.full(len(tag), VISITS.index("inspect")), self.labels.random(len(tag)) < END_SEEN_RATIO)
        return {"tag": tag, "kind": np.full(len(tag), 2), "ready_day": self.wear.ready_day[tag]}

    def _routine(self, material: Array, rain_in: Array) -> Array:
        """Routine stay of each unit: index into VISITS, GONE for none."""
        ratios = _ROUTINE[material]
        ratios[:, 0] = np.minimum(ratios[:, 0] + _RAIN[material] * rain_in, 0.6)
        found = (self.stays.random(len(material))[:, None] >= ratios.cumsum(axis=1)).sum(axis=1)
        kind: Array = np.where(found == 3, GONE, found)
        return kind

    def _keep(self, tag: Array, kind: Array, end_seen: Array) -> None:
        median = _STAYS[self.world.tags.material[tag], kind]
        days = np.ceil(median * np.exp(STAY_SPREAD * self.stays.standard_normal(len(tag))))
        self.wear.ready_day[tag] = self.day + np.clip(days, 1, MOST_STAY_DAYS).astype(np.int32)
        self.wear.visit[tag], self.wear.end_seen[tag] = kind, end_seen

    def _write_off(self, tag: Array, least_days: int, mean_days: int, end_seen: Array) -> None:
        wait = least_days + np.floor(self.stays.exponential(mean_days, len(tag))).astype(np.int32)
        self.wear.ready_day[tag] = self.day + wait
        self.wear.visit[tag], self.wear.end_seen[tag] = GONE, end_seen

    def _regrade(self, tag: Array) -> None:
        """Staff write a grade now and then; without a repair never a better one than stands there."""
        graded = tag[self.grading.random(len(tag)) < GRADED_RETURNS]
        code = self._eye(graded, self.grading)
        standing = SCORE_OF_CODE[self.wear.shown_grade[graded]]
        worse = SCORE_OF_CODE[code] < standing
        self.wear.shown_grade[graded[worse]] = code[worse]

    def _eye(self, tag: Array, rng: np.random.Generator) -> Array:
        """The grade that staff see, as a code."""
        seen = self.wear.condition[tag] + GRADER_ERROR * rng.standard_normal(len(tag))
        code: Array = CODE_OF_SCORE[np.rint(np.clip(seen, WORST, BEST)).astype(np.int64)]
        return code
