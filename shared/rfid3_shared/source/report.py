"""How good is the data in the source? Rows, spans, words, orphans, repeats, coverage, and what each service can say from it.

Reads only; SQLite, MariaDB or MySQL. The statements are in `quality_queries`, the verdicts in `abilities`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import UNREACHABLE
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.source import quality_queries as q
from rfid3_shared.source.abilities import Ability, Evidence, can_forecast, judge
from rfid3_shared.source.movements import load_daily_departures, load_fleet, load_store_codes
from rfid3_shared.source.stores import store_id
from rfid3_shared.source.vocabulary import KNOWN, unknown_words

LARGEST = 25
"""Unknown words named per column; the rest are counted as one."""


@dataclass(frozen=True)
class TableSpan:
    """How much a table holds; `rows` is None when the table is not there."""

    table: str
    rows: int | None
    first: date | datetime | None = None
    last: date | datetime | None = None


@dataclass(frozen=True)
class Share:
    """A part of a whole, e.g. rentals whose class has a rate."""

    what: str
    count: int
    of: int

    @property
    def ratio(self) -> float | None:
        """count / of; None when there is nothing to count."""
        return self.count / self.of if self.of else None


@dataclass(frozen=True)
class QualityReport:
    """Everything `rfid3 source check` says."""

    backend: str
    tables: list[TableSpan]
    unknown_words: dict[str, dict[str, int]]
    orphans: list[Share]
    repeats: list[Share]
    stores: list[Share]
    prices: list[Share]
    labels: list[Share]
    factors: list[Share]
    evidence: Evidence
    services: list[Ability]
    can_forecast: bool
    missing_columns: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    """Counts the server could not give; they stand as 0."""

    def as_json(self) -> dict[str, Any]:
        """The report as plain values (dates stay dates)."""
        return asdict(self)


async def quality_report(engine: AsyncEngine, clock: Clock) -> QualityReport:
    """Judge the source's data.

    Raises StoreUnavailable when it cannot be reached.
    """
    try:
        async with engine.connect() as connection:
            return await _report(connection, engine.dialect.name, clock)
    except UNREACHABLE as fault:
        raise StoreUnavailable("The source cannot be read now.") from fault


async def _report(connection: AsyncConnection, backend: str, clock: Clock) -> QualityReport:
    counts, unanswered = await q.count_all(connection)
    spans = await q.spans(connection)
    classes = await _class_coverage(connection)
    # departures and fleet need these tables; without them there is nothing to place
    readable = all(spans[name] for name in ("id_item_master", "id_transactions", "store_mappings", "pos_equipment"))
    daily = await load_daily_departures(connection) if readable and spans["pos_transactions"] else None
    fleet = await load_fleet(connection) if daily is not None else None
    factors = await _factors(connection, spans["id_transactions"])
    evidence = _evidence(counts, classes, daily, fleet, factors, spans, clock)
    repeats = counts["scans_out"] - evidence.departures
    return QualityReport(
        backend=backend,
        tables=[TableSpan(name, *(span or (None,))) for name, span in spans.items()],
        unknown_words=await _unknown_words(connection),
        orphans=[
            Share("scans whose tag is no item", counts["scans_without_item"], counts["scans"]),
            Share("scanned classes without a category", classes["classes"] - classes["mapped"], classes["classes"]),
            Share("out scans of classes without a category", classes["scans"] - classes["scans_mapped"], classes["scans"]),
            Share("scanned classes without a POS item", classes["classes"] - classes["pos"], classes["classes"]),
            Share("POS lines without their contract", counts["pos_lines_without_contract"], counts["pos_lines"]),
        ],
        repeats=[
            Share("scans repeated in the same second", counts["scans_same_second"], counts["scans"]),
            Share("out scans that are no departure of their own", repeats, counts["scans_out"]),
            Share("items whose tag id has blanks around it", counts["tags_with_spaces"], counts["tags"]),
            Share("scans whose tag id has blanks around it", counts["scans_with_spaces"], counts["scans"]),
        ],
        stores=_store_shares("departures", daily) + _store_shares("units in the fleet", fleet),
        prices=[
            Share("scanned classes with rental rates", classes["rated"], classes["classes"]),
            Share("out scans of classes with rental rates", classes["scans_rated"], classes["scans"]),
            Share("scanned classes with a price to sell", classes["priced"], classes["classes"]),
            Share("POS lines with a price", counts["pos_lines_priced"], counts["pos_lines"]),
        ],
        labels=[
            Share("scans with a defect flag", counts["scans_with_defect"], counts["scans"]),
            Share("scans with status Repair", counts["scans_in_repair"], counts["scans"]),
            Share("scans with a grade", counts["scans_graded"], counts["scans"]),
            Share("graded scans that change the grade", counts["grade_changes"], counts["scans_graded"]),
            Share("scanned units with a grade", counts["tags_graded"], counts["tags"]),
            Share("scanned units with a repair cost", counts["repair_costs_of_tags"], counts["tags"]),
            Share("scanned units with a date of creation", counts["tags_dated"], counts["tags"]),
        ],
        factors=factors,
        evidence=evidence,
        services=judge(evidence),
        can_forecast=can_forecast(evidence),
        missing_columns=await q.missing_columns(connection),
        unanswered=unanswered,
    )  # fmt: skip


async def _unknown_words(connection: AsyncConnection) -> dict[str, dict[str, int]]:
    try:
        codes = await load_store_codes(connection)
    except (OperationalError, ProgrammingError):
        codes = {}
    tests = {**KNOWN, "store": lambda code: store_id(code, codes or {}) is not None} if codes else dict(KNOWN)
    found = {}
    for column, (kind, expression) in q.WORDS.items():
        if kind in tests and (unknown := unknown_words(await q.words_of(connection, expression), tests[kind])):
            named = dict(list(unknown.items())[:LARGEST])
            if rest := sum(unknown.values()) - sum(named.values()):
                named["(other words)"] = rest
            found[column] = named
    return found


async def _class_coverage(connection: AsyncConnection) -> dict[str, int]:
    """How many classes and out scans have a category, a POS item, rates and a price to sell."""
    scans_of = {name: int(n) for name, n in await q.rows_of(connection, q.CLASS_SCANS) or [] if name}
    mapped = {str(row[0]) for query in q.MAPPED_CLASSES for row in await q.rows_of(connection, query) or []}
    priced: set[str] = set()
    rated: set[str] = set()
    pos: set[str] = set()
    for number, has_price, has_rates in await q.rows_of(connection, q.POS_ITEMS) or []:
        pos.add(str(number))
        priced.update([str(number)] if has_price else [])
        rated.update([str(number)] if has_rates else [])
    for number, has_price in await q.rows_of(connection, q.EQUIPMENT) or []:
        pos.add(str(number))
        priced.update([str(number)] if has_price else [])
    sets = {"mapped": mapped, "pos": pos, "priced": priced, "rated": rated}
    classes = {name: len(scans_of.keys() & having) for name, having in sets.items()}
    scans = {f"scans_{name}": sum(scans_of[one] for one in scans_of.keys() & having) for name, having in sets.items()}
    return {"classes": len(scans_of), "scans": sum(scans_of.values()), **classes, **scans}


async def _factors(connection: AsyncConnection, scan_span: tuple[Any, ...] | None) -> list[Share]:
    """Per kind of outside factor, the days of the scans' span that it covers, at most from its first to its last day."""
    if not scan_span or not scan_span[1]:
        return []
    first, last = (_day(moment) for moment in scan_span[1:])
    shares = []
    for kind, begins, ends, days in await q.rows_of(connection, q.FACTOR_DAYS) or []:
        overlap = (min(_day(ends), last) - max(_day(begins), first)).days + 1
        shares.append(Share(f"days with {kind} data", max(0, min(overlap, int(days))), (last - first).days + 1))
    return shares


