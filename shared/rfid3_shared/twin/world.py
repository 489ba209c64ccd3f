"""What does the company own: stores, classes, stock of each class in each store, tags?

Built from the seed alone, so it is the same whenever it is asked for. Sizes follow a real shop: a class has 12 tags at the
median, 26 on average and 614 at most, and is stocked at one to four stores.
"""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from rfid3_shared.source.vocabulary import grade_score
from rfid3_shared.twin.catalogue import COLOURS, KINDS
from rfid3_shared.twin.hazards import materials_of_kinds
from rfid3_shared.twin.materials import MATERIALS
from rfid3_shared.twin.popularity import RENTALS_PER_TAG_YEAR, class_sizes, mean_quantity, yearly_units
from rfid3_shared.twin.randomness import Array, Purpose, stream


class Store(NamedTuple):
    """A store as RFID3 and as the POS write it."""

    store_id: str
    pos_code: str
    name: str
    weight: float
    """Share of the company's business."""


STORES = (
    Store("3607", "001", "Wayzata", 0.22),
    Store("6800", "002", "Brooklyn Park", 0.30),
    Store("8101", "003", "Fridley", 0.36),
    Store("728", "004", "Elk River", 0.12),
)
GRADES = ("A+", "A", "A-", "B+", "B", "B-", "C+", "C", "C-", "")
GRADE_SHARES = (0.02, 0.30, 0.12, 0.22, 0.18, 0.03, 0.02, 0.01, 0.01, 0.09)
UNGRADED_SCORE, WORN_SINCE_GRADED, OLDEST_YEARS = 7.5, 0.3, 12.0
"""Usual score of a unit nobody graded; grades lost since the last grading, on average; the oldest unit in service."""
RECORDED_RATIO = 0.35
BULK_SHARE = 0.10
"""Classes that carry no tags and appear in POS lines only, as a share of the scanned ones."""


@dataclass(frozen=True)
class TwinSpec:
    """What identifies a company: same spec, same company, same history."""

    seed: int
    items: int
    """Scanned tags."""
    start: date
    """First day of business."""
    blocked_ratio: float = 0.0
    """Share of the units asked for that the stock is bought too small for; 0 = stock as a well-run shop has it."""
    blocked_days: int = 0
    """Days from the first over which that share holds."""
    recorded_ratio: float = RECORDED_RATIO
    """Share of the faults that staff write down: defects, repairs, cleanings, units sold off. Changes nothing of what is true."""


@dataclass(frozen=True)
class Classes:
    """Rental classes; arrays by class."""

    item_num: Array
    name: list[str]
    kind: Array
    """Index into KINDS."""
    stock: Array
    scanned: Array
    """False for bulk classes, which only the POS knows."""
    resale: Array
    units_per_year: Array
    mean_quantity: Array
    """Units on a contract line, on average."""
    growth: Array
    """Log growth a year, beside the company's own."""
    launch_day: Array
    """First day on which anybody asks for the class."""
    heat: Array
    rain: Array
    day_rate_cents: Array
    bin: list[str | None]


@dataclass(frozen=True)
class Pools:
    """Stock of one class in one store; arrays by pool, sorted by store, then class."""

    cls: Array
    store: Array
    stock: Array
    first_tag: Array
    share: Array
    """Share of the class's demand that asks this store."""
    usual_stock: Array
    """Units a well-run shop would hold: what customers expect to find, whatever is there."""


@dataclass(frozen=True)
class Tags:
    """Single units; arrays by tag, those of one pool side by side. Units of bulk classes are here too."""

    pool: Array
    usable: Array
    """False for units sold or missing before the first day."""
    gone_word: Array
    grade: Array
    unlisted: Array
    """Scanned, but missing from the item master."""
    own_store: Array
    """Whether the item master knows its store."""
    wears: Array
    """False for units that are not rented, or of bulk classes."""
    material: Array
    """Index into MATERIALS."""
    frailty: Array
    """How fast it wears and fails beside others of its material: 1 is usual."""
    age_days: Array
    """Age at the company's first day."""
    first_condition: Array
    """Condition at the company's first day, 0 to 10."""


