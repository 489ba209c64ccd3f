"""Are chances of failure and projections of wear true? A company whose truth is known lives on for a year after it was judged.

Founded with seeds on which nothing was chosen, trained as the services train, every unit foretold, then held against the true faults
of the year after. Peers on the same rows: one Kaplan–Meier curve for all, lifelines' Cox on the same landmarks and features. A company
whose staff write every fault down (recorded 1.0) is held against all true faults; one of which 35 % are written down against those:
the chances that a thinly recording shop is told are chances of faults that it records, and RFID3 cannot tell them from true ones.
`--quick`: one company.
"""

import asyncio
import sys
import time
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from bench import wear_company, wear_projected, wear_scores
from bench.wear_company import OF, YEAR_DAYS, Company
from bench.wear_scores import GRID_DAYS, Judged
from rfid3_maintenance import features, fitting, totals
from rfid3_maintenance.kinds import CUTS_DAYS, HORIZONS_DAYS, KINDS
from rfid3_maintenance.model import Hazard, Landmarks
from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_shared.clock import Clock
from rfid3_shared.item_life.describing import places
from rfid3_shared.item_life.frames import item_frame
from rfid3_shared.item_life.snapshot import UNMAPPED
from rfid3_shared.twin.materials import MATERIALS

SEEDS = (41, 42)
COMPANIES = ((1.0, SEEDS), (0.35, SEEDS))
AT_DAYS = (30.0, 90.0, 365.0)


@dataclass(frozen=True)
class Foretold:
    """Units of one company in the order of `units`, and what was said of them. survival (units, kinds, cuts), band (units, horizons, 2)."""

    of: Company
    units: pl.DataFrame
    x: np.ndarray
    past: fitting.Past
    hazards: dict[str, Hazard]
    survival: np.ndarray
    band: np.ndarray
    seconds: float

    def curve(self, what: str) -> np.ndarray:
        """(units, cuts) chance to get beyond each cut without it."""
        return np.asarray(np.prod([self.survival[:, KINDS.index(kind)] for kind in OF[what]], axis=0))


def foretold(of: Company, zone: ZoneInfo) -> Foretold:
    """Learn as training does, and score every unit."""
    started = time.perf_counter()
    past = fitting.past_of(of.life, MaintenanceSettings().maintenance_landmark_days, zone)
    hazards = fitting.fit(past)
    units = wear_company.asked(of)
    frame = item_frame(of.life, units.select("tag_id", at=pl.lit(of.origin)), zone, facts=past.facts)
    x, group = features.matrix(frame), places(frame["rental_class"], past.classes)
    ahead = past.ahead(frame["category"], frame["at"])
    survival, band = (of_rows(hazards, x, group, ahead) for of_rows in (fitting.survival_of, fitting.band_of))
    return Foretold(of, units, x, past, hazards, survival, band, time.perf_counter() - started)


def judged(one: Foretold, what: str, *, recorded: bool, peers: bool) -> Judged:
    """Ours and the peers' curves beside what came."""
    after, event = wear_company.came(one.of, one.units["tag_id"], what, recorded=recorded)
    curves = {"ours": wear_scores.on_grid(one.curve(what))}
    if peers:
        past = _landmarks(one.past, what)
        curves["Kaplan–Meier"] = wear_scores.kaplan_meier_curve(past, len(one.x))
        curves["Cox"] = wear_scores.cox_curve(past, one.x)
    return Judged(curves, after, event)


def _landmarks(past: fitting.Past, what: str) -> Landmarks:
    """What was learned from, of a kind; the first of several where they are competing kinds."""
    after, event = (np.stack([part[kind] for kind in OF[what]]) for part in (past.after, past.event))
    first = np.argmin(np.where(event, after, np.inf), axis=0)
    happened = np.asarray(event.any(axis=0))
    days = np.where(happened, after[first, np.arange(after.shape[1])], after.min(axis=0))
    unit = past.frame["unit"].to_numpy().astype(np.int32)
    return Landmarks(past.x, features.NAMES, past.group, unit, np.full(len(days), np.nan), days, happened)


def calibrations(told: list[Foretold], *, recorded: bool) -> None:
    """Slopes and intercepts by kind and horizon, and expected beside happened."""
    print(f"{'kind':12}{'form':8}" + "".join(f"{f'slope {days:.0f} d':>18}{'intercept':>11}{'events':>8}" for days in AT_DAYS)
          + f"{'expected / came':>20}")  # fmt: skip
    for what in OF:
        found = [judged(one, what, recorded=recorded, peers=False) for one in told]
        after, event = (np.concatenate([getattr(one, name) for one in found]) for name in ("after", "event"))
        cells = ""
        for days in AT_DAYS:
            chance = 1 - np.concatenate([one.curves["ours"][:, GRID_DAYS.index(days)] for one in found])
            slope, error, intercept, events = wear_scores.slope(chance, after, event, days)
            cells += f"{slope:11.2f} ± {error:4.2f}{intercept:+11.2f}{events:8d}"
        many = sum(
            float(wear_scores.expected(one.curve(what), each.after).sum()) for one, each in zip(told, found, strict=True)
        )
        forms = "/".join(sorted({str(one.hazards[kind].basis["form"]) for one in told for kind in OF[what]}))
        print(f"{what:12}{forms:8}{cells}{many:12.0f} /{event.sum():6d}")


