"""Which outside factors went with demand, how strongly, and how sure is that? The last analysis as it was kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.external.correlation import NEEDED_WEEKS, SIGNIFICANT_Q, Correlation, NotEnough
from rfid3_shared.external.tables import external_analyses, external_correlations


@dataclass(frozen=True)
class Findings:
    """The last analysis; `computed_at` is None before the first."""

    computed_at: datetime | None
    data_as_of: date | None
    total_factors: int
    date_range: tuple[date, date] | None
    """First and last day of any factor looked at."""
    tried: int
    """Factors × metrics × lags that were looked at, for which `q_value` makes up."""
    correlations: list[Correlation]
    """Surest first."""
    not_enough: list[NotEnough]
    method: str = ""
    """How season was taken out, in plain words."""


async def latest_findings(store_connection: AsyncConnection) -> Findings:
    """What the last analysis found."""
    newest = select(external_analyses).order_by(external_analyses.c.id.desc()).limit(1)
    run = (await store_connection.execute(newest)).mappings().one_or_none()
    if run is None:
        return Findings(None, None, 0, None, 0, [], [])
    names = tuple(Correlation.__dataclass_fields__)
    rows = await store_connection.execute(select(*(external_correlations.c[name] for name in names)))
    found = sorted(
        (Correlation(*row) for row in rows), key=lambda one: (one.q_value, -abs(one.effect), one.factor_name, one.lag_weeks)
    )
    span = None if run["first_date"] is None else (run["first_date"], run["last_date"])
    too_few = [NotEnough(name, weeks) for _, name, weeks in run["not_enough"]]
    return Findings(
        run["computed_at"], run["data_as_of"], run["total_factors"], span, run["tried"], found, too_few, run["method"]
    )


async def keep_findings(store_connection: AsyncConnection, found: Findings, too_few: Sequence[tuple[str, str, int]]) -> None:
    """Put an analysis in the place of the one before, in the caller's transaction. too_few: factor_type, factor_name, weeks."""
    first, last = found.date_range or (None, None)
    run = {
        "computed_at": found.computed_at, "data_as_of": found.data_as_of, "total_factors": found.total_factors, "first_date": first,
        "last_date": last, "tried": found.tried, "not_enough": [list(each) for each in too_few], "method": found.method,
    }  # fmt: skip
    for table in (external_correlations, external_analyses):
        await store_connection.execute(delete(table))
    await store_connection.execute(insert(external_analyses), run)
    moment = {"computed_at": found.computed_at, "data_as_of": found.data_as_of, "tried": found.tried}
    if found.correlations:
        await store_connection.execute(insert(external_correlations), [{**vars(one), **moment} for one in found.correlations])


__all__ = ["NEEDED_WEEKS", "SIGNIFICANT_Q", "Correlation", "Findings", "NotEnough", "keep_findings", "latest_findings"]
