"""What do customers ask for on each day, whether or not the shop has it?

The rate of each class in each store is its usual rate × season of the occasions that use it × weekday and holidays × weather
× growth × a slowly drifting popularity. Contracts arrive as a Poisson process per store and occasion, each asks for several
classes; quantities are lognormal, so small classes are intermittent and large ones lumpy. No stock enters here.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from rfid3_shared.twin.calendar import event_factors
from rfid3_shared.twin.catalogue import EVENTS, KINDS
from rfid3_shared.twin.contracts import CLASS_COUNT_SHARES, Contracts, draw_contracts, mean_class_count
from rfid3_shared.twin.popularity import GROWTH_PER_YEAR, QUANTITY_SPREAD, most_per_line, quantity_location
from rfid3_shared.twin.randomness import Array, Purpose, stream
from rfid3_shared.twin.weather import Weather, simulate_weather
from rfid3_shared.twin.world import STORES, World

DRIFT_PERSISTENCE, DRIFT_SPREAD = 0.97, 0.18
"""Weekly persistence and long-run spread (log ratio) of a class's popularity."""


@dataclass(frozen=True)
class Requests:
    """What is asked for on one day. Line arrays are sorted by contract; `contract` counts from 0 within the day."""

    day: int
    contracts: Contracts
    contract: Array
    pool: Array
    units: Array


class Demand:
    """The demand of a company over a span of days: its weather, its drifting popularity, and the requests of each day."""

    def __init__(self, world: World, days: int) -> None:
        self.world = world
        self.weather: Weather = simulate_weather(world.spec.seed, world.spec.start, days)
        self.rain_before: Array = np.concatenate([[0.0], np.cumsum(self.weather.precipitation_in)])
        """Inches of rain from the first day to the morning of each day."""
        self.drift = _drift(world.spec.seed, len(world.classes.stock), days // 7 + 1)
        classes, pools = world.classes, world.pools
        # the line rate follows from the units; one table (occasion × pool) serves every day
        self._most = most_per_line(pools.usual_stock)
        quantity = np.minimum(classes.mean_quantity[pools.cls], 0.8 * self._most).clip(1.0)
        self._location = quantity_location(quantity, self._most)
        lines = classes.units_per_year[pools.cls] * pools.share / 365.25 / quantity
        mix = np.array([KINDS[k].mix for k in classes.kind], float)
        mix /= mix.sum(axis=1, keepdims=True)
        self._usual = np.ascontiguousarray(mix[pools.cls].T * lines)
        self._store_ends = np.searchsorted(pools.store, np.arange(len(STORES)), side="right")

    def rate_factors(self, day: int) -> Array:
        """What multiplies a class's usual rate on a day, beside the seasons: weather, growth, drift, launch."""
        classes, weather = self.world.classes, self.weather
        log_ratio = (GROWTH_PER_YEAR + classes.growth) * day / 365.25 + self.drift[day // 7]
        log_ratio = log_ratio + classes.heat * weather.anomaly_f[day] / 10
        log_ratio = log_ratio + classes.rain * min(weather.precipitation_in[day], 1.5)
        factors: Array = np.where(classes.launch_day <= day, np.exp(log_ratio), 0.0)
        return factors

    def requests_on(self, day: int) -> Requests:
        """Everything asked for on one day; the same whenever it is asked."""
        rng = stream(self.world.spec.seed, Purpose.REQUESTS, day)
        seasons = event_factors(self.world.spec.start + timedelta(days=day))
        rates = self._usual * self.rate_factors(day)[self.world.pools.cls] * seasons[:, None]
        cumulative, pools = np.cumsum(rates.ravel()), rates.shape[1]
        # the rates of one occasion in one store stand side by side; a store may hold nothing
        ends = np.append(0.0, cumulative)[(np.arange(len(EVENTS))[:, None] * pools + self._store_ends).ravel()]
        starts = np.concatenate([[0.0], ends[:-1]])
        arrivals = rng.poisson((ends - starts) / mean_class_count())
        group = rng.permutation(np.repeat(np.arange(len(ends)), arrivals))
        contracts = draw_contracts(group % len(STORES), group // len(STORES), rng)
        shares = np.array(CLASS_COUNT_SHARES)
        counts = rng.choice(np.arange(1, len(shares) + 1), len(group), p=shares / shares.sum())
        owner = np.repeat(np.arange(len(group)), counts)
        drawn = starts[group[owner]] + rng.random(len(owner)) * (ends - starts)[group[owner]]
        pool = np.minimum(np.searchsorted(cumulative, drawn, side="right"), len(cumulative) - 1) % pools
        units = self._draw_units(pool, contracts.scale[owner], rng)
        return _join_lines(day, contracts, owner, pool, units, pools)

    def _draw_units(self, pool: Array, scale: Array, rng: np.random.Generator) -> Array:
        """Units on each line; lines of a large occasion are large together."""
        normal = np.sqrt(0.5) * (scale + rng.standard_normal(len(pool)))
        wanted = 1 + np.floor(np.exp(self._location[pool] + QUANTITY_SPREAD * normal))
        units: Array = np.minimum(wanted, self._most[pool]).astype(np.int64)
        return units


def _join_lines(day: int, contracts: Contracts, owner: Array, pool: Array, units: Array, pools: int) -> Requests:
    """Two lines of one class on one contract become one."""
    keys, at = np.unique(owner * pools + pool, return_inverse=True)
    joined = np.bincount(at, weights=units, minlength=len(keys)).astype(np.int64)
    return Requests(day, contracts, keys // pools, keys % pools, joined)


def _drift(seed: int, classes: int, weeks: int) -> Array:
    """Log popularity by week and class: first-order autoregression, from the first week on."""
    out, level = np.zeros((weeks, classes), np.float32), np.zeros(classes)
    for week in range(weeks):
        shock = stream(seed, Purpose.MOMENTUM, week).standard_normal(classes)
        level = DRIFT_PERSISTENCE * level + DRIFT_SPREAD * np.sqrt(1 - DRIFT_PERSISTENCE**2) * shock
        out[week] = level
    return out
