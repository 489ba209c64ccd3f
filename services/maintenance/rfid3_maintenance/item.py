"""What is known of one item now: its curves, its bounds, what was reported since, and what it is called? Pure.

A service or a failure that was reported after the data's last moment counts at once: from then on the item follows the curve of such
an item just serviced, which training has worked out beside the other.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from math import expm1, log
from typing import Any

import numpy as np

from rfid3_maintenance.decisions.curve import at_days, cumulative_hazard
from rfid3_maintenance.decisions.recorded_share import share_in
from rfid3_maintenance.kinds import HORIZONS_DAYS, KINDS, WEAR
from rfid3_maintenance.snapshot import Snapshot
from rfid3_shared.errors import InsufficientData
from rfid3_shared.item_life.item_gone import ItemGone, refuse_gone
from rfid3_shared.item_life.snapshot import NEVER_RENTED, NEVER_SEEN, NO_RELATIVES, STORE_INFERRED, SnapshotItem

_LOG_HORIZONS = [log(days) for days in HORIZONS_DAYS]
RENEWED_BY = {"repair": ("repair", "cleaning", "retirement"), "cleaning": ("cleaning",)}
"""Which hazards begin anew with a service of a kind. Nothing makes a lost item less lost."""


@dataclass(frozen=True)
class Report:
    """What somebody reported of an item after the data's last moment."""

    event: str
    kind: str
    occurred_at: datetime
    """Aware, in UTC."""
    elapsed_days: float = 0.0
    """How long it lay back at the data's last moment; 0 for what came after."""

    def as_dict(self) -> dict[str, Any]:
        """It as an answer shows it."""
        return {"event": self.event, "kind": self.kind, "occurred_at": self.occurred_at.isoformat().replace("+00:00", "Z")}


@dataclass(frozen=True)
class Item(SnapshotItem):
    """One row of a snapshot and what was reported since."""

    snapshot: Snapshot
    report: Report | None = None

    @cached_property
    def survival(self) -> np.ndarray:
        """(kinds, cuts) chance to get beyond each cut, from the report or the data's last moment on."""
        curves = np.array(self.snapshot.survival[self.row], float)
        if self.report is not None:
            for kind in RENEWED_BY[self.report.kind]:
                curves[KINDS.index(kind)] = self._since(self.report.elapsed_days, KINDS.index(kind))
        return curves

    def _since(self, days: float, kind: int) -> np.ndarray:
        """(cuts,) the curve of a kind when serviced so many days ago, and whole since."""
        curve, cuts = np.asarray(self.snapshot.renewed[self.row, kind], float)[None, :], self.snapshot.spec.cuts_days
        if days <= 0:
            return np.asarray(curve[0])
        expected = at_days(curve, cuts, np.array([[days, *(days + cut for cut in cuts)]]))[0]
        return np.asarray(np.exp(expected[0] - expected[1:]))

    @cached_property
    def wear(self) -> np.ndarray:
        """(1, cuts) chance to get beyond each cut without a wear failure."""
        return np.asarray(np.prod([self.survival[KINDS.index(kind)] for kind in WEAR], axis=0)[None, :])

    @cached_property
    def renewed(self) -> np.ndarray:
        """(1, cuts) the same, were it serviced now."""
        curves = np.asarray(self.snapshot.renewed[self.row], float)
        return np.asarray(np.prod([curves[KINDS.index(kind)] for kind in WEAR], axis=0)[None, :])

    @cached_property
    def proportion(self) -> np.ndarray:
        """(1, 2) the ends of the interval of a year's chance, as ratios of expected failures: at most 1, at least 1."""
        return np.array([[side[-1] for side in self._proportions]])

    def hazard(self, days: float) -> float:
        """Expected wear failures within so many days."""
        return self._expected(-1, days)

    def chance(self, days: float) -> float:
        """Chance of a wear failure within so many days."""
        return -expm1(-self.hazard(days))

    def chance_of(self, kind: str, days: float) -> float:
        """Chance of an event of a kind within so many days, the other kinds left aside."""
        return -expm1(-self._expected(KINDS.index(kind), days))

    def interval(self, days: float) -> tuple[float, float]:
        """80 % interval of `chance`: the bounds at the horizons around, in proportion to the expected failures."""
        expected = self.hazard(days)
        low, high = (_between(_LOG_HORIZONS, part, log(max(days, 1e-3))) for part in self._proportions)
        return -expm1(-expected * low), -expm1(-expected * high)

    @cached_property
    def _curves(self) -> list[list[float]]:
        """Expected events up to day 0 and each cut, of each kind and last of wear: plain numbers, since an answer reads dozens of them."""
        kinds = cumulative_hazard(self.survival, self.snapshot.spec.cuts_days)[1]
        wear = cumulative_hazard(self.wear, self.snapshot.spec.cuts_days)[1]
        return [*kinds.tolist(), *wear.tolist()]

    def _expected(self, curve: int, days: float) -> float:
        """`decisions.curve.at_days` of one curve and day: straight between cuts, the last hazard held beyond."""
        cuts, values = self.snapshot.spec.cuts_days, self._curves[curve]
        right = min(bisect_left(cuts, days), len(cuts) - 1)
        begin = cuts[right - 1] if right else 0.0
        return values[right] + (values[right + 1] - values[right]) / (cuts[right] - begin) * (max(days, 0.0) - begin)

    @cached_property
    def _proportions(self) -> tuple[list[float], list[float]]:
        """How the bounds lie to the curve at each horizon, as ratios of expected failures: at most 1, at least 1."""
        as_scored = self if self.report is None else Item(self.snapshot, self.row)
        low, high = (-np.log1p(-np.clip(np.asarray(self.snapshot.band[self.row], float), 0.0, 1.0 - 1e-9))).T.tolist()
        expected = [max(as_scored.hazard(days), 1e-12) for days in HORIZONS_DAYS]
        below = [min(bound / one, 1.0) for bound, one in zip(low, expected, strict=True)]
        return below, [max(bound / one, 1.0) for bound, one in zip(high, expected, strict=True)]

    def imputed(self) -> list[str]:
        """What the answer rests on that nobody recorded."""
        known = {
            "store": self.snapshot.flag(self.row, STORE_INFERRED),
            "own history": self.snapshot.flag(self.row, NEVER_RENTED),
        }
        return [name for name, inferred in known.items() if inferred]


