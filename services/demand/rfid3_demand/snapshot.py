"""In which form does training hand its forecasts to the service?

A folder: `spec.json` (nodes, weeks, levels, provenance), arrays as `.npy` (memory-mapped, so processes share their pages and
loading costs milliseconds), the LightGBM model as text. Nothing in it can run code. A loaded snapshot never changes.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from rfid3_demand.nodes import ALL, Node
from rfid3_shared.registry.array_folder import array_names, read_snapshot, write_snapshot

FORMAT = 2
OPTIONAL = ("whole_means", "whole_quantiles")
"""Arrays that older snapshots lack."""


@dataclass(frozen=True)
class Spec:
    """What the arrays mean. Lists are in the arrays' order."""

    job_id: str
    data_from: date
    data_as_of: date
    first_week: date
    horizon_weeks: int
    history_weeks: int
    levels: list[float]
    variants: list[str]
    weights: list[dict[str, list[float]]]
    """Per variant: method name → share per node."""
    causes: list[str]
    external_factors: list[str]
    nodes: list[dict[str, str]]
    labels: list[str]
    """What people call each node."""
    bottom: list[dict[str, str]]
    """Level → name of the nodes above each class-in-store series; those series come first in `nodes`."""
    sufficiency: list[str]
    max_horizon_weeks: list[int]
    rate_coverage: list[float]
    """Share of the node's past units that have a rate."""
    inferred_store_share: list[float]
    stores: dict[str, str]
    """RFID3 store id → name."""
    store_aliases: dict[str, str]
    """Every spelling of a store → RFID3 store id."""
    categories: list[str]
    """Every category of the mapping, those without any history included."""
    week_in_progress: dict[str, Any] | None
    holiday_names: list[list[str]]
    stockout_alert_ratio: float
    backtest_levels: list[float]
    scores: list[dict[str, Any]]
    counts: dict[str, int]
    """Rows read, quarantined and left out, by reason."""
    events: dict[str, Any]
    """Weeks past and ahead, what happens in each, and contracts per week by store; as `events.summary` gives them."""
    season_source: list[str]
    """Where each node's yearly shape comes from: own | pooled from category | calendar prior | none."""
    notes: dict[str, Any]
    """What a reader should know of how the forecast was made: methods left out, time budget, how it was reconciled."""
    past_holiday_names: list[list[str]] = field(default_factory=list)
    """Public holidays of each week of the history; empty when the version kept none."""
    diagnosis: list[dict[str, Any]] = field(default_factory=list)
    """Per node what was found in its history, as `model.diagnosis.values` gives it; empty when the version kept none."""
    weekday_shares: list[float] = field(default_factory=list)
    """Share of a week's units that leave on each weekday, Monday first; empty when the version kept none."""
    hour_shares: list[float] = field(default_factory=list)
    """Share of a day's units that leave in each hour of the shop, by out scans; evenly spread where nothing is scanned."""
    staying: list[float] = field(default_factory=list)
    """Share of units still out 0, 1, 2 … weeks after they left, as `availability.still_out` gives it."""
    lost_share: float = 0.0
    """Share of booked units that never left."""


