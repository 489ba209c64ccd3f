"""How far off were they, and did the interval hold? One row per contender and share of life."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from rfid3_quality.evaluation.foretellers import Foretold
from rfid3_quality.evaluation.origins import Origin


def rows(given: Sequence[Origin], foretold: Mapping[str, Sequence[Foretold]]) -> pl.DataFrame:
    """One row per contender and origin: what was foretold, what came, and whether the interval held.

    The crossing lies after the reading before the first one beyond the threshold: the interval holds when it meets that span.
    A unit not seen to cross contradicts an interval that ends before its last reading. Columns as below; null where unknown.
    """
    found = []
    for contender, answers in foretold.items():
        for origin, (lower, median, upper) in zip(given, answers, strict=True):
            seen = origin.truth_t is not None
            held = upper >= origin.before_t and (origin.truth_t is None or lower <= origin.truth_t)
            error = abs(median - origin.truth_t) if origin.truth_t is not None and np.isfinite(median) else None
            found.append({
                "contender": contender, "unit": origin.unit, "share": origin.share, "origin_t": origin.at_t, "truth_t": origin.truth_t,
                "median_t": _finite(median), "lower_t": _finite(lower), "upper_t": _finite(upper), "crossed": seen, "held": bool(held),
                "error_t": error, "error_life_ratio": None if error is None else error / origin.life,
                "width_life_ratio": (upper - lower) / origin.life if np.isfinite(upper) else None,
            })  # fmt: skip
    numbers = ("origin_t", "truth_t", "median_t", "lower_t", "upper_t", "error_t", "error_life_ratio", "width_life_ratio")
    return pl.DataFrame(found, schema_overrides=dict.fromkeys(numbers, pl.Float64), infer_schema_length=None)


def table(each: pl.DataFrame) -> pl.DataFrame:
    """Per contender and share: origins, answered (crossed, and a finite median), errors, coverage and median width of the 80 %."""
    return each.group_by("contender", "share", maintain_order=True).agg(
        pl.len().alias("origins"),
        pl.col("crossed").sum().alias("crossed"),
        pl.col("error_t").count().alias("answered"),
        pl.col("error_t").mean().alias("mean_error_t"),
        pl.col("error_life_ratio").mean().alias("mean_error_life_ratio"),
        pl.col("error_life_ratio").max().alias("worst_error_life_ratio"),
        pl.col("held").mean().alias("coverage_80"),
        pl.col("width_life_ratio").median().alias("width_life_ratio"),
        pl.col("width_life_ratio").null_count().alias("open_ended"),
    )


def _finite(t: float) -> float | None:
    return float(t) if np.isfinite(t) else None