def _between(knots: list[float], values: list[float], at: float) -> float:
    """Straight between knots, flat beyond them."""
    right = bisect_left(knots, at)
    if right == 0 or right == len(knots):
        return values[min(right, len(knots) - 1)]
    share = (at - knots[right - 1]) / (knots[right] - knots[right - 1])
    return values[right - 1] + share * (values[right] - values[right - 1])


def item_of(snapshot: Snapshot, item_id: str, report: Report | None = None) -> Item:
    """The item, if something can honestly be said of it.

    Raises UnknownItem, ItemGone (sold, retired, missing, goods for sale), InsufficientData.
    """
    row = snapshot.row_of(item_id)
    item = Item(snapshot, row, report)
    refuse_gone(snapshot, row, "nothing can fail any more")
    if snapshot.flag(row, NO_RELATIVES):
        raise InsufficientData(
            f"{item.item_id} was never scanned, and neither was any other unit of its class: there is nothing to go by.",
            item_id=item.item_id, rental_class=item.kind_of_thing["rental_class"], found_scans=0, needed_scans=1,
            missing="a scan of this item, or of any item of its class",
        )  # fmt: skip
    if report is not None and report.event == "failure" and report.kind not in RENEWED_BY:
        raise ItemGone(f"A {report.kind} of {item.item_id} was reported.", item_id=item.item_id, reported=report.as_dict())
    return item


def sufficiency(item: Item) -> str:
    """How much own history stands behind an answer: full, short or pooled."""
    snapshot, row = item.snapshot, item.row
    if snapshot.flag(row, NEVER_SEEN):
        return "pooled"
    return "short" if snapshot.flag(row, NEVER_RENTED) else "full"


def basis_of(item: Item) -> dict[str, Any]:
    """What the chances of an item rest on: by kind its form, events and units, and the stated prior where there is one."""
    told = ("form", "why", "events", "units", "unit_years", "calibration_slope", "prior", "posterior")
    kinds = {kind: {name: known[name] for name in told if name in known} for kind, known in item.snapshot.spec.basis.items()}
    for known in kinds.values():
        if (
            known.get("form") != "prior" and "prior" in known
        ):  # it weighs as its own few events; where it carries all, all is shown
            known["prior"] = {name: known["prior"][name] for name in ("per_unit_year", "worth_events", "stated")}
    words = {"full": "its own history and that of all others", "short": "scans, but no rental of its own",
             "pooled": "other units of its class alone: it was never scanned"}  # fmt: skip
    return {
        "kinds": kinds, "item": words[sufficiency(item)], "recorded_share": recorded_share_of(item), "service": service_of(item),
    }  # fmt: skip


def recorded_share_of(item: Item) -> dict[str, Any]:
    """Which share of such items' repairs is written down; or that it is not known, and what is missing."""
    told, share = item.snapshot.spec.recorded, share_in(item.snapshot.spec.recorded, item.kind_of_thing["category"])
    if share is None:
        return {
            "known": False,
            "missing": told.get("missing", "a model that looked for it"),
            "decisions": "as if all were written down",
        }
    return {"known": True, **{name: round(value, 4) for name, value in share.items()}, "rests_on": told["rests_on"],
            "decisions": "of all repairs, at the median share; chances are of those written down"}  # fmt: skip


def service_of(item: Item) -> dict[str, Any]:
    """By kind, by what a service now would multiply this item's hazard, and what that rests on."""
    found = {}
    for kind, effect in item.snapshot.spec.services.items():
        curves = (part[item.row, KINDS.index(kind), -1] for part in (item.snapshot.survival, item.snapshot.renewed))
        now, after = (-log(max(float(end), 1e-9)) for end in curves)
        told = {name: round(value, 4) if isinstance(value, float) else value for name, value in effect.items()}
        found[kind] = {"hazard_ratio": round(min(after / now, 1.0), 4) if now > 0 else 1.0, **told}
    return found
