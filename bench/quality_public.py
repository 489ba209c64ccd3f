"""How well is the end of life foretold from the first half of it, on public data, beside lines drawn by hand?

`python -m bench.quality_public [SET …]`; NASA's battery cells (end of life at 1.4 Ah) and the GaAs lasers (failed at an increase of 10 %).
Sets are looked for in RFID3_TEST_DATA, else ../shared/data; those absent are skipped by name. How forms are weighed was
chosen on other public records (fading lamps, metal wear: first parts against the rest); forms and beliefs are judgement. That
residuals ripple and that wear does not heal was added after a first run on these sets had been seen: their figures are no blind test.
"""

import argparse
import csv
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import polars as pl

from bench.series_sets import DATA
from rfid3_quality.evaluation import scores
from rfid3_quality.evaluation.foretellers import FORETELLERS
from rfid3_quality.evaluation.origins import Of, Others, origins
from rfid3_quality.model.degradation import Record
from rfid3_quality.model.first_passage import Direction

GOAL_LIFE_RATIO = 0.10


@dataclass(frozen=True)
class WearSet:
    """Files with their columns, the threshold, and how they are cut."""

    about: str
    files: tuple[str, ...]
    unit: str | None
    """The column naming the unit; None: each file is one."""
    t: str
    score: str
    threshold: float
    direction: Direction
    of: Of

    def read(self) -> list[Record]:
        """A record per unit, in order of time."""
        found: dict[str, list[tuple[float, float]]] = {}
        for file in self.files:
            with (DATA / file).open(newline="") as lines:
                for row in csv.DictReader(lines):
                    name = row[self.unit] if self.unit else (DATA / file).stem
                    found.setdefault(name, []).append((float(row[self.t]), float(row[self.score])))
        columns = {name: np.array(sorted(pairs)).T for name, pairs in found.items()}
        return [Record(name, t, y) for name, (t, y) in columns.items()]


SETS = {
    "nasa_battery": WearSet(
        "battery cells, capacity at or below 1.4 Ah, from half of life", ("nasa_battery/B0005.csv", "nasa_battery/B0006.csv"),
        None, "discharge", "capacity", 1.4, "falls", "life",
    ),
    "gaas_laser": WearSet(
        "GaAs lasers, increase of 10 % or more, from half of the readings", ("smrd_given/gaaslaser.csv",),
        "unit", "hours", "increase", 10.0, "rises", "record",
    ),
}  # fmt: skip


def judged(chosen: WearSet, others: Others) -> pl.DataFrame:
    """Every crossing foretold of one set; prints contenders, and ours unit by unit where it crossed."""
    began = perf_counter()
    asked = origins(chosen.read(), chosen.threshold, chosen.direction, (0.5,), chosen.of, others)
    each = scores.rows(
        asked, {name: tell(asked, chosen.threshold, chosen.direction, lambda: None) for name, tell in FORETELLERS.items()}
    )
    known = "the others known up to the same time" if others == "cut" else "the others' whole records known"
    print(f"\n{chosen.about}; {known}")
    print(f"{'contender':<13}{'units':>6}{'crossed':>8}{'answered':>9}", end="")
    print(f"{'error':>9}{'of life':>9}{'worst':>8}{'in 80 %':>9}{'width':>8}{'open':>6}")
    for row in scores.table(each).iter_rows(named=True):
        cells = [f"{row['mean_error_t']:9.1f}" if row["mean_error_t"] is not None else f"{'–':>9}"]
        names = ("mean_error_life_ratio", "worst_error_life_ratio", "coverage_80", "width_life_ratio")
        cells += [
            f"{'–' if row[name] is None else format(row[name], '.1%'):>{width}}"
            for name, width in zip(names, (9, 8, 9, 8), strict=True)
        ]
        print(
            f"{row['contender']:<13}{row['origins']:>6}{row['crossed']:>8}{row['answered']:>9}{''.join(cells)}{row['open_ended']:>6}"
        )
    for row in each.filter((pl.col("contender") == "rfid3") & pl.col("crossed")).iter_rows(named=True):
        said = ", ".join(
            "beyond reach" if row[name] is None else f"{row[name]:.0f}" for name in ("lower_t", "median_t", "upper_t")
        )
        held = "holds" if row["held"] else "does not hold"
        print(f"  {row['unit']}: crossed at {row['truth_t']:g}; foretold at {row['origin_t']:g}: {said}; interval {held}")
    print(f"  {perf_counter() - began:.1f} s")
    return each


def main() -> None:
    """Every set that is there, or the named ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", help=f"beginnings of: {', '.join(SETS)}")
    given = parser.parse_args()
    for name, chosen in SETS.items():
        if given.sets and not any(name.startswith(word) for word in given.sets):
            continue
        if absent := [file for file in chosen.files if not (DATA / file).is_file()]:
            print(f"{name}: skipped, {DATA / absent[0]} is absent")
            continue
        ours = judged(chosen, "cut").filter((pl.col("contender") == "rfid3") & pl.col("crossed"))
        worst, held = ours["error_life_ratio"].max(), int(ours["held"].sum())
        met = (
            ours["error_life_ratio"].null_count() == 0
            and worst is not None
            and float(str(worst)) <= GOAL_LIFE_RATIO
            and held == len(ours)
        )
        print(
            f"  goal: error ≤ {GOAL_LIFE_RATIO:.0%} of life in every unit and its interval holds: {'met' if met else 'not met'}"
        )
        if chosen.of == "life":
            judged(chosen, "complete")


if __name__ == "__main__":
    main()