@dataclass(frozen=True)
class World:
    """The company."""

    spec: TwinSpec
    classes: Classes
    pools: Pools
    tags: Tags

    def tag_class_of(self, tag: Array) -> Array:
        """Class of each of these tags."""
        classes: Array = self.pools.cls[self.tags.pool[tag]]
        return classes


def build_world(spec: TwinSpec) -> World:
    """The company behind a spec."""
    classes = _build_classes(spec)
    pools = _build_pools(spec, classes)
    return World(spec, classes, pools, build_tags(spec, classes, pools))


def _build_classes(spec: TwinSpec) -> Classes:
    rng = stream(spec.seed, Purpose.CLASSES)
    sizes = class_sizes(spec.items)
    scanned_count = len(sizes)
    bulk_count = max(1, round(scanned_count * BULK_SHARE))
    kind = _deal_kinds(scanned_count + bulk_count, rng)
    scanned = np.ones(len(kind), bool)
    rankable = np.array([KINDS[k].bin != "resale" for k in kind])
    scanned[rng.choice(np.flatnonzero(rankable), bulk_count, replace=False)] = False
    tendency = np.array([KINDS[k].size_rank for k in kind]) + rng.normal(0, 2.2, len(kind))
    stock = np.zeros(len(kind), np.int64)
    order = np.flatnonzero(scanned)[np.argsort(-tendency[scanned], kind="stable")]
    stock[order] = np.sort(sizes)[::-1]
    stock[~scanned] = np.clip(rng.lognormal(3.6, 0.8, bulk_count), 6, 400).astype(np.int64)
    resale = ~rankable
    units = yearly_units(stock, scanned, resale, rng)
    base_rate = np.array([KINDS[k].day_rate_usd for k in kind])
    count = len(kind)
    return Classes(
        item_num=60_000 + np.sort(rng.choice(max(12_000, 4 * count), count, replace=False)),
        name=_name_classes(kind), kind=kind, stock=stock, scanned=scanned, resale=resale, units_per_year=units,
        mean_quantity=mean_quantity(stock), growth=rng.normal(0.0, 0.10, count),
        launch_day=np.where(rng.random(count) < 0.05, rng.integers(60, 600, count), 0),
        heat=np.array([KINDS[k].heat for k in kind]), rain=np.array([KINDS[k].rain for k in kind]),
        day_rate_cents=(np.round(base_rate * rng.lognormal(0, 0.15, count) * 4) * 25).clip(100).astype(np.int64),
        bin=_bins(kind, rng),
    )  # fmt: skip


def _deal_kinds(count: int, rng: np.random.Generator) -> Array:
    """A kind for each class, in proportion to how many classes of it a real company has."""
    weights = np.array([kind.classes for kind in KINDS], float)
    exact = weights / weights.sum() * count
    dealt = np.floor(exact).astype(np.int64)
    dealt[np.argsort(dealt - exact, kind="stable")[: count - dealt.sum()]] += 1
    return np.sort(rng.permutation(np.repeat(np.arange(len(KINDS)), dealt)))


def _name_classes(kind: Array) -> list[str]:
    """A distinct name for each class, as staff would write it."""
    seen: dict[int, int] = {}
    names = []
    for k in kind.tolist():
        turn = seen[k] = seen.get(k, -1) + 1
        patterns = KINDS[k].names
        pattern, step = patterns[turn % len(patterns)], turn // len(patterns)
        name = pattern.format(c=COLOURS[step % len(COLOURS)], n=6 + 2 * step)
        suffix = f" #{step // len(COLOURS) + 1}" if "{c}" in pattern and step >= len(COLOURS) else ""
        names.append(name + suffix)
    return names


def _bins(kind: Array, rng: np.random.Generator) -> list[str | None]:
    """Where a class lives: pack, resale, a rack position or nowhere in particular."""
    racks = [f"NR{a}x{b}" for a in range(1, 6) for b in (1, 2)] + [f"MR4{letter}{b}" for letter in "BCDF" for b in (1, 2, 3)]
    drawn = rng.integers(0, len(racks), len(kind))
    unplaced = rng.random(len(kind)) < 0.35
    special: list[str | None] = [None if KINDS[k].bin == "rack" else KINDS[k].bin for k in kind.tolist()]
    return [word or (None if unplaced[k] else racks[drawn[k]]) for k, word in enumerate(special)]