def peers(told: list[Foretold], *, recorded: bool) -> None:
    """Integrated Brier score × 1000 and C, ours beside the peers; means over companies."""
    print(f"\n{'':12}{'integrated Brier x 1000':>36}{'C-index':>34}")
    print(f"{'kind':12}{'ours':>12}{'Kaplan–Meier':>14}{'Cox':>10}{'ours':>14}{'Cox':>10}")
    for what in OF:
        found = [judged(one, what, recorded=recorded, peers=True) for one in told]
        scores, orders = ([of(one) for one in found] for of in (wear_scores.integrated, wear_scores.order))
        ibs = {name: 1000 * np.mean([one[name] for one in scores]) for name in scores[0]}
        c = {name: np.mean([one[name] for one in orders]) for name in orders[0]}
        print(f"{what:12}{ibs['ours']:12.2f}{ibs['Kaplan–Meier']:14.2f}{ibs['Cox']:10.2f}{c['ours']:14.3f}{c['Cox']:10.3f}")


def laws(told: list[Foretold]) -> None:
    """Is the true hazard found again: rank correlations, and events expected over come by material."""
    print("\nrank correlation with the twin's law (what can be seen of it: without each unit's hidden frailty and condition)")
    print(f"{'kind':12}{'a year, ours':>14}{'visible law':>13}{'next turn, ours':>17}{'visible law':>13}")
    for what in OF:
        cells = []
        for one in told:
            true, visible = (wear_company.true_rates(one.of, one.units, what, hidden=hidden) for hidden in (True, False))
            turns = wear_company.turns_of_year(one.of, one.units)
            year = -np.log(one.curve(what)[:, CUTS_DAYS.index(float(YEAR_DAYS))])
            usual = one.x[:, features.NAMES.index("rentals_a_year")].astype(float)
            a_turn = np.where(usual > 0, year / np.where(usual > 0, usual, 1), np.nan)
            cells.append([wear_scores.alike(year, true * turns), wear_scores.alike(visible * np.nan_to_num(usual), true * turns),
                          wear_scores.alike(a_turn, true), wear_scores.alike(visible, true)])  # fmt: skip
        a, b, c, d = np.mean(cells, axis=0)
        print(f"{what:12}{a:14.2f}{b:13.2f}{c:17.2f}{d:13.2f}")


def by_material(told: list[Foretold], *, recorded: bool) -> None:
    """Events expected over events that came, with two standard errors, by material."""
    print("\nexpected / came in the year, by material (± two standard errors of what came)")
    print(f"{'kind':12}" + "".join(f"{material.name:>20}" for material in MATERIALS))
    for what in OF:
        cells = ""
        for material in MATERIALS:
            many = came = 0.0
            for one in told:
                rows = (one.units["material"] == material.name).to_numpy()
                after, event = wear_company.came(one.of, one.units["tag_id"], what, recorded=recorded)
                many += float(wear_scores.expected(one.curve(what)[rows], after[rows]).sum())
                came += float(event[rows].sum())
            cells += (
                f"{many / came:9.2f} ± {2 * many / came / np.sqrt(came):4.2f} {came:3.0f}"
                if came
                else f"{many:12.1f} / {came:5.0f}"
            )
        print(f"{what:12}{cells}")


def fleets(told: list[Foretold], *, recorded: bool) -> None:
    """How often the interval of a category's failing units held, and of all together; where at least one was expected."""
    print("\nunits that fail, by category and of all: cells in the 80 % interval, and all together (mean, interval, came)")
    for days in AT_DAYS:
        inside, whole = [], []
        for one in told:
            wear = one.curve("failure")
            after, event = wear_company.came(one.of, one.units["tag_id"], "failure", recorded=recorded)
            category = one.units["category"].fill_null(UNMAPPED).to_numpy()
            for name in (None, *np.unique(category).tolist()):
                rows = np.flatnonzero(category == name) if name is not None else np.arange(len(category))
                spread = totals.spread_of(one.band[rows, HORIZONS_DAYS.index(int(days))])
                mean, low, high = totals.counts(wear[rows], 0.0, days, spread, first_only=True)
                count = float((event[rows] & (after[rows] <= days)).sum())
                if name is None:
                    whole.append(f"{mean:.0f} ({low:.0f}–{high:.0f}): {count:.0f}")
                elif mean >= 1:
                    inside.append(low <= count <= high)
        print(f"{days:5.0f} d: {np.mean(inside):.2f} of {len(inside)} cells;  all: " + ";  ".join(whole))


async def run(recorded_ratio: float, seeds: tuple[int, ...]) -> None:
    """One kind of shop: companies of several seeds together."""
    recorded, zone = recorded_ratio < 1, Clock().zone
    told = [foretold(await wear_company.company(seed, recorded_ratio), zone) for seed in seeds]
    truth = "faults that staff wrote down" if recorded else "true faults"
    count, seconds = sum(len(one.units) for one in told), sum(one.seconds for one in told) / len(told)
    print(f"\n=== {recorded_ratio:.0%} of faults written down; {len(told)} companies, {count} units, held against {truth} of a year;"
          f" {seconds:.0f} s to learn and score one")  # fmt: skip
    calibrations(told, recorded=recorded)
    peers(told, recorded=recorded)
    if not recorded:
        laws(told)
    by_material(told, recorded=recorded)
    fleets(told, recorded=recorded)
    if not recorded:
        worn = [wear_projected.projected(one.of, zone) for one in told]
        wear_projected.falls(worn)
        wear_projected.held(worn)


def main() -> None:
    """Print everything."""
    quick = "--quick" in sys.argv
    print("goals: slope 0.9 to 1.1; integrated Brier below Cox; 0.80 of cells in the interval")
    for recorded_ratio, seeds in COMPANIES[:1] if quick else COMPANIES:
        asyncio.run(run(recorded_ratio, seeds[:1] if quick else seeds))


if __name__ == "__main__":
    main()