@dataclass(frozen=True)
class Snapshot:
    """A published set of forecasts in memory.

    means (variants, nodes, weeks) and quantiles (variants, nodes, weeks, levels): units per week. contributions (causes,
    nodes, weeks): units. stockout (nodes, weeks): chance that a unit asked for falls in a class that runs short. fleet
    (nodes,): units in service. revenue (nodes, weeks): dollars of the ensemble's mean where rates are known. history (nodes,
    weeks of history): units. backtest (rows, 6 + variants + levels), sorted by its
    first column: node, day number of the last known week, day number of the week, outcome, seasonal naive, four-week mean, mean
    of each variant, quantiles. refused (nodes, weeks of history): units asked for and not there, estimated; NaN where it cannot
    be told. at_hand (nodes, weeks): units that can leave in the week, those that have left in it already among them; NaN where no
    tag is known. booked (nodes, weeks): units on contracts already written for the week, NaN where contracts carry no future dates.
    whole_means (variants, nodes) and whole_quantiles (variants, nodes, levels): the whole first week as it was forecast, before
    what had left in it was taken in; None in older snapshots.
    """

    spec: Spec
    means: np.ndarray
    quantiles: np.ndarray
    contributions: np.ndarray
    stockout: np.ndarray
    fleet: np.ndarray
    revenue: np.ndarray
    history: np.ndarray
    backtest: np.ndarray
    refused: np.ndarray
    at_hand: np.ndarray
    booked: np.ndarray
    whole_means: np.ndarray | None = None
    whole_quantiles: np.ndarray | None = None

    @cached_property
    def rows(self) -> dict[Node, int]:
        """Position of each node in the arrays."""
        return {Node(**node): at for at, node in enumerate(self.spec.nodes)}

    @cached_property
    def category_spellings(self) -> dict[str, str]:
        """Lower-case spelling of every category → the category."""
        return {name.casefold(): name for name in self.spec.categories}

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """Names of the nodes of each level, overall ones, sorted."""
        found: dict[str, list[str]] = {}
        for node in self.rows:
            if node.store == ALL:
                found.setdefault(node.level, []).append(node.name)
        return {level: sorted(names) for level, names in found.items()}

    @cached_property
    def bottoms(self) -> dict[Node, list[int]]:
        """Positions of the class-in-store series below each node."""
        found: dict[Node, list[int]] = {}
        for row, place in enumerate(self.spec.bottom):
            for level, name in place.items():
                for store in (self.spec.nodes[row]["store"], ALL):
                    found.setdefault(Node(level, name, store), []).append(row)
        return found

    def bottom_of(self, node: Node) -> list[int]:
        """Positions of the class-in-store series that the node sums."""
        return self.bottoms.get(node, [])

    @cached_property
    def members(self) -> list[np.ndarray]:
        """Positions of the class-in-store series that each node sums, in the order of the nodes."""
        return [np.array(self.bottom_of(node), int) for node in self.rows]

    def sums(self, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Values (bottom series, …) summed over those below each node of `rows`, (rows, …)."""
        if len(rows) == 1:
            return np.asarray(np.asarray(values, float)[self.members[rows[0]]].sum(axis=0, keepdims=True))
        if (rows < len(self.spec.bottom)).all():
            return np.asarray(values[rows], float)
        below = [self.members[row] for row in rows.tolist()]
        starts = np.cumsum([0, *(len(part) for part in below[:-1])])
        return np.asarray(np.add.reduceat(np.asarray(values, float)[np.concatenate(below)], starts, axis=0))

    @cached_property
    def series_of_class(self) -> dict[str, list[int]]:
        """Positions of the class-in-store series of each rental class."""
        found: dict[str, list[int]] = {}
        for at, above in enumerate(self.spec.bottom):
            found.setdefault(above["class"], []).append(at)
        return found

    @property
    def ensemble(self) -> int:
        """Position of the variant that answers unless another is asked for."""
        return self.spec.variants.index("ensemble")

    def refused_units(self, row: int) -> float:
        """Estimated units of the node's history that met an empty shelf; 0 where it cannot be told."""
        return float(np.nansum(self.refused[row]))

    def features_digest(self, row: int) -> str:
        """What the forecasts of a node rest on, as 32 hex digits: its history, fleet, the days known and the factors used."""
        if ("digest", row) not in self.kept:
            begun = self.spec.week_in_progress
            facts = [
                self.spec.data_as_of,
                self.spec.first_week,
                self.spec.external_factors,
                begun and begun["units"][row],
                float(self.fleet[row]),
            ]
            digest = hashlib.blake2b(np.ascontiguousarray(self.history[row]).tobytes(), digest_size=16)
            digest.update(orjson.dumps(facts))
            self.kept["digest", row] = digest.hexdigest()
        return str(self.kept["digest", row])

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """Parts of answers that depend on the snapshot alone, filled as they are asked for the first time."""
        return {}

    @cached_property
    def weeks(self) -> list[date]:
        """The Mondays forecast."""
        return [self.spec.first_week + timedelta(days=7 * k) for k in range(self.spec.horizon_weeks)]

    @cached_property
    def past_weeks(self) -> list[date]:
        """The Mondays of the history."""
        weeks = self.history.shape[1]
        return [self.spec.first_week - timedelta(days=7 * (weeks - k)) for k in range(weeks)]


ARRAYS = tuple(name for name in array_names(Snapshot) if name not in OPTIONAL)


def write(snapshot: Snapshot, booster_text: str | None, folder: Path) -> None:
    """Write the snapshot into an empty folder; the same snapshot gives the same bytes."""
    write_snapshot(snapshot, folder, FORMAT)
    if booster_text is not None:
        (folder / "lightgbm.txt").write_text(booster_text)


def load(folder: Path) -> Snapshot:
    """The snapshot in a folder, its arrays memory-mapped and read-only. Raises ValueError for another format."""
    return read_snapshot(Snapshot, folder, FORMAT)
