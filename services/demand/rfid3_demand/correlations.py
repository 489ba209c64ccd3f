"""The job that holds demand against outside factors: which of them went with units, contracts or revenue some weeks later?

Reads what training reads; the statistics are `rfid3_shared.external.correlate`. The whole analysis replaces the one before.
"""

from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from rfid3_demand import events, features, history, queries, rates
from rfid3_demand.settings import SERVICE, demand_settings
from rfid3_shared.db import transaction
from rfid3_shared.errors import InsufficientData
from rfid3_shared.external.correlate import Analysis, analyse, weekly_mean
from rfid3_shared.external.coverage import told_on
from rfid3_shared.external.findings import Findings, keep_findings
from rfid3_shared.external.tables import FACTOR_TYPES
from rfid3_shared.external.values import DailyFactor, load_daily
from rfid3_shared.flags import Flag
from rfid3_shared.jobs import Progress
from rfid3_shared.jobs.requests import stored_now
from rfid3_shared.resources import open_resources
from rfid3_shared.settings import Settings

OWN_CALENDAR = ("holiday", "seasonal")
"""Kinds of factors that are taken out of demand with season and holidays: to try them would be to find nothing."""
TRIED_TYPES = tuple(kind for kind in FACTOR_TYPES if kind not in OWN_CALENDAR)


async def run(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Analyse and keep; returns {service, data_as_of, weeks, factors, tried, significant, not_enough, unvarying}.

    {skipped: why} while outside data is switched off. Raises InsufficientData when the source says nothing about units leaving, or
    fewer than 8 complete weeks are known.
    """
    own = demand_settings(settings)
    async with open_resources(own) as held:
        if not arguments.get("asked_by_person") and (why := held.flags.why_off(Flag.EXTERNAL_DATA_INTEGRATION)):
            return {"skipped": f"{Flag.EXTERNAL_DATA_INTEGRATION}: {why}"}
        progress.report("reading", 0, 2)
        async with transaction(held.source) as source, transaction(held.store) as store:
            past = await history.weekly(source, held.clock, own.demand_history_days)
            since = datetime.combine(past.span.first, datetime.min.time())
            contracts = await history.contracts_of(source, past, since)
            worth = rates.unit_rates(await queries.load_line_prices(source), await queries.load_rates(source))
            factors = await load_daily(store, source, past.span.first, past.span.last, past.span.last, TRIED_TYPES)
        weeks = features.complete_weeks(past.span.first, past.span.last)
        if len(weeks) < events.LEAST_WEEKS:
            raise InsufficientData(
                "Too few complete weeks of demand are known.", found_weeks=len(weeks), needed_weeks=events.LEAST_WEEKS
            )
        progress.report("comparing", 1, 2)
        calendar = features.calendar(weeks, 0)
        nuisance = np.column_stack([calendar["holiday_days"], calendar["long_weekend"]])
        found = analyse(weeks, metrics_of(past.units, contracts, worth, weeks), by_week(factors, weeks), nuisance)
        kept = _findings(found, factors, stored_now(held.clock), past.span.last)
        async with transaction(held.store) as store:
            await keep_findings(store, kept, found.not_enough)
        progress.report("comparing", 2, 2)
    return {
        "service": SERVICE, "data_as_of": str(past.span.last), "weeks": len(weeks), "factors": len(factors), "tried": kept.tried,
        "significant": sum(one.significant for one in kept.correlations), "not_enough": len(found.not_enough),
        "unvarying": [name for _, name in found.unvarying],
    }  # fmt: skip


def metrics_of(
    units: pl.DataFrame, contracts: pl.DataFrame, worth: dict[str, float], weeks: list[date]
) -> dict[str, np.ndarray]:
    """Units, contracts and dollars by complete week, (T,) each; one that is nothing in every week is left out.

    units: rental_class, week, units. contracts: day of the first unit leaving. worth: dollars a unit by class, where known.
    """
    dollars = pl.col("rental_class").replace_strict(worth, default=None, return_dtype=pl.Float64) * pl.col("units")
    by_week = units.with_columns(revenue=dollars).group_by("week").agg(pl.col("units").sum(), pl.col("revenue").sum())
    signed = contracts.group_by(pl.col("day").dt.truncate("1w").alias("week")).agg(contracts=pl.len())
    whole = pl.DataFrame({"week": weeks}).join(by_week, on="week", how="left").join(signed, on="week", how="left").sort("week")
    table = {name: whole[name].fill_null(0).cast(pl.Float64).to_numpy() for name in ("units", "contracts", "revenue")}
    return {name: values for name, values in table.items() if values.any()}


def by_week(factors: list[DailyFactor], weeks: list[date]) -> dict[tuple[str, str], np.ndarray]:
    """Each factor by week, (T,); NaN where it is not told."""
    return {
        (each.factor_type, each.factor_name): weekly_mean(each.values, told_on(sorted(each.values)), weeks) for each in factors
    }


def told_seldom(factors: list[DailyFactor]) -> list[str]:
    """Names of factors that come more seldom than weekly: a value a month has no week of its own to be held against."""
    return [
        each.factor_name for each in factors
        if len(each.values) > 1 and (max(each.values) - min(each.values)).days / (len(each.values) - 1) > 7
    ]  # fmt: skip


def _findings(found: Analysis, factors: list[DailyFactor], at: datetime, data_as_of: date) -> Findings:
    days = [day for factor in factors for day in factor.values]
    same = ", ".join(name for _, name in found.unvarying)
    method = found.method + (f"; nothing left to compare of {same}" if same else "")
    if seldom := ", ".join(told_seldom(factors)):
        method += f"{'; ' if method else ''}told more seldom than weekly: {seldom}"
    return Findings(
        at,
        data_as_of,
        len(factors),
        (min(days), max(days)) if days else None,
        len(found.correlations),
        found.correlations,
        [],
        method[:500],
    )
