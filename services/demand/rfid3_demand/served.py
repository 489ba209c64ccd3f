"""What does the service answer from? A snapshot with the present taken in for what was asked for. Pure.

The first week is then the moment's. In it what has left is certain, and the share of the week still ahead brings that share of the
whole week's forecast; what is on contracts will leave at least. The shelf, the chance of running short, causes and dollars follow.
Without a present the snapshot answers as it was published.
"""

from dataclasses import replace
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
import orjson

from rfid3_demand import availability
from rfid3_demand.present import week
from rfid3_demand.present.state import Known, Present
from rfid3_demand.snapshot import Snapshot

NOT_TOLD = "The model that answers was made before the present could be taken in."
OLDER = "The present that is known of lies before the week with which the model's forecast begins."
BEYOND = "The model's forecast ends before the week of the present."


class Served:
    """What answers are read off: arrays of nodes (`rows`) and the first weeks, in units. It never changes."""

    def __init__(self, snapshot: Snapshot, known: Known | None = None) -> None:
        """known: the present of the class-in-store series below the nodes that are to be asked for; None takes the snapshot alone."""
        self.snapshot, self.spec = snapshot, snapshot.spec
        self.known = None if known is None else _usable(snapshot, known)
        present = None if self.known is None else self.known.present
        self.taken = None if present is None else _Taken(snapshot, present)
        self._checked: set[bytes] = set()
        self.offset = 0 if self.taken is None else self.taken.offset
        """Weeks of the snapshot's forecast that have passed."""
        self.weeks = snapshot.weeks[self.offset :]
        """The Mondays that can be forecast."""
        self.holiday_names = self.spec.holiday_names[self.offset :]

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """Parts of answers that depend on what is served alone."""
        return self.snapshot.kept if self.taken is None else {}

    def covers(self, row: int) -> bool:
        """Whether a node can be asked for: the present of everything below it is known, or there is none."""
        return self._covers(np.array([row]))

    def _covers(self, rows: np.ndarray) -> bool:
        if self.taken is None or (key := rows.tobytes()) in self._checked:
            return True
        if self.snapshot.sums(rows, ~self.taken.covered).any():
            return False
        self._checked.add(key)
        return True

    def supported(self, rows: np.ndarray) -> np.ndarray:
        """Weeks ahead that the history of each node supports, (rows,)."""
        return np.asarray(np.maximum([self.spec.max_horizon_weeks[row] - self.offset for row in rows.tolist()], 0))

    def mean(self, variant: int, rows: np.ndarray, weeks: int) -> np.ndarray:
        """Expected units, (rows, weeks)."""
        mean = self._part(self.snapshot.means[variant], rows, weeks)
        if self.taken is not None and self.taken.begun:
            mean[:, 0] = self.taken.first(variant, rows)[0]
        return mean

    def quantiles(self, variant: int, rows: np.ndarray, weeks: int) -> np.ndarray:
        """(rows, weeks, levels)."""
        quantiles = self._part(self.snapshot.quantiles[variant], rows, weeks)
        if self.taken is not None and self.taken.begun:
            quantiles[:, 0] = self.taken.first(variant, rows)[1]
        return quantiles

    def least(self, rows: np.ndarray, weeks: int) -> np.ndarray:
        """Units that have left for certain, (rows, weeks); 0 where no present was taken in."""
        least = np.zeros((len(rows), weeks))
        if self.taken is not None and self.taken.begun:
            least[:, 0] = self.snapshot.sums(rows, self.taken.so_far)
        return least

    def contributions(self, rows: np.ndarray, weeks: int) -> np.ndarray:
        """Units by cause, (causes, rows, weeks); with what has left they sum to the ensemble's mean."""
        causes = np.array(self.snapshot.contributions[:, rows, self.offset : self.offset + weeks], float)
        if self.taken is not None and self.taken.begun:
            ahead = self.mean(self.snapshot.ensemble, rows, 1)[:, 0] - self.least(rows, 1)[:, 0]
            causes[:, :, 0] = week.told_apart(causes[:, :, 0], ahead, self.spec.causes.index("level"))
        return causes

    def revenue(self, rows: np.ndarray, weeks: int) -> np.ndarray:
        """Dollars of the ensemble's mean where rates are known, (rows, weeks)."""
        dollars = self._part(self.snapshot.revenue, rows, weeks)
        if self.taken is not None and self.taken.begun:
            dollars[:, 0] = self.snapshot.sums(rows, self.taken.dollars)
        return dollars

    def booked(self, rows: np.ndarray, weeks: int) -> np.ndarray:
        """Units on contracts, (rows, weeks); NaN where contracts carry no future dates."""
        booked = self._part(self.snapshot.booked, rows, weeks)
        if self.taken is not None and self.taken.begun:
            known = self.snapshot.sums(rows, np.isfinite(self.taken.booked)) > 0
            units = self.snapshot.sums(rows, np.nan_to_num(self.taken.booked))
            # in a shop that books ahead nothing booked is none; in another nobody knows
            booked[:, 0] = np.where(known | np.isfinite(booked[:, 0]), units, np.nan)
        return booked

    def fleet(self, rows: np.ndarray) -> np.ndarray:
        """Units in service, (rows,)."""
        if self.taken is None:
            return np.asarray(self.snapshot.fleet[rows], float)
        return self.snapshot.sums(rows, np.nan_to_num(self.taken.in_service))

    def at_hand(self, rows: np.ndarray, weeks: int) -> np.ndarray:
        """Units that can leave in each week, those that have left in it among them, (rows, weeks); NaN where no tag is known."""
        if self.taken is None:
            return self._part(self.snapshot.at_hand, rows, weeks)
        units = self._shelf(weeks)[0]
        known = self.snapshot.sums(rows, np.isfinite(self.taken.in_service)) > 0
        return np.where(known[:, None], self.snapshot.sums(rows, np.nan_to_num(units)), np.nan)

    def stockout(self, rows: np.ndarray, weeks: int) -> np.ndarray:
        """Chance that a unit asked for is of a class that runs short, (rows, weeks); NaN where nobody can tell."""
        if self.taken is None:
            return self._part(self.snapshot.stockout, rows, weeks)
        _, chance, mean = self._shelf(weeks)
        return availability.over_nodes(lambda values: self.snapshot.sums(rows, values), chance, mean)

    def in_progress(self, row: int) -> tuple[float, float] | None:
        """Units of the first week that have left and the share of a usual week still ahead; None where it has not begun."""
        if self.taken is not None:
            least = self.least(np.array([row]), 1)[0, 0]
            return (float(least), self.taken.share_ahead) if self.taken.begun else None
        begun = self.spec.week_in_progress
        return (begun["units"][row], begun["share_ahead"]) if begun else None

    def features_digest(self, row: int) -> str:
        """What the forecasts of a node rest on, as 32 hex digits: the snapshot's own, and of the present what is below the node."""
        own = self.snapshot.features_digest(row)
        if self.taken is None:
            return own
        return blake2b(own.encode() + self.taken.packed(self.snapshot.members[row]), digest_size=16).hexdigest()

    @cached_property
    def digest(self) -> str:
        """Equal for whatever answers alike: names the present in keys of caches."""
        if self.taken is None:
            return "" if self.known is None else self.known.state
        return blake2b(self.taken.packed(np.flatnonzero(self.taken.covered)), digest_size=16).hexdigest()

    def inputs(self, row: int) -> tuple[str, dict[str, Any] | None]:
        """What the ledger keeps of the inputs of a node's forecasts."""
        return self.features_digest(row), self.input_features

    @property
    def input_features(self) -> dict[str, Any] | None:
        """What the ledger keeps of the present, to find its values again; None where none was asked for."""
        if self.known is None:
            return None
        if (present := self.known.present) is None:
            return {"state": self.known.state}
        as_of, moment = present.as_of.isoformat(timespec="microseconds"), present.moment.isoformat(timespec="microseconds")
        return {"state": self.known.state, "as_of": as_of, "moment": moment, "seq": present.seq}

    def _part(self, values: np.ndarray, rows: np.ndarray, weeks: int) -> np.ndarray:
        """The first weeks of an array of nodes and weeks, a copy."""
        if not self._covers(rows):
            raise ValueError("the present of a node asked for was not taken in")
        return np.array(values[rows, self.offset : self.offset + weeks], float)

    def _shelf(self, weeks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Units that can leave, chance of running short and expected units of all class-in-store series, (series, weeks) each."""
        found = self.kept.get("shelf")
        if found is None or found[0].shape[1] < weeks:
            taken, variant = self.taken, self.snapshot.ensemble
            assert taken is not None
            rows = np.flatnonzero(taken.covered)
            mean = self.mean(variant, rows, weeks)
            units, chance = availability.outlook(
                taken.in_service[rows], taken.unavailable[rows], mean, self.quantiles(variant, rows, weeks),
                np.array(self.spec.levels), np.array(self.spec.staying), taken.so_far[rows] if taken.begun else 0.0,
                week.days_ahead(taken.moment),
            )  # fmt: skip
            found = tuple(np.full((len(taken.covered), units.shape[1]), np.nan) for _ in range(3))
            for whole, part in zip(found, (units, chance, mean), strict=True):
                whole[rows] = part
            self.kept["shelf"] = found
        units, chance, mean = found
        return units[:, :weeks], chance[:, :weeks], mean[:, :weeks]


class _Taken:
    """The present in the order of a snapshot's class-in-store series, and the first week that follows from it."""

    def __init__(self, snapshot: Snapshot, present: Present) -> None:
        self.snapshot, self.moment = snapshot, present.moment
        monday, self.begun = week.first_week(present.moment)
        self.offset = (monday - snapshot.spec.first_week).days // 7
        self.share_ahead = week.share_ahead(present.moment, snapshot.spec.weekday_shares, snapshot.spec.hour_shares)
        count = len(snapshot.spec.bottom)
        self.covered = np.zeros(count, bool)
        self.covered[present.rows] = True
        self.so_far = np.zeros(count)
        self.so_far[present.rows] = present.so_far
        self.in_service, self.unavailable, self.booked = (np.full(count, np.nan) for _ in range(3))
        self.in_service[present.rows] = present.in_service
        self.unavailable[present.rows] = present.unavailable
        self.booked[present.rows] = present.booked
        self._certain = week.certain(self.booked, snapshot.spec.lost_share)
        self._short: dict[int, np.ndarray] = {}
        self._first: dict[tuple[int, bytes], tuple[np.ndarray, np.ndarray]] = {}

    def packed(self, series: np.ndarray) -> bytes:
        """What is known of these series, as bytes that differ when any of it does."""
        values = np.stack([part[series] for part in (self.so_far, self.in_service, self.unavailable, self.booked)])
        return orjson.dumps(self.moment) + values.tobytes()

    def first(self, variant: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean (rows,) and quantiles (rows, levels) of the week in progress."""
        key = (variant, rows.tobytes())
        if key in self._first:
            return self._first[key]
        if variant not in self._short:
            known = np.flatnonzero(self.covered)
            self._short[variant] = np.zeros(len(self.covered))
            self._short[variant][known] = week.short_of(self._certain[known], self._split(variant, known)[0])
        self._first[key] = week.lifted(
            lambda values: self.snapshot.sums(rows, values), *self._split(variant, rows), self._short[variant], self._certain
        )
        return self._first[key]

    @cached_property
    def dollars(self) -> np.ndarray:
        """Dollars of the week in progress by series; 0 where no rate is known."""
        mean = self.first(self.snapshot.ensemble, np.flatnonzero(self.covered))[0]
        dollars = np.zeros(len(self.covered))
        dollars[self.covered] = np.nan_to_num(mean) * _rates(self.snapshot)[self.covered]
        return dollars

    def _split(self, variant: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        snapshot = self.snapshot
        if self.offset == 0 and snapshot.whole_means is not None and snapshot.whole_quantiles is not None:
            mean, quantiles = snapshot.whole_means[variant, rows], snapshot.whole_quantiles[variant, rows]
        else:
            mean, quantiles = snapshot.means[variant, rows, self.offset], snapshot.quantiles[variant, rows, self.offset]
        so_far = snapshot.sums(rows, self.so_far)
        return week.split_week(so_far, self.share_ahead, np.asarray(mean, float), np.asarray(quantiles, float))


def _usable(snapshot: Snapshot, known: Known) -> Known:
    """The present as far as this snapshot can take it in; else why not."""
    if known.present is None:
        return known
    spec = snapshot.spec
    if snapshot.whole_means is None or not spec.weekday_shares:
        return _without(known, "MISSING", NOT_TOLD)
    monday, begun = week.first_week(known.present.moment)
    passed = (monday - spec.first_week).days // 7
    if passed < 0 or (passed == 0 and not begun and spec.week_in_progress):
        return _without(known, "STALE", OLDER)
    return known if passed < spec.horizon_weeks else _without(known, "MISSING", BEYOND)


def _without(known: Known, state: Any, why: str) -> Known:
    return replace(known, state=state, present=None, told={**known.told, "state": state, "why": why})


def _rates(snapshot: Snapshot) -> np.ndarray:
    """Dollars a unit of each class-in-store series, from what was published; 0 where no rate is known."""
    if "rates" not in snapshot.kept:
        count = len(snapshot.spec.bottom)
        units = np.nan_to_num(np.asarray(snapshot.means[snapshot.ensemble, :count], float)).sum(axis=1)
        dollars = np.asarray(snapshot.revenue[:count], float).sum(axis=1)
        snapshot.kept["rates"] = np.divide(dollars, units, out=np.zeros(count), where=units > 0)
    return np.asarray(snapshot.kept["rates"])
