"""How long do things live, when the shop began to look while most were already in use? Lives by the twin's law, seen through a window.

Units of one material come new all the time, turn every few days, wear and fail as `rfid3_shared.twin.hazards` says; then the shop begins
to scan, and looks for two years. Who is there by then is old already, and who failed before is not there (left truncation). The pooled form
with delayed entry, each unit counted from the age at which it came into sight, is held against the mean of all whole lives; beside it two
naive ways: every unit taken as seen since it was new, and its first sight taken for its birth. Goal: bias of the mean within 3 %.
"""

from dataclasses import dataclass

import numpy as np

from rfid3_maintenance.model import Landmarks, fit_hazard
from rfid3_maintenance.model.curves import expected
from rfid3_shared.twin import hazards
from rfid3_shared.twin.materials import FAULTS, MATERIALS

SEEDS = (31, 32, 33, 34, 35)
UNITS = 12_000
TURN_DAYS, OUT_DAYS = 20.0, 5.0
WINDOW_DAYS, BIRTHS_DAYS = 730.0, 7300.0
HORIZON_DAYS = 3650.0
"""Means are of days up to ten years: what lives longer counts ten."""
CASES = (("tent", "repair"), ("linen", "repair"), ("machine", "repair"), ("linen", "retirement"), ("machine", "retirement"))
CUTS_DAYS = tuple(float(day) for day in np.r_[np.geomspace(30, 1800, 20), np.linspace(2000, HORIZON_DAYS, 12)])
WAYS = ("delayed entry", "seen since new", "first sight is birth")


@dataclass(frozen=True)
class Lives:
    """Days from new to the fault, or to where the life was left otherwise (event False): whole lives."""

    days: np.ndarray
    event: np.ndarray


def lives(rng: np.random.Generator, material: str, kind: str) -> Lives:
    """Every unit from new to its first fault of the kind; or until it is gone otherwise, or BIRTHS_DAYS are over."""
    at_material = [one.name for one in MATERIALS].index(material)
    law = MATERIALS[at_material]
    frailty = np.exp(law.frailty_spread * rng.standard_normal(UNITS))
    condition, service = np.full(UNITS, hazards.BEST), np.zeros(UNITS)
    day, event, going = np.zeros(UNITS), np.zeros(UNITS, bool), np.ones(UNITS, bool)
    while going.any():
        at = np.flatnonzero(going)
        gap = TURN_DAYS * rng.gamma(2.0, 0.5, len(at))
        day[at] += gap
        which, out, dry = np.full(len(at), at_material), np.full(len(at), OUT_DAYS), np.zeros(len(at))
        chance = hazards.turn_probability(
            which, condition=condition[at], frailty=frailty[at], age_days=day[at], turns_since_service=service[at], days_out=out,
            rain_in=dry,
        )  # fmt: skip
        outcome = (rng.random(len(at))[:, None] >= chance.cumsum(axis=1)).sum(axis=1)
        drop = hazards.mean_drop(which, frailty=frailty[at], age_days=day[at], days_out=out, rain_in=dry)
        condition[at] = np.maximum(condition[at] - drop - hazards.idle_drop(which, gap), hazards.WORST)
        service[at] += 1
        mended = at[outcome == FAULTS.index("repair")]
        condition[mended], service[mended] = np.minimum(condition[mended] + law.lift, hazards.BEST), 0
        event[at] = outcome == FAULTS.index(kind)
        over = event[at] | np.isin(outcome, (FAULTS.index("retirement"), FAULTS.index("loss"))) | (day[at] > BIRTHS_DAYS)
        going[at] = ~over
    return Lives(day, event)


def true_mean(of: Lives) -> float:
    """Mean days to the fault up to the horizon; lives that ended otherwise count as Kaplan and Meier count them."""
    order = np.argsort(of.days)
    at_risk = len(order) - np.arange(len(order))
    survival = np.r_[1.0, np.cumprod(1 - of.event[order] / at_risk)]
    edges = np.r_[0.0, np.minimum(of.days[order], HORIZON_DAYS), HORIZON_DAYS]
    return float((np.diff(edges) * survival).sum())


def through_window(rng: np.random.Generator, of: Lives) -> tuple[dict[str, float], int]:
    """The mean that the window tells by each of WAYS, and the events in it."""
    born = WINDOW_DAYS - rng.uniform(0.0, BIRTHS_DAYS, len(of.days))
    seen = born + of.days > 0
    born, days, event = born[seen], of.days[seen], of.event[seen]
    entry, leave = np.maximum(-born, 0.0), np.minimum(days, WINDOW_DAYS - born)
    event = event & (days <= leave)
    new = np.zeros(len(entry))
    given = dict(zip(WAYS, ((entry, leave - entry), (new, leave), (new, leave - entry)), strict=True))
    return {way: estimated(at, after, event) for way, (at, after) in given.items()}, int(event.sum())


def estimated(at: np.ndarray, after: np.ndarray, event: np.ndarray) -> float:
    """The pooled form's mean for a new unit, up to the horizon."""
    units = np.arange(len(at), dtype=np.int32)
    rows = Landmarks(np.zeros((len(at), 0), np.float32), (), np.full(len(at), -1, np.int32), units, at, after, event)
    fitted = fit_hazard(rows, CUTS_DAYS, form="pooled")
    survival = fitted.survival(np.zeros((1, 0), np.float32), np.array([-1]), np.zeros(1))
    return float(expected(survival, CUTS_DAYS, HORIZON_DAYS)[0])


def main() -> None:
    """Print the bias of each way: mean over seeds, and from seed to seed."""
    print(
        f"{len(SEEDS)} shops of {UNITS} lives each, {WINDOW_DAYS:.0f} days seen; bias of mean days up to {HORIZON_DAYS:.0f}; goal 3 %"
    )
    print(f"{'material':10}{'first':12}{'truth':>8}{'events':>8}" + "".join(f"{way:>24}" for way in WAYS))
    for material, kind in CASES:
        true, told, events = [], [], []
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            all_lives = lives(rng, material, kind)
            found, count = through_window(rng, all_lives)
            true.append(true_mean(all_lives))
            told.append([found[way] / true[-1] - 1 for way in WAYS])
            events.append(count)
        cells = "".join(
            f"{mean:+14.1%} ± {spread:5.1%}" for mean, spread in zip(np.mean(told, 0), np.std(told, 0), strict=True)
        )
        print(f"{material:10}{kind:12}{np.mean(true):8.0f}{np.mean(events):8.0f}{cells}")


if __name__ == "__main__":
    main()