def _build_pools(spec: TwinSpec, classes: Classes) -> Pools:
    rng = stream(spec.seed, Purpose.STOCK)
    weights = np.array([store.weight for store in STORES])
    count = len(classes.stock)
    most = np.minimum(4, 1 + classes.stock // 8)
    wanted = np.minimum(most, rng.integers(1, 5, count))
    wanted[classes.stock >= 100] = 4
    # the stores with the largest weighted draws keep the class: exponential races pick without replacement, by weight
    race = rng.exponential(1.0, (count, len(STORES))) / weights
    keeps = race.argsort(axis=1).argsort(axis=1) < wanted[:, None]
    share = keeps * weights * rng.lognormal(0, 0.2, keeps.shape)
    share /= share.sum(axis=1, keepdims=True)
    exact = share * classes.stock[:, None]
    units = np.floor(exact).astype(np.int64)
    for _ in range(len(STORES)):
        short = classes.stock > units.sum(axis=1)
        best = np.where(keeps, exact - units, -1).argmax(axis=1)
        units[np.flatnonzero(short), best[short]] += 1
    store, cls = np.nonzero(units.T)
    stock = units[cls, store]
    first = np.concatenate([[0], np.cumsum(stock)[:-1]])
    held = np.where(units > 0, share, 0)
    held /= held.sum(axis=1, keepdims=True)
    return Pools(cls=cls, store=store, stock=stock, first_tag=first, share=held[cls, store], usual_stock=stock)


def build_tags(spec: TwinSpec, classes: Classes, pools: Pools) -> Tags:
    """A tag for each unit of the pools."""
    rng = stream(spec.seed, Purpose.TAGS)
    pool = np.repeat(np.arange(len(pools.stock)), pools.stock).astype(np.int32)
    count, chance = len(pool), rng.random(len(pool))
    scanned = classes.scanned[pools.cls[pool]]
    gone = np.where(scanned & (chance < 0.02), 1, np.where(scanned & (chance > 0.998), 2, 0)).astype(np.int8)
    usable = (gone == 0) & ~classes.resale[pools.cls[pool]]
    grade = rng.choice(len(GRADES), count, p=np.array(GRADE_SHARES) / sum(GRADE_SHARES)).astype(np.int8)
    material = materials_of_kinds()[classes.kind[pools.cls[pool]]]
    frailty, age_days, condition = _pasts(spec, material, grade)
    return Tags(
        pool=pool, usable=usable, gone_word=gone, grade=grade,
        unlisted=scanned & (gone == 0) & (rng.random(count) < 0.01), own_store=rng.random(count) < 0.4,
        wears=usable & scanned, material=material.astype(np.int8), frailty=frailty, age_days=age_days, first_condition=condition,
    )  # fmt: skip


def _pasts(spec: TwinSpec, material: Array, grade: Array) -> tuple[Array, Array, Array]:
    """Frailty, age in days and condition of each unit on the first day: worn since it was graded, and as old as that takes."""
    rng = stream(spec.seed, Purpose.WEAR_TAGS)
    count = len(grade)
    frailty = np.exp(np.array([m.frailty_spread for m in MATERIALS])[material] * rng.standard_normal(count))
    score = np.array([grade_score(name) or UNGRADED_SCORE for name in GRADES])[grade]
    condition = np.clip(score + rng.uniform(-0.5, 0.5, count) - WORN_SINCE_GRADED * rng.exponential(1, count), 0.5, 10)
    yearly = np.array([RENTALS_PER_TAG_YEAR * m.drop_per_turn + 365.25 * m.drop_per_day for m in MATERIALS])[material]
    years = (10.2 - condition) / (yearly * frailty) * np.exp(0.3 * rng.standard_normal(count))
    return frailty, 365.25 * np.clip(years, 0.1, OLDEST_YEARS), condition