def _day(moment: date | datetime | str) -> date:
    return datetime.fromisoformat(str(moment)[:10]).date()


def _store_shares(what: str, frame: pl.DataFrame | None) -> list[Share]:
    ways = {"tag": "its own", "contract": "its contract's", "class": "inferred by its class", "none": "unknown"}
    if frame is None or frame.is_empty():
        return []
    units = dict(frame.group_by("store_rule").agg(pl.col("units").sum()).iter_rows())
    return [Share(f"{what}, store {way}", units.get(rule, 0), sum(units.values())) for rule, way in ways.items()]


def _evidence(
    counts: Mapping[str, int], classes: Mapping[str, int], daily: pl.DataFrame | None, fleet: pl.DataFrame | None,
    factors: list[Share], spans: Mapping[str, tuple[Any, ...] | None], clock: Clock,
) -> Evidence:  # fmt: skip
    days = daily["day"].sort() if daily is not None and daily.height else None
    pos_span = spans["pos_transactions"]
    weather = [share.ratio or 0.0 for share in factors if share.what == "days with weather data"]
    last = days[-1] if days is not None else None
    departures = int(daily["units"].sum()) if daily is not None else 0
    inferred = int(daily.filter("store_inferred")["units"].sum()) if daily is not None else 0
    return Evidence(
        departures=departures,
        classes=daily["rental_class"].n_unique() if daily is not None else 0,
        weeks=((days[-1] - days[0]).days + 1) / 7 if days is not None else 0.0,
        weeks_with_departures=days.dt.truncate("1w").n_unique() if days is not None else 0,
        pos_weeks=((_day(pos_span[2]) - _day(pos_span[1])).days + 1) / 7 if pos_span and pos_span[1] else 0.0,
        data_as_of=last,
        age_days=max(0, (clock.today() - last).days) if last else None,
        inferred_store_ratio=inferred / max(1, departures),
        stores=daily.filter(pl.col("store") != "000")["store"].n_unique() if daily is not None else 0,
        fleet_units=int(fleet["units"].sum()) if fleet is not None else 0,
        rate_ratio=classes["scans_rated"] / classes["scans"] if classes["scans"] else 0.0,
        weather_ratio=max(weather, default=0.0),
        counts=dict(counts),
    )
