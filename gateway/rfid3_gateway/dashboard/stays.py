"""How long were units out, which were never sent out, and how many are there? Statements over RFID3's scans and items, summed by class.

A unit is out from an out scan to its next scan of any kind, at most four weeks (the longest period of RFID3's rate cards); so a
departure scanned twice, or corrected, counts once. A unit that was not scanned again is out until now where its item says so, and
else as long as others usually stayed: a third of all rentals of a real shop end without a scan. Everything is summed by the
database; rows come per class and pair of store codes.
"""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Subquery, and_, case, func, literal, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from rfid3_shared.source.tables import items, scans
from rfid3_shared.source.vocabulary import GONE_STATUSES, NOT_RENTED_BINS, OUT_SCAN_TYPES, OUT_STATUSES

DAY_S = 86_400
EPOCH = datetime.combine(date(1970, 1, 1), time.min)
LONGEST_STAY_DAYS = 28
SAME_DEPARTURE_S = 3600
"""An out scan followed by another scan within an hour is the same departure seen twice, not a stay."""


class SecondsOf(GenericFunction[int]):
    """Seconds of a naive time since 1970, whatever zone it is in: only differences count."""

    type = Integer()
    name = "rfid3_seconds_of"
    inherit_cache = True


@compiles(SecondsOf, "sqlite")
def _sqlite(element: SecondsOf, compiler: SQLCompiler, **given: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **given)}) AS INTEGER)"


@compiles(SecondsOf, "mysql")
@compiles(SecondsOf, "mariadb")
def _mysql(element: SecondsOf, compiler: SQLCompiler, **given: Any) -> str:
    return f"TIMESTAMPDIFF(SECOND, '1970-01-01', {compiler.process(element.clauses, **given)})"


def seconds_of(at: datetime) -> int:
    """The same of a Python time."""
    return int((at - EPOCH).total_seconds())


def select_usual_stay(since: datetime, end: datetime) -> Select[Any]:
    """Mean seconds from an out scan to the unit's next scan, of units that were scanned again. One column."""
    m = _moves(since, end).c
    gap = m.next_s - m.at_s
    stay = case((gap > LONGEST_STAY_DAYS * DAY_S, LONGEST_STAY_DAYS * DAY_S), else_=gap)
    return select(func.avg(stay)).where(m.is_out == 1, m.next_s.is_not(None), gap >= SAME_DEPARTURE_S)


def select_use(since: datetime, recent: datetime, end: datetime, usual_stay_s: int) -> Select[Any]:
    """Units in service that were scanned from `since` up to but without `end`, by class and store codes.

    Columns: rental_class, current_store, home_store, seen (units), left (units that went out at least once), out_s (seconds that
    all of them were out from `recent` on).
    """
    recent_s, end_s, longest_s = seconds_of(recent), seconds_of(end), LONGEST_STAY_DAYS * DAY_S
    m = _moves(since, end).c
    stay_end = _least(m.next_s, m.at_s + longest_s)
    ended = case((and_(m.is_out == 1, m.next_s.is_not(None)), _span(m.at_s, stay_end, recent_s)), else_=0)
    open_at = case((and_(m.is_out == 1, m.next_s.is_(None)), m.at_s))
    tags = (
        select(
            m.tag_id, func.max(m.is_out).label("left_once"), func.sum(ended).label("ended_s"), func.max(open_at).label("open_s")
        )
        .group_by(m.tag_id)
        .subquery("tags")
    )  # fmt: skip
    t = tags.c
    # two look-ups by key instead of a join on trim(), which no server answers from an index: some tags begin with a blank
    own, blank = items.alias("own"), items.alias("blank")

    def item(name: str) -> ColumnElement[Any]:
        return func.coalesce(own.c[name], blank.c[name])

    until = case((item("status").in_(OUT_STATUSES), end_s), else_=_least(literal(end_s), t.open_s + usual_stay_s))
    out_s = t.ended_s + case((t.open_s.is_not(None), _span(t.open_s, until, recent_s)), else_=0)
    cls = func.trim(item("rental_class_num"))
    keys = (cls, item("current_store"), item("home_store"))
    return (
        select(*keys, func.count(), func.sum(t.left_once), func.sum(out_s))
        .select_from(tags.outerjoin(own, own.c.tag_id == t.tag_id).outerjoin(blank, blank.c.tag_id == literal(" ") + t.tag_id))
        .where(cls != "", *_in_service(item("status"), item("bin_location")))
        .group_by(*keys)
    )


def select_in_service() -> Select[Any]:
    """Tagged units that are neither sold, missing nor for resale: rental_class, current_store, home_store, units."""
    i = items.c
    cls = func.trim(i.rental_class_num)
    keys = (cls, i.current_store, i.home_store)
    query = select(*keys, func.count()).where(i.item_num.is_(None), cls != "", *_in_service(i.status, i.bin_location))
    return query.group_by(*keys)


def _moves(since: datetime, end: datetime) -> Subquery:
    """Every scan with the time of the same unit's next one: tag_id (trimmed), is_out, at_s, next_s (null for the last)."""
    s = scans.c
    tag, at_s = func.trim(s.tag_id), SecondsOf(s.scan_date)
    following = func.lead(at_s, type_=Integer).over(partition_by=tag, order_by=(s.scan_date, s.id))
    is_out = case((s.scan_type.in_(OUT_SCAN_TYPES), 1), else_=0)
    query = select(tag.label("tag_id"), is_out.label("is_out"), at_s.label("at_s"), following.label("next_s"))
    return query.where(s.scan_date >= since, s.scan_date < end, tag != "").subquery("moves")


def _in_service(status: ColumnElement[Any], bin_location: ColumnElement[Any]) -> tuple[ColumnElement[bool], ...]:
    return (
        or_(status.is_(None), func.trim(status).not_in(GONE_STATUSES)),
        or_(bin_location.is_(None), bin_location.not_in(NOT_RENTED_BINS)),
    )


def _least(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """The smaller of two; SQLite's and MySQL's own functions for it have different names."""
    return case((one < other, one), else_=other)


def _span(start: ColumnElement[Any], end: ColumnElement[Any], since_s: int) -> ColumnElement[Any]:
    """Seconds from start to end that lie after `since_s`."""
    begin = case((start > since_s, start), else_=literal(since_s))
    return case((end > begin, end - begin), else_=0)
