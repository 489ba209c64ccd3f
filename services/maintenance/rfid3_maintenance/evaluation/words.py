"""What do the scores mean, in words? A few sentences for whoever has never met a Brier score."""

from __future__ import annotations

import polars as pl

from rfid3_maintenance.evaluation.cross_validation import Race
from rfid3_maintenance.evaluation.ours import NAME
from rfid3_maintenance.evaluation.scores import value

SOUND_SLOPE = (0.9, 1.1)


def sentences(race: Race, scores: pl.DataFrame) -> list[str]:
    """About ours, beside the best peer; then what went wrong with whom."""
    said = [_sample(race), *(_calibrated(scores, horizon) for horizon in race.horizons), _brier(race, scores)]
    if race.reading != "single":
        said += _order(scores)
        said += _remaining(race, scores)
    else:
        found = value(scores, NAME, "f1")
        if found is not None:
            said.append(
                f"Alerts: F1 {found:.3f}; the threshold was chosen inside each fold's training part, never on what it is judged by."
            )
    said += [f"{each.contender.name} gave no answer: {each.fault}" for each in race.results if each.fault]
    return said


def _sample(race: Race) -> str:
    given = race.given
    units = len(set(given.unit.tolist()))
    failed = len(set(given.unit[given.event].tolist()))
    form = ", ".join(sorted(race.results[0].basis))
    return f"{len(given):,} moments of {units:,} units, {failed:,} of which failed; ours in the form: {form}."


def _calibrated(scores: pl.DataFrame, horizon: float) -> str:
    told, happened, slope = (value(scores, NAME, name, horizon) for name in ("told", "happened", "calibration_slope"))
    if told is None or happened is None:
        return ""
    begins = f"Within {horizon:g}: a chance of {told:.1%} was told on average, {happened:.1%} failed"
    if slope is None:
        return f"{begins}; only one outcome was seen, so no slope."
    low, high = SOUND_SLOPE
    verdict = "too extreme" if slope < low else "too timid" if slope > high else "neither too extreme nor too timid"
    return f"{begins}; slope {slope:.2f}: chances are {verdict}."


def _brier(race: Race, scores: pl.DataFrame) -> str:
    measure = "brier" if race.reading == "single" else "integrated_brier"
    ours, best, who = _beside(scores, measure, lower=True)
    name = "Brier score" if measure == "brier" else "Integrated Brier score"
    begins = f"{name} {ours:.4f}" if ours is not None else f"{name} unknown"
    beside = f", {who} {best:.4f}" if best is not None else ""
    return f"{begins}{beside} (0: every chance was 0 or 100 % and right; 0.25: always 50 %; lower is better)."


def _order(scores: pl.DataFrame) -> list[str]:
    ours, best, who = _beside(scores, "c_index", lower=False)
    if ours is None:
        return []
    beside = f"; {who} {best:.3f}" if best is not None else ""
    return [
        f"Of two moments of which one was followed sooner by a failure, {ours:.1%} were put in the right order (C-index{beside})."
    ]


def _remaining(race: Race, scores: pl.DataFrame) -> list[str]:
    rmse, inside, width = (value(scores, NAME, name) for name in ("rul_rmse", "rul_coverage_80", "rul_width_80"))
    if rmse is None or inside is None:
        return []
    capped = "" if race.cap is None else f" (times beyond {race.cap:g} counted as {race.cap:g})"
    spread = "" if width is None else f"; half of the intervals are narrower than {width:.1f}"
    return [
        f"Remaining time is off by {rmse:.1f} (root mean square){capped}; {inside:.0%} of ends lay inside the 80 % interval{spread}."
    ]


def _beside(scores: pl.DataFrame, measure: str, lower: bool) -> tuple[float | None, float | None, str]:
    """(ours, the best peer's, its name)."""
    peers = scores.filter((pl.col("measure") == measure) & (pl.col("role") == "peer") & pl.col("value").is_not_null())
    peers = peers.sort("value", descending=not lower)
    ours = value(scores, NAME, measure)
    return (ours, None, "") if peers.is_empty() else (ours, peers["value"][0], peers["contender"][0])
