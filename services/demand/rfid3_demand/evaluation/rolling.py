"""What was known at each origin, and what came after it? Rolling origins of a long frame: every panel holds the past alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from rfid3_demand.model import own_series
from rfid3_demand.model.panel import MINIMUM_OBSERVATIONS, Panel
from rfid3_shared.errors import InsufficientData, InvalidParameters
from rfid3_shared.series import KEY, TARGET, TIME, Frequency


@dataclass(frozen=True)
class Window:
    """One origin: the past as a panel, and the outcomes of the horizon behind it."""

    back: int
    """Steps between the origin and each series' end."""
    panel: Panel
    truth: np.ndarray
    """(n, H); NaN where nothing was observed."""

    @property
    def horizon(self) -> int:
        """Steps to forecast."""
        return int(self.truth.shape[1])


@dataclass(frozen=True)
class Plan:
    """How the past is cut up."""

    horizon: int
    windows: int
    step: int
    """Steps between origins."""
    season: int
    fill: str | None = None
    """zero | interpolate | error | None, as `own_series.build` takes it."""
    known: tuple[str, ...] = ()
    """Regressors whose values over the horizon may be used."""


def pick(frame: pl.DataFrame, series: int) -> pl.DataFrame:
    """At most so many series, evenly spread over their sorted names."""
    names = frame[KEY].unique().sort()
    chosen = np.unique(np.linspace(0, len(names) - 1, series).round().astype(int))
    return frame.filter(pl.col(KEY).is_in(names.gather(chosen).implode()))


def windows(frame: pl.DataFrame, frequency: Frequency, plan: Plan) -> list[Window]:
    """Rolling origins, the earliest first; each series is cut the same number of steps before its own last observation.

    frame: unique_id, ds, y and numeric regressors. A series that had not begun at an origin is left out of that window.
    Raises InsufficientData when no series is long enough for every window, InvalidParameters for an unknown regressor, a
    regressor with holes where it is said to be known, and for what `own_series.build` refuses.
    """
    regressors = [name for name in frame.columns if name not in (KEY, TIME, TARGET)]
    for name in plan.known:
        if name not in regressors:
            found = f"found {', '.join(regressors)}" if regressors else "the file has no regressors"
            raise InvalidParameters(f"There is no regressor {name!r}; {found}.", parameter="future_known", column=name)
    frame = frame.sort(KEY, TIME)
    frame = frame.with_columns(pl.Series("_period", own_series.periods(frame[TIME], frequency), dtype=pl.Int64))
    _no_doubles(frame)
    seen = frame.filter(pl.col(TARGET).is_not_null())
    if seen.is_empty():
        raise InvalidParameters("There is no row with a value in y.", column=TARGET)
    spans = seen.group_by(KEY).agg(pl.col("_period").min().alias("_first"), pl.col("_period").max().alias("_last"))
    _long_enough(spans, plan)
    whole = bool(((seen[TARGET] >= 0) & (seen[TARGET] == seen[TARGET].round())).all())
    zero = plan.fill == "zero" or (plan.fill is None and whole)
    placed = frame.join(spans, on=KEY).with_columns((pl.col("_period") - pl.col("_last")).alias("_ahead"))
    backs = [plan.horizon + k * plan.step for k in range(plan.windows - 1, -1, -1)]
    return [_window(placed, frequency, plan, back, zero) for back in backs]


