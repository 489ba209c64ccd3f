"""How does a verdict on one item read: dollars with two places, dates, and which inputs were measured, pooled, stated or missing? Pure."""

import math
from datetime import date, timedelta
from typing import Any

from rfid3_quality.decisions import priors
from rfid3_quality.decisions.amounts import Basis, Interval, Prior
from rfid3_quality.decisions.money import rounded_usd
from rfid3_quality.decisions.replacement import OPTIONS, Verdicts

PRIOR_OF: dict[str, Prior] = {
    "repair_usd": priors.REPAIR_PRICE_RATIO,
    "repairs_a_year": priors.REPAIRS_A_YEAR,
    "repair_lift": priors.REPAIR_LIFT,
    "resale_ratio": priors.RESALE_RATIO,
    "price_effect": priors.PRICE_EFFECT,
}
"""The prior that fills each input where nothing was measured."""
ALWAYS_STATED = {"refusal_score": priors.REFUSAL_SCORE, "repair_growth": priors.REPAIR_GROWTH}
"""Beliefs that no data of the shop could replace so far."""


def best_option(verdicts: Verdicts, item: int) -> str | None:
    """keep, repair, retire or resell; None when price, rate or turns are missing."""
    place = int(verdicts.best[item])
    return OPTIONS[place] if place >= 0 else None


def optimal_replacement_date(verdicts: Verdicts, item: int, today: date) -> date | None:
    """The day on which replacing costs no more than keeping; None when not within the horizon, or not known."""
    days = float(verdicts.replace_after_days.value[item])
    return today + timedelta(days=round(days)) if math.isfinite(days) else None


def replacement_confidence(verdicts: Verdicts, item: int) -> float | None:
    """The chance, to three places; None where no dollars are known."""
    chance = float(verdicts.replacement_confidence[item])
    return round(chance, 3) if math.isfinite(chance) else None


def cost_benefit_analysis(verdicts: Verdicts, item: int) -> dict[str, Any]:
    """Dollars (two places, None where unknown), their 80 % intervals, what each option is worth, and where the inputs come from."""
    return {
        "current_market_value": rounded_usd(verdicts.market_value_usd.value[item]),
        "replacement_cost": rounded_usd(verdicts.replacement_cost_usd[item]),
        "revenue_impact": rounded_usd(verdicts.revenue_impact_usd.value[item]),
        "current_market_value_interval": _ends(verdicts.market_value_usd, item),
        "revenue_impact_interval": _ends(verdicts.revenue_impact_usd, item),
        "options": {
            name: {"value": rounded_usd(worth.value[item]), "interval": _ends(worth, item)} for name, worth in verdicts.values_usd.items()
        },
        "best_option": best_option(verdicts, item),
        "basis": basis(verdicts, item),
        "priors": stated(verdicts, item),
        "missing": missing_inputs(verdicts, item),
    }  # fmt: skip


def basis(verdicts: Verdicts, item: int) -> dict[str, str]:
    """By input: measured, pooled, stated prior or missing."""
    found = {name: Basis(int(codes[item])).words for name, codes in verdicts.basis.items()}
    return {**found, **dict.fromkeys(ALWAYS_STATED, Basis.STATED_PRIOR.words)}


def stated(verdicts: Verdicts, item: int) -> dict[str, dict[str, float | str]]:
    """The numbers of every prior that this verdict rests on: its middle, its 80 % range, and why."""
    used = {name: prior for name, prior in PRIOR_OF.items() if verdicts.basis[name][item] == Basis.STATED_PRIOR}
    every = {**used, **ALWAYS_STATED}
    return {name: {"value": p.value, "lower": p.lower, "upper": p.upper, "why": p.why} for name, p in every.items()}


def missing_inputs(verdicts: Verdicts, item: int) -> list[str]:
    """What must be known before dollars can be said."""
    return [name for name, codes in verdicts.basis.items() if codes[item] == Basis.MISSING and name not in PRIOR_OF]


def why_no_date(verdicts: Verdicts, item: int) -> str | None:
    """The reason when there is no replacement date; None when there is one."""
    gaps = missing_inputs(verdicts, item)
    if gaps:
        return "missing: " + ", ".join(gaps)
    if not math.isinf(float(verdicts.replace_after_days.value[item])):
        return None if math.isfinite(float(verdicts.replace_after_days.value[item])) else "no score is known"
    return "not within five years" if verdicts.new_pays[item] else "a new one would not earn its price at these turns"


def _ends(result: Interval, item: int) -> list[Any]:
    return [rounded_usd(result.lower[item]), rounded_usd(result.upper[item])]
