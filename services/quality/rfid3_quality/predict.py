"""What is said of one item: where its score will stand, why, and what is best done about it? Pure."""

from decimal import Decimal
from typing import Any

import numpy as np

from rfid3_quality.decisions import verdict_words
from rfid3_quality.decisions.replacement import Verdicts
from rfid3_quality.item import Item, sufficiency
from rfid3_quality.model.grades import TOP, name_of
from rfid3_quality.model.projection import TREND_DAYS, TREND_SCORE
from rfid3_quality.snapshot import AHEAD_DAYS, FACTORS, HORIZONS_DAYS

WORDS = {"keep": "Keep it in service.", "repair": "Repair it.", "resell": "Sell it.", "retire": "Retire it."}
LOW_SCORE = 0.5
OLD_READING_DAYS = 180
READINGS = "grades that somebody wrote: one copied from scan to scan says nothing, and wear goes on until the next look"


def degradation(item: Item, verdict: tuple[Verdicts, int] | None = None) -> dict[str, Any]:
    """Endpoint 6 for one item; without version and id. verdict: the one on it, where many were judged at once."""
    mean, _, low, high = item.score
    ahead = [(f"{days}_days", HORIZONS_DAYS.index(days)) for days in AHEAD_DAYS]
    low_30, high_30 = _ends(low, high, 1)
    verdicts, at_row = verdict or item.verdict
    when = verdict_words.optimal_replacement_date(verdicts, at_row, item.snapshot.spec.data_as_of)
    return {
        "item_id": item.item_id, "item_type": item.type_name, "current_quality_score": _p(mean[0]),
        "current_interval": dict(zip(("lower", "upper"), _ends(low, high, 0), strict=True)), "quality_trend": trend(item),
        "degradation_prediction": {name: _p(mean[at]) for name, at in ahead},
        "degradation_intervals": {name: dict(zip(("lower", "upper"), _ends(low, high, at), strict=True)) for name, at in ahead},
        "quality_factors": factors(item),
        "replacement_recommendations": {
            "optimal_replacement_date": when, "replacement_confidence": verdict_words.replacement_confidence(verdicts, at_row),
            "why_no_date": verdict_words.why_no_date(verdicts, at_row), "best_option": verdict_words.best_option(verdicts, at_row),
            "cost_benefit_analysis": plain(verdict_words.cost_benefit_analysis(verdicts, at_row)),
        },
        "actionable_insights": insights(item, verdicts, at_row), "confidence": _p(1 - (high_30 - low_30)), "basis": basis_of(item),
    }  # fmt: skip


def trend(item: Item) -> str:
    """declining when the score is expected to fall by TREND_SCORE within TREND_DAYS, else stable: nothing improves without a repair."""
    fall = item.score[0, 0] - item.score[0, HORIZONS_DAYS.index(int(TREND_DAYS))]
    return "declining" if fall >= TREND_SCORE else "stable"


def factors(item: Item) -> dict[str, float]:
    """What moves its wear, each 0 to 1 with the average item at 0.5; above it wears faster, but for maintenance_quality: slower."""
    parts = dict(zip(item.snapshot.wear.names, item.snapshot.wear.contributions(item.x)[0], strict=True))
    usual = float(item.snapshot.usual_turns[item.snapshot.code(item.row, "rental_class")])
    own = float(item.snapshot.rate[item.row, 0])
    use = np.log(own / usual) if own > 0 and usual > 0 else 0.0
    log_pace = {name: sum(float(parts.get(one, 0.0)) for one in of) for name, of in FACTORS.items()}
    log_pace = {"usage_intensity": use, **log_pace}
    log_pace["maintenance_quality"] *= -1
    return {name: _p(1 / (1 + np.exp(-np.clip(value, -30, 30)))) for name, value in log_pace.items()}


def basis_of(item: Item) -> dict[str, Any]:
    """What the projection rests on: the wear's form and readings, the class's share in it, and the reading it starts from."""
    wear, told = item.snapshot.wear, ("form", "steps", "units", "changes", "repairs", "why")
    known = {name: wear.basis[name] for name in told if name in wear.basis}
    if wear.basis["form"] == "prior":
        known["prior"] = wear.basis["prior"]
    read = item.graded_at
    grade = item.grade
    return {
        "wear": known, "class": wear.basis_of(item.group), "grade": None if grade is None else name_of(grade),
        "graded_at": None if read is None else read.isoformat(timespec="seconds"),
        "readings": READINGS,
        "grade_from": "an inspection since" if item.reading else "its last reading" if grade is not None else "the grades of its class",
        "inspection": None if item.reading is None else item.reading.as_dict(), "sufficiency": sufficiency(item),
        "turns_per_day": round(float(item.snapshot.rate[item.row, 0]), 5),
    }  # fmt: skip


def insights(item: Item, verdicts: Verdicts, at_row: int) -> list[str]:
    """Sentences to act on, from the same numbers."""
    mean, found = item.score[0], []
    best = verdict_words.best_option(verdicts, at_row)
    if best is None:
        found.append(f"No dollars can be said: {verdict_words.why_no_date(verdicts, at_row)}.")
    else:
        worth = verdicts.values_usd
        gain = float(worth[best].value[at_row] - worth["keep"].value[at_row])
        found.append(
            WORDS[best] + (f" That is worth ${gain:,.2f} more than keeping it." if best != "keep" and gain > 0 else "")
        )
    crossed = next((days for at, days in enumerate(HORIZONS_DAYS) if mean[at] < LOW_SCORE), None)
    if crossed is not None:
        words = "is" if crossed == 0 else f"is expected to be, in {crossed} days,"
        found.append(f"Its score {words} below {LOW_SCORE}, worse than {name_of(round(LOW_SCORE * TOP))}.")
    if item.grade is None:
        found.append("It was never graded: inspect it, its class alone says how it may stand.")
    elif item.reading is None and item.graded_at is not None:
        age = (np.datetime64(item.snapshot.spec.data_to) - np.datetime64(item.graded_at)) / np.timedelta64(1, "D")
        if age > OLD_READING_DAYS:
            found.append(f"Its grade was written {int(age)} days ago: inspect it.")
    value = float(item.snapshot.look[item.row, 0])
    if item.reading is None and value >= 1:
        found.append(f"Knowing its grade for sure is worth up to ${value:,.2f}.")
    return found


def plain(value: Any) -> Any:
    """Amounts of money as numbers with two decimals, at any depth."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return float(value) if isinstance(value, Decimal) else value


def _ends(low: np.ndarray, high: np.ndarray, at: int) -> tuple[float, float]:
    return _p(low[at]), _p(high[at])


def _p(value: float) -> float:
    return round(min(1.0, max(0.0, float(value))), 6)
