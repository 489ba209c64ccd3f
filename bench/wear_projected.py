"""Is the wear of grades found again, and do projections hold? Parts of `wear_twin`.

Two readings of the same projections. Of what is true: the condition itself, which nobody at RFID3 sees; grades on record are years old in
part, for staff look at one return in hundreds. Of what is written: the grade that RFID3 shows at the end of the year.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from bench import wear_company
from bench.wear_company import Company
from rfid3_quality import fitting, publication
from rfid3_quality.item import learned_group
from rfid3_quality.model.grades import TOP
from rfid3_quality.model.projection import Standing, project
from rfid3_quality.model.wear import Wear
from rfid3_quality.settings import QualitySettings
from rfid3_quality.snapshot import HORIZONS_DAYS, SCORES, Snapshot
from rfid3_shared.twin.materials import MATERIALS

AT_DAYS = (90, 365)
YEAR = (365.0,)


@dataclass(frozen=True)
class Projected:
    """Units of one company that have a grade, and their projections: score (units, SCORES, horizons)."""

    of: Company
    wear: Wear
    snapshot: Snapshot
    units: pl.DataFrame
    row: np.ndarray

    def score(self, name: str, days: int) -> np.ndarray:
        """(units,) of one of SCORES at a horizon, in grades."""
        return TOP * np.asarray(self.snapshot.score[self.row, SCORES.index(name), HORIZONS_DAYS.index(days)], float)


def projected(of: Company, zone: ZoneInfo) -> Projected:
    """Learn and project as training does."""
    past = fitting.past_of(of.life, zone)
    wear = fitting.fit(past)
    made = publication.snapshot_of(of.life, past, wear, 0, QualitySettings().quality_discount_ratio_per_year, zone, "bench", {})
    place = {one.decode(): at for at, one in enumerate(made.ids.tolist())}
    units = wear_company.asked(of)
    row = np.array([place[tag] for tag in units["tag_id"]])
    graded = made.grade[row] >= 0
    return Projected(of, wear, made, units.filter(graded), row[graded])


def falls(told: list[Projected]) -> None:
    """Mean fall of the condition per 100 turns by material, over the year after, of units that were not repaired: said and true."""
    print("\nfall of the grade per 100 turns over the year, given the turns that came, of units not repaired: said / true")
    cells = []
    for material in MATERIALS:
        said = true = turns = 0.0
        for one in told:
            end = _condition_at_end(one)
            whole = np.isfinite(wear_company.true_grade_at(one.of, one.units["tag_id"], wear_company.YEAR_DAYS))
            made = wear_company.turns_of_year(one.of, one.units)
            rows = np.flatnonzero(whole & (made > 0) & (one.units["material"] == material.name).to_numpy())
            group = one.snapshot.codes[one.row, 0][rows]
            grade = np.clip(np.rint(one.units["condition"].to_numpy()[rows]), 0, TOP).astype(int)
            standing = Standing(
                grade=grade, group=learned_group(one.wear, group), turns_per_day=made[rows] / YEAR[0],
                x=one.snapshot.x[one.row][rows], material=one.snapshot.codes[one.row, 1][rows],
            )  # fmt: skip
            said += float((grade - TOP * project(one.wear, standing, YEAR).mean[:, 0]).sum())
            true += float((one.units["condition"].to_numpy()[rows] - end[rows]).sum())
            turns += float(made[rows].sum())
        cells.append(f"{material.name} {100 * said / turns:.1f} / {100 * true / turns:.1f}")
    print("  " + ";  ".join(cells))


def held(told: list[Projected]) -> None:
    """How often the 80 % interval held what is true, and how far the middle was off; beside the grade on record that stays.

    The condition is a place on a scale, the grade the nearest whole number to it: an interval of places that holds 80 % of conditions holds
    80 % of whole grades only on average over where it happens to end. Between changes of grade the twin writes no condition down, at the
    end it does.
    """
    print(
        f"\n{'projection':20}{'units':>7}{'in 80 %':>9}{'width':>7}{'error':>7}{'bias':>7}{'record stays: error':>21}{'bias':>7}"
    )
    for what, days in (("true grade", AT_DAYS[0]), ("true grade", AT_DAYS[1]), ("true condition", AT_DAYS[1])):
        rows = []
        for one in told:
            true = wear_company.true_grade_at(one.of, one.units["tag_id"], days)
            if what == "true condition":
                true = np.where(np.isfinite(true), _condition_at_end(one), np.nan)
            low, high, mean = (one.score(name, days) for name in ("lower", "upper", "mean"))
            record = np.asarray(one.snapshot.grade[one.row], float)
            rows.append(np.stack([true, low, high, mean, record], axis=1)[np.isfinite(true)])
        true, low, high, mean, record = np.concatenate(rows).T
        inside = np.mean((true >= low - 1e-6) & (true <= high + 1e-6))
        print(f"{what + f', {days} d':20}{len(true):7d}{inside:9.2f}{np.mean(high - low):7.2f}{np.mean(np.abs(mean - true)):7.2f}"
              f"{np.mean(mean - true):+7.2f}{np.mean(np.abs(record - true)):21.2f}{np.mean(record - true):+7.2f}")  # fmt: skip
    one = told[0]
    print(f"learned from: {one.wear.basis['why']}; form {one.wear.basis['form']}")


def _condition_at_end(one: Projected) -> np.ndarray:
    """(units,) true condition a year after, 0 to 10."""
    now = one.of.now.select("tag_id", after="condition")
    return np.asarray(
        one.units.select("tag_id").join(now, on="tag_id", how="left", maintain_order="left")["after"].to_numpy(), float
    )
