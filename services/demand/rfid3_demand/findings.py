"""What was found in a series, in plain words, each with its number? Pure, plain Python: processes that only answer use it too.

The values come from `model.diagnosis.values`, where they are small enough to lie in a snapshot.
"""

from collections.abc import Mapping
from typing import Any

_UNITS = {"1h": "hour", "1d": "day", "1w": "week", "1mo": "month", "1q": "quarter", "1y": "year"}
_DAYS = {"1h": 1 / 24, "1d": 1.0, "1w": 7.0, "1mo": 30.4375, "1q": 91.3125, "1y": 365.25}


def told(kept: Mapping[str, Any], step: str) -> dict[str, Any]:
    """Everything that is said of a series: kind, seasons, trend_per_step, level_shifts, may_be_season, text.

    kept: kind, and where they were found seasons, trend, shifts and may_be_season; step: `1h` … `1y`.
    """
    found = {
        "kind": kept["kind"],
        "seasons": [
            {"name": season_name(one["steps"], step), "steps": one["steps"], "share_of_variation": one["share"]}
            for one in kept.get("seasons", ())
        ],
        "trend_per_step": kept.get("trend"),
        "level_shifts": [{**one, "ratio": ratio(one["before"], one["after"])} for one in kept.get("shifts", ())],
        "may_be_season": kept.get("may_be_season", False),
    }
    return {**found, "text": _text(found, _UNITS.get(step, "step"))}


def ratio(before: float, after: float) -> float | None:
    """New level over old one; None where the old one is not above 0 or the new one is below."""
    return round(after / before, 3) if before > 0 and after >= 0 else None


def season_name(steps: float, step: str) -> str:
    """What people call a period: day, week, year, or its number of steps."""
    days = steps * _DAYS.get(step, 0.0)
    for name, length in (("day", 1.0), ("week", 7.0), ("year", 365.25)):
        if abs(days - length) < 0.012 * length:
            return name
    return f"{steps:g} {_UNITS.get(step, 'step')}s"


def _number(value: float) -> str:
    """Three digits that count, and no exponent up to millions."""
    return f"{value:,.0f}" if 100 <= abs(value) < 1e9 else f"{value:.3g}"


def _text(found: Mapping[str, Any], unit: str) -> str:
    said = ["No demand yet" if found["kind"] == "none" else f"{str(found['kind']).capitalize()} demand"]
    cycles = [f"{one['name']} ({one['share_of_variation']:.0%} of its variation)" for one in found["seasons"]]
    said.append(f"repeats every {' and every '.join(cycles)}" if cycles else "no season that stands out from chance")
    if (slope := found["trend_per_step"]) is not None:
        said.append(f"{'rising' if slope > 0 else 'falling'} by {_number(abs(slope))} a {unit}")
    for one in found["level_shifts"]:
        times = "" if one["ratio"] is None else f" (×{one['ratio']:.2f})"
        said.append(f"level {_number(one['after'])} instead of {_number(one['before'])}{times} from {one['at']} on")
    if found["may_be_season"]:
        said.append("a longer season has not been seen twice, so a trend or new level may be the time of year")
    return "; ".join(said) + "."
