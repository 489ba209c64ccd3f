"""What can each service say from this data, what can it not, and what is missing?

Pure rules over counts; the thresholds are the ones the services themselves keep. Plain words, for the people who can get the
missing data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

NEEDED_WEEKS = 8
"""Weeks of history below which no forecast is made."""
SEASON_WEEKS = 104
"""Two years: a yearly season can be told from a trend only when it was seen twice."""
NEEDED_LABELS = 50
"""Failures (or graded changes) from which a model of wear can learn anything of its own."""
COVERED = 0.9
"""Share of days from which an outside factor is used."""


@dataclass(frozen=True)
class Evidence:
    """What the source holds, in numbers."""

    departures: int
    classes: int
    weeks: float
    """From the first departure to the last."""
    weeks_with_departures: int
    pos_weeks: float
    """From the first POS contract to the last."""
    data_as_of: date | None
    """Day of the last departure."""
    age_days: int | None
    inferred_store_ratio: float
    stores: int
    fleet_units: int
    rate_ratio: float
    """Share of out scans whose class has rental rates."""
    weather_ratio: float
    """Share of the scans' days with weather data."""
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Ability:
    """What one service can and cannot say."""

    service: str
    can: list[str]
    cannot: list[str]
    missing: list[str]
    """What data would change that."""


def can_forecast(evidence: Evidence) -> bool:
    """Whether any demand forecast can be made: from scans, else from POS lines."""
    from_scans = evidence.departures > 0 and evidence.weeks >= NEEDED_WEEKS
    return from_scans or (evidence.counts["pos_lines"] > 0 and evidence.pos_weeks >= NEEDED_WEEKS)


def judge(evidence: Evidence) -> list[Ability]:
    """The six services in the order a manager meets them."""
    return [rule(evidence) for rule in (_demand, _maintenance, _quality, _pricing, _inventory, _packs)]


def _demand(e: Evidence) -> Ability:
    can: list[str] = []
    cannot: list[str] = []
    missing: list[str] = []
    if not can_forecast(e):
        cannot.append("any forecast")
        missing.append(f"scans or POS lines over {NEEDED_WEEKS} weeks or more; found {max(e.weeks, e.pos_weeks):.1f} weeks")
        return Ability("demand", can, cannot, missing)
    weeks = e.weeks if e.departures else e.pos_weeks
    can.append(
        f"units leaving per class and week, from {weeks:.0f} weeks ({e.departures:,} departures of {e.classes:,} classes)"
    )
    if weeks < SEASON_WEEKS:
        cannot.append("a yearly season learned from this shop: it must be borrowed, and intervals are wide")
        missing.append(f"{SEASON_WEEKS - weeks:.0f} more weeks of history")
    if e.stores < 2:
        cannot.append("differences between stores: departures are placed in " + ("one store" if e.stores else "no store"))
    elif e.inferred_store_ratio > 0:
        can.append(f"forecasts by store; {e.inferred_store_ratio:.0%} of departures have an inferred one")
    if e.inferred_store_ratio > 0.5:
        missing.append("the store of each tag (current_store) or POS contracts")
    if e.weather_ratio < COVERED:
        cannot.append(f"effects of weather: it is known for {e.weather_ratio:.0%} of the days, needed {COVERED:.0%}")
        missing.append("daily weather in external_factors over the same time as the scans, or `rfid3 external fetch`")
    if e.rate_ratio:
        can.append(f"revenue at stake, for the {e.rate_ratio:.0%} of scans whose class has a rate")
    else:
        cannot.append("revenue at stake: no class that is rented has a rate")
    (can if e.fleet_units else cannot).append("risk of running short, from units on hand")
    return Ability("demand", can, cannot, missing)


def _maintenance(e: Evidence) -> Ability:
    failures = e.counts["scans_with_defect"] + e.counts["scans_in_repair"]
    can = ["rentals and days out per unit since its first scan, and an order by use"] if e.departures else []
    cannot, missing = [], []
    if failures < NEEDED_LABELS:
        cannot.append(f"chances of failure learned from this shop: {failures} scans show one; rules and stated priors instead")
        missing.append(f"defect flags or status Repair at each fault; {NEEDED_LABELS} or more")
    else:
        can.append(f"chances of failure from {failures:,} scans that show one")
    if not e.counts["tags_dated"]:
        cannot.append("true age of a unit: date_created is empty, age counts from the first scan")
    if e.counts["repair_costs_of_tags"] < NEEDED_LABELS:
        cannot.append(f"cost of repairs per unit: known for {e.counts['repair_costs_of_tags']} scanned units")
        missing.append("repair costs per tag")
    return Ability("maintenance", can, cannot, missing)


def _quality(e: Evidence) -> Ability:
    graded = e.counts["tags_graded"]
    can = [f"grade of {graded:,} of {e.counts['tags']:,} scanned units"] if graded else []
    cannot = [] if graded else ["grades of units: none is graded"]
    missing = []
    changes, scans = e.counts["grade_changes"], e.counts["scans_graded"]
    if changes < NEEDED_LABELS:
        cannot.append(f"how grades fall with use: the grade changes in {changes} of {scans:,} graded scans")
        missing.append(f"a fresh grade at each return; {NEEDED_LABELS} or more changes")
    else:
        can.append(f"how grades change with use, from {changes:,} changes in {scans:,} graded scans")
    return Ability("quality", can, cannot, missing)


def _pricing(e: Evidence) -> Ability:
    can = [f"rates in force, for {e.rate_ratio:.0%} of out scans"] if e.rate_ratio else []
    cannot, missing = [], []
    varied = e.counts["items_with_several_prices"]
    if not e.counts["pos_lines_priced"]:
        cannot.append("price paid: there are no POS lines with a price")
        missing.append("pos_transactions and pos_transaction_items")
    if varied:
        can.append(f"effect of price on demand for {varied:,} items rented at several prices")
    else:
        cannot.append("effect of price on demand: no price varies; elasticity is the stated prior")
    return Ability("pricing", can, cannot, missing)


def _inventory(e: Evidence) -> Ability:
    can = [f"units on hand: {e.fleet_units:,} that can be rented"] if e.fleet_units else []
    cannot = [] if e.fleet_units else ["units on hand: no scanned item is in the item master"]
    missing = []
    if e.counts["scans_back"]:
        can.append(
            f"what is out now, from {e.counts['scans_back']:,} back scans; units never scanned back count by their next sight"
        )
    else:
        cannot.append("what is out now: nothing is ever scanned back")
    if e.inferred_store_ratio > 0.5 or e.stores < 2:
        cannot.append("moves between stores: units are placed by their class, not by where they stand")
        missing.append("the store of each tag (current_store)")
    if not e.counts["tags_with_reorder_level"]:
        cannot.append("the shop's own reorder levels: reorder_min is empty")
    return Ability("inventory", can, cannot, missing)


def _packs(e: Evidence) -> Ability:
    baskets = e.counts["baskets"]
    enough = baskets >= NEEDED_LABELS
    can = [f"classes that leave together, from {baskets:,} contracts of two classes or more"] if enough else []
    cannot = [] if enough else [f"classes that leave together: {baskets} contracts have two classes or more"]
    missing = [] if enough else [f"{NEEDED_LABELS} contracts of two classes or more"]
    if e.counts["tags_in_packs"]:
        can.append(f"units set aside for packs: {e.counts['tags_in_packs']:,}")
    return Ability("packs", can, cannot, missing)