def _window(placed: pl.DataFrame, frequency: Frequency, plan: Plan, back: int, zero: bool) -> Window:
    steps = pl.col("_ahead") + back
    past = placed.filter(steps <= 0)
    later = placed.filter((steps > 0) & (steps <= plan.horizon)).with_columns(steps.alias("_step"))
    past = _up_to_the_cut(past, frequency, back, zero)
    plain = [name for name in past.columns if not name.startswith("_")]
    future = later.select(KEY, TIME, *plan.known) if plan.known else None
    if future is not None:
        _no_holes(later, past, plan)
    series = own_series.build(past.select(plain), frequency, plan.season, plan.horizon, plan.fill, future)
    place = {name: k for k, name in enumerate(series.panel.ids)}
    truth = np.full((len(place), plan.horizon), 0.0 if zero else np.nan)
    known = later.filter(pl.col(TARGET).is_not_null() & pl.col(KEY).is_in(list(place)))
    rows = np.array([place[name] for name in known[KEY].to_list()], dtype=int)
    truth[rows, known["_step"].to_numpy() - 1] = known[TARGET].to_numpy()
    return Window(back, series.panel, truth)


def _up_to_the_cut(past: pl.DataFrame, frequency: Frequency, back: int, zero: bool) -> pl.DataFrame:
    """Rows up to the origin; where the last of them are missing, the origin itself gets the fill (0, or the last value)."""
    observed = past.filter(pl.col(TARGET).is_not_null())
    last = observed.group_by(KEY, maintain_order=True).last().with_columns((-back - pl.col("_ahead")).alias("_gap"))
    short = last.filter(pl.col("_gap") > 0)
    if short.is_empty():
        return past
    count, unit = int(frequency.step[0]), frequency.step[1:]
    whole_numbers = past.schema[TIME].is_integer()
    moved = (
        pl.col(TIME) + pl.col("_gap")
        if whole_numbers
        else pl.col(TIME).dt.offset_by(pl.format(f"{{}}{unit}", pl.col("_gap") * count))
    )
    names = [name for name in past.columns if name not in (KEY, TIME, TARGET)]
    added = short.with_columns(
        moved.alias(TIME), (pl.lit(0.0) if zero else pl.col(TARGET)).alias(TARGET),
        *(pl.lit(None, dtype=past.schema[name]).alias(name) for name in names if not name.startswith("_")),
    ).select(past.columns)  # fmt: skip
    kept = past.filter(pl.col(TARGET).is_not_null() | (pl.col("_ahead") < -back))
    return pl.concat([kept, added]).sort(KEY, TIME)


def _no_doubles(frame: pl.DataFrame) -> None:
    twice = frame.filter(pl.struct(KEY, "_period").is_duplicated())
    if len(twice):
        raise InvalidParameters(f"Series {twice[KEY][0]!r} has two rows for the period of {twice[TIME][0]}.", column=TIME)


def _no_holes(later: pl.DataFrame, past: pl.DataFrame, plan: Plan) -> None:
    counted = later.filter(pl.col(KEY).is_in(past[KEY].unique().implode())).group_by(KEY, maintain_order=True)
    for name in plan.known:
        short = counted.agg(pl.col(name).is_not_null().sum()).filter(pl.col(name) < plan.horizon)
        if len(short):
            raise InvalidParameters(
                f"Regressor {name!r} is said to be known ahead but is missing inside a horizon of series {short[KEY][0]!r}.",
                parameter="future_known", column=name,
            )  # fmt: skip


def _long_enough(spans: pl.DataFrame, plan: Plan) -> None:
    longest = int((spans["_last"] - spans["_first"]).max() or 0) + 1  # type: ignore[arg-type]
    tested = plan.horizon + (plan.windows - 1) * plan.step
    needed = tested + MINIMUM_OBSERVATIONS
    if longest >= needed:
        return
    fits = (longest - MINIMUM_OBSERVATIONS - plan.horizon) // plan.step + 1
    way_out = (
        f"at most {fits} windows fit" if fits > 0 else f"a horizon of at most {max(longest - MINIMUM_OBSERVATIONS, 0)} fits"
    )
    raise InsufficientData(
        f"The longest series has {longest} observation{'s' if longest != 1 else ''}; {plan.windows} windows of {plan.horizon} "
        f"steps, {plan.step} apart, need {needed} ({MINIMUM_OBSERVATIONS} to learn from): {way_out}.",
        observations=longest, needed=needed,
    )  # fmt: skip
