"""What is known of the outside world, and what of it goes with demand, as RFID3's page shows it? Pure."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any

from rfid3_shared.external.correlation import METRIC_WORDS, Correlation, NotEnough
from rfid3_shared.external.findings import Findings
from rfid3_shared.external.summary import FactorSeries

MOST_ROWS, MOST_SENTENCES = 20, 5
NEVER_ANALYSED = (
    "Outside factors and demand have not been held against each other yet: that is done after outside data was fetched, and on the "
    "schedule of the demand service."
)
WHOLE_COMPANY = "Factors are held against demand of the whole company, not of one store."
CRITERION = (
    "What stands out among all pairs of factor, metric and lag that were tried: q at most 0.05 (Benjamini and Yekutieli), on series "
    "without season and pre-whitened. correlation: from -1 to 1, with its 95 % interval beside it."
)


def page_summary(factors: Iterable[FactorSeries], today: date) -> dict[str, dict[str, dict[str, Any]]]:
    """The `data` of external-data/summary: factor type → factor → what there is of it; the page adds up every entry."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for one in factors:
        name = f"{one.factor_name} ({one.location})" if one.location else one.factor_name
        found.setdefault(one.factor_type, {})[name] = {
            "record_count": one.record_count,
            # RFID3's table does not say when a row was stored: then the last day it knows that is not yet to come
            "last_updated": _moment(one.last_updated) if one.last_updated else min(one.last_date, today).isoformat(),
            "first_date": one.first_date.isoformat(),
            "last_date": one.last_date.isoformat(),
            "sources": list(one.sources),
        }
    return found


def page_correlations(findings: Findings) -> dict[str, Any]:
    """The `data` of correlations/analyze. The list is there even when it is empty: without it the page shows an example."""
    found = significant(findings)
    span = findings.date_range
    return {
        "insights": {
            "strong_correlations": [_correlation(one) for one in found[:MOST_ROWS]],
            "not_enough_overlap": [_too_few(one) for one in findings.not_enough],
            "criterion": CRITERION,
        },
        "data_summary": {
            "total_factors": findings.total_factors,
            "date_range": f"{span[0]} to {span[1]}" if span else "none",
            "pairs_tried": findings.tried,
            "pairs_standing_out": len(found),
            "computed_at": _moment(findings.computed_at) if findings.computed_at else None,
            "data_as_of": findings.data_as_of.isoformat() if findings.data_as_of else None,
            "method": findings.method,
        },
        "unavailable": {} if findings.computed_at else {"insights.strong_correlations": NEVER_ANALYSED},
    }


def page_indicators(findings: Findings, store: str | None) -> dict[str, Any]:
    """The `data` of insights/leading-indicators: factors that were there weeks before demand moved."""
    leading = [one for one in significant(findings) if one.lag_weeks > 0][:MOST_ROWS]
    unavailable = {} if findings.computed_at else {"leading_indicators": NEVER_ANALYSED}
    if store:
        unavailable["store"] = WHOLE_COMPANY
    return {
        "leading_indicators": [{**_correlation(one), "business_metric": _metric(one)} for one in leading],
        "recommendations": _recommendations(findings, leading),
        "criterion": CRITERION,
        "unavailable": unavailable,
    }


def significant(findings: Findings) -> list[Correlation]:
    """What stands out, strongest first; the page calls number methods on each effect."""
    found = [one for one in findings.correlations if one.significant and isfinite(one.effect)]
    return sorted(found, key=lambda one: (-abs(one.effect), one.factor_name, one.lag_weeks, one.metric))


def _correlation(one: Correlation) -> dict[str, Any]:
    return {
        "factor": one.factor_name, "correlation": round(float(one.effect), 4), "interpretation": one.sentence,
        "lead_weeks": one.lag_weeks, "factor_type": one.factor_type, "metric": one.metric,
        "interval": [round(float(one.lower), 4), round(float(one.upper), 4)], "q_value": round(float(one.q_value), 6),
        "overlap_weeks": one.overlap_weeks,
    }  # fmt: skip


def _recommendations(findings: Findings, leading: list[Correlation]) -> list[str]:
    """What follows; where nothing does, why not."""
    if not findings.computed_at:
        return [NEVER_ANALYSED]
    first: dict[str, Correlation] = {}
    for one in leading:
        first.setdefault(one.factor_name, one)
    said = [
        f"Watch {one.factor_name}: weeks above its usual level were followed by {_metric(one)} "
        f"{'above' if one.effect > 0 else 'below'} the usual level, {one.lag_weeks} {'week' if one.lag_weeks == 1 else 'weeks'} later."
        for one in first.values()
    ]
    if not said:
        said = [f"None of {findings.tried} pairs that were tried shows a factor that runs ahead of demand."]
    return [*said[:MOST_SENTENCES], *(one.sentence for one in findings.not_enough[:MOST_SENTENCES])]


def _too_few(one: NotEnough) -> dict[str, Any]:
    return {"factor": one.factor, "overlap_weeks": one.overlap_weeks, "needed_weeks": one.needed_weeks}


def _metric(one: Correlation) -> str:
    return METRIC_WORDS.get(one.metric, one.metric)


def _moment(at: datetime) -> str:
    """A moment of the store, in ISO 8601 with Z."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
