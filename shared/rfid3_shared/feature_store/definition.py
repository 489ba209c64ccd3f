"""What is a feature? Declared once in code; training frames and online values are computed from the same declaration.

A feature of an entity ("class:61825@3607") at a moment is an aggregate over the facts of that entity in a window that ends with
the moment: how many units left since Monday. It has a unit, says which facts it rests on and how long a value may be served
after it was last found to be right; older ones are STALE, and nobody computes with them by accident. There are no defaults: a
count of nothing is 0 because nothing happened, and what nobody knows is MISSING.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import Literal

import orjson

Measure = Literal["count", "sum", "latest", "weeks_since", "days_since"]
"""count of facts · sum of their amounts · amount of the latest · whole weeks since the latest · days, with fractions, since the latest."""
Kind = Literal["rolling", "week_to_date", "complete_weeks", "always"]
Past = Literal["facts", "kept"]
"""Where a past value comes from: computed from dated facts, or read from what the store kept at the time."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which facts count at a moment m: at least `begin(m)` and not after m."""

    kind: Kind
    span: timedelta = timedelta(0)

    @classmethod
    def rolling(cls, **span: float) -> "Window":
        """The span before the moment, its beginning left out."""
        return cls("rolling", timedelta(**span))

    @classmethod
    def week_to_date(cls) -> "Window":
        """From the Monday, 00:00 shop time, of the moment's week."""
        return cls("week_to_date")

    @classmethod
    def complete_weeks(cls, count: int) -> "Window":
        """The last `count` weeks, Monday to Sunday, that are over at the moment: at Sunday 23:59:59 that very week is."""
        return cls("complete_weeks", timedelta(weeks=count))

    @classmethod
    def always(cls) -> "Window":
        """Everything up to the moment."""
        return cls("always")


@dataclass(frozen=True, slots=True)
class FeatureDefinition:
    """One declared feature. `facts` names the kind of facts; `source` RFID3's tables behind them."""

    name: str
    category: str
    """Who declares it, e.g. `demand`: `feature_category` in the store."""
    facts: str
    measure: Measure
    window: Window
    unit: str
    fresh_for: timedelta
    source: str
    meaning: str
    past: Past = "facts"
    most: float | None = None
    """Values above are said as this one, e.g. 26 weeks = 26 or longer."""


@dataclass(frozen=True, slots=True)
class FeatureView:
    """Features that are computed, kept and served together, in this order."""

    name: str
    features: tuple[FeatureDefinition, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of the values."""
        return tuple(each.name for each in self.features)

    @property
    def digest(self) -> str:
        """Eight hex digits that change when a declaration does: values of another declaration are not served."""
        said = [
            (f.name, f.facts, f.measure, f.window.kind, f.window.span.total_seconds(), f.unit, f.most) for f in self.features
        ]
        return blake2b(orjson.dumps(said), digest_size=4).hexdigest()

    def longest(self) -> timedelta:
        """How far back the longest bounded window reaches; a week and a day for weeks to date."""
        spans = [
            f.window.span if f.window.kind != "complete_weeks" else f.window.span + timedelta(days=7) for f in self.features
        ]
        return max(timedelta(days=8), *spans)


def named(definitions: Sequence[FeatureDefinition], name: str) -> FeatureDefinition:
    """The definition of that name. Raises KeyError."""
    return {each.name: each for each in definitions}[name]
