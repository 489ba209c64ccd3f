"""What does the registry remember of a model's inputs, so that live ones can be held against them? Bins by feature, part and season. Pure.

A service says which values its entities have at a moment, to which part of the company each belongs and which of them move together, and
under which season they are kept (a calendar month, a day of the year); the rest is the same for all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rfid3_shared.monitor import drift

PART, SEASON = "/", "@"
"""Between a feature's name and the part of the company, and between those and the season, that a reference speaks of."""
MOST_PARTS = 5
"""The largest parts of a company are looked at one by one, the others as part of the whole."""
LEAST_CLUSTERS = 30
"""Of a part with fewer things that move by themselves chance alone explains nearly everything."""
Reference = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """Entities at one moment, or at several alike: values by feature (n,), NaN = missing; part (n,) text; cluster (n,) whole numbers."""

    values: Mapping[str, np.ndarray]
    part: np.ndarray
    cluster: np.ndarray

    def parts(self) -> Iterator[tuple[str, np.ndarray]]:
        """What follows a feature's name, and which entities are meant: nothing and all, then the parts worth looking at."""
        yield "", np.ones(len(self.part), bool)
        names, counts = np.unique(self.part, return_counts=True)
        large = [str(names[at]) for at in np.argsort(-counts, kind="stable")]
        worth = [name for name in large if len(np.unique(self.cluster[self.part == name])) >= LEAST_CLUSTERS]
        for name in worth[:MOST_PARTS]:
            yield PART + name, self.part == name


def learned(seen: Seen) -> dict[str, dict[str, Any]]:
    """Name of a feature, and of it in a part → its bins; a feature of which no value is known there has none."""
    return {
        name + part: drift.reference(values[chosen], clusters=seen.cluster[chosen])
        for part, chosen in seen.parts()
        for name, values in seen.values.items()
        if np.isfinite(values[chosen]).any()
    }


def live(seen: Seen, references: Mapping[str, Reference]) -> dict[str, np.ndarray]:
    """The values now of whatever has a reference."""
    found = {}
    for name in references:
        feature, _, part = name.partition(PART)
        if feature in seen.values:
            found[name] = seen.values[feature][seen.part == part] if part else seen.values[feature]
    return found


def spec_of(by_season: Mapping[str, Mapping[str, Reference]]) -> dict[str, Any]:
    """Season → name → bins, as the registry keeps it: {"features": {"name@season": bins}}."""
    return {"features": {name + SEASON + season: one for season, kept in by_season.items() for name, one in kept.items()}}


def of_season(spec: Mapping[str, Any] | None, season: str) -> dict[str, Reference]:
    """Name → bins of a season; empty where the registry keeps none."""
    kept = (spec or {}).get("features", {})
    return {key.rpartition(SEASON)[0]: one for key, one in kept.items() if key.rpartition(SEASON)[2] == season}


def seasons(spec: Mapping[str, Any] | None) -> list[str]:
    """The seasons that are kept."""
    return sorted({key.rpartition(SEASON)[2] for key in (spec or {}).get("features", {})})
