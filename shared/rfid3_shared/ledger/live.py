"""How good were the predictions that people were shown? Added up over scored rows, in SQL.

A target (a class's week, say) is predicted many times: weeks ahead and again nearer to it, by several versions, at several levels.
What the ledger holds is what was shown, so `live_accuracy` counts each prediction, and beside it, as `latest`, one for each target:
that of the shortest horizon, among equals the one recorded first: what is said later in a week knows part of its outcome, which no
back-test does. Monitors read `weekly_scores`, which is of the latter kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from math import sqrt

from sqlalchemy import ColumnElement, Integer, RowMapping, Subquery, and_, case, cast, func, literal_column, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.ledger.outcomes import Target, predictions
from rfid3_shared.ledger.tables import analytics_predictions

IS_SCORED = and_(func.coalesce(predictions.validated_at, null()).is_not(None), predictions.actual_value.is_not(None))
"""Void rows (`void`) have no outcome. Inside a function, lest
MariaDB takes the index of scored rows, which are nearly all, before that of days (3 s against 0.4)."""

WEEKS_AHEAD = (predictions.horizon_days + 6) // 7


@dataclass(frozen=True)
class Coverage:
    """How many of the outcomes lay inside the intervals of one nominal level."""

    level: float
    predictions: int
    inside: int

    @property
    def share(self) -> float:
        """Of outcomes inside; for honest intervals near `level`."""
        return self.inside / self.predictions


@dataclass(frozen=True)
class LiveErrors:
    """Errors of scored predictions; None where there is nothing to divide by.

    `mae`, `rmse`, `bias` (mean of predicted minus actual) and `pinball` (mean loss at the interval's ends) are in the unit
    predicted; `mape` is in percent over outcomes above 0; `wape` is the sum of |errors| over the sum of |outcomes|.
    """

    predictions: int
    targets: int
    weeks: int
    mae: float | None
    rmse: float | None
    mape: float | None
    wape: float | None
    bias: float | None
    pinball: float | None
    coverage: tuple[Coverage, ...]


@dataclass(frozen=True)
class LiveAccuracy(LiveErrors):
    """Errors of every prediction in the span, of the latest for each target, and by weeks ahead where asked for.

    `waiting` counts predictions of the span without a known outcome.
    """

    latest: LiveErrors
    first_day: date | None
    last_day: date | None
    last_scored_at: datetime | None
    waiting: int
    by_horizon_weeks: dict[int, LiveErrors] = field(default_factory=dict)


@dataclass(frozen=True)
class WeekScore:
    """One prediction for each target of a day: sums of |error| and |outcome|, and how many intervals held.

    `level` is the mean nominal level of those `with_interval`, 0 without any.
    """

    day: date
    predictions: int
    absolute_error: float
    actual: float
    inside: int
    with_interval: int
    level: float


async def live_accuracy(
    connection: AsyncConnection, prediction_type: str, *, since: date, until: date | None = None, role: str = "shown",
    model_version: str | None = None, model_type: str | None = None, target_item_id: str | None = None,
    target_category: str | None = None, store: str | None = None, level: float | None = None, by_horizon: bool = False,
) -> LiveAccuracy:  # fmt: skip
    """How good predictions for days from `since` to `until` were; what is None is not asked for.

    `by_horizon` adds the errors by whole weeks that the day lay ahead.
    """
    wanted = {
        "prediction_type": prediction_type, "role": role, "model_version": model_version, "model_type": model_type,
        "target_item_id": target_item_id, "target_category": target_category, "store": store,
        "interval_level": None if level is None else round(level, 4),
    }  # fmt: skip
    asked = [predictions[name] == value for name, value in wanted.items() if value is not None]
    asked += [predictions.prediction_date >= since, *([predictions.prediction_date <= until] if until else [])]
    scored = [*asked, IS_SCORED]
    tallies = await _tallies(connection, scored, by_horizon=by_horizon)
    latest = [tally for tally in tallies if tally["is_latest"]]
    span = select(
        func.count(predictions.prediction_date.distinct()), func.min(predictions.prediction_date),
        func.max(predictions.prediction_date), func.max(predictions.validated_at),
    ).where(*scored)  # fmt: skip
    weeks, first_day, last_day, scored_at = (await connection.execute(span)).one()
    waiting = select(func.count()).select_from(analytics_predictions).where(*asked, predictions.validated_at.is_(None))
    targets = sum(tally["count"] for tally in latest)
    return LiveAccuracy(
        **vars(_added_up(tallies, targets, weeks)), latest=_added_up(latest, targets, weeks), first_day=first_day,
        last_day=last_day, last_scored_at=scored_at and scored_at.replace(tzinfo=UTC),
        waiting=(await connection.execute(waiting)).scalar_one(),
        by_horizon_weeks=await _by_horizon(connection, scored, tallies) if by_horizon else {},
    )  # fmt: skip


async def weekly_scores(
    connection: AsyncConnection, prediction_type: str, *, since: date, role: str = "shown", model_type: str | None = None,
    target_item_id: str | None = None, store: str | None = None,
) -> list[WeekScore]:  # fmt: skip
    """Scores of the latest prediction for each target, by the day they speak of, from `since` on; oldest first.

    `model_type` leaves out other models that were asked for by name; `target_item_id` (empty: no single class) and `store` narrow
    the targets.
    """
    narrowed = {"model_type": model_type, "target_item_id": target_item_id, "store": store}
    asked = [predictions.prediction_type == prediction_type, predictions.role == role, predictions.prediction_date >= since]
    asked += [predictions[name] == value for name, value in narrowed.items() if value is not None]
    rows = _ranked([*asked, IS_SCORED])
    judged = case((rows.c.inside_interval.is_not(None), rows.c.interval_level))
    query = select(
        rows.c.prediction_date, func.count(), func.sum(func.abs(rows.c.error)), func.sum(func.abs(rows.c.actual_value)),
        func.coalesce(func.sum(cast(rows.c.inside_interval, Integer)), 0), func.count(rows.c.inside_interval),
        func.coalesce(func.avg(judged), 0.0),
    ).where(rows.c.place == 1).group_by(rows.c.prediction_date).order_by(rows.c.prediction_date)  # fmt: skip
    return [
        WeekScore(day, count, float(error), float(actual), int(inside), judged, float(level))
        for day, count, error, actual, inside, judged, level in await connection.execute(query)
    ]


def _ranked(scored: Sequence[ColumnElement[bool]]) -> Subquery:
    """Scored rows with their place among those of the same target; 1 is the latest.

    Targets begin with the day, as the index does, so that SQLite sorts a few rows at a time.
    """
    kept = ("prediction_date", "interval_level", "actual_value", "error", "pinball_loss", "inside_interval")
    target = [predictions[name] for name in reversed(Target._fields)]
    place = func.row_number().over(partition_by=target, order_by=[predictions.horizon_days, predictions.id])
    return (
        select(*(predictions[name] for name in kept), WEEKS_AHEAD.label("weeks_ahead"), place.label("place"))
        .where(*scored)
        .subquery()
    )


async def _tallies(
    connection: AsyncConnection, scored: Sequence[ColumnElement[bool]], *, by_horizon: bool
) -> Sequence[RowMapping]:
    """Counts and sums by interval level, by whether they are the latest of their targets, and by weeks ahead if wanted."""
    rows = _ranked(scored)
    error, actual = rows.c.error, rows.c.actual_value
    groups = {
        "level": rows.c.interval_level, "is_latest": case((rows.c.place == 1, 1), else_=0),
        "week": rows.c.weeks_ahead if by_horizon else literal_column("0"),
    }  # fmt: skip
    sums = {
        "count": func.count(), "absolute": func.sum(func.abs(error)), "square": func.sum(error * error), "signed": func.sum(error),
        "amount": func.sum(func.abs(actual)), "share": func.sum(case((actual > 0, func.abs(error) / actual))),
        "busy": func.count(case((actual > 0, 1))), "loss": func.sum(rows.c.pinball_loss),
        "judged": func.count(rows.c.inside_interval), "inside": func.sum(cast(rows.c.inside_interval, Integer)),
    }  # fmt: skip
    columns = [value.label(name) for name, value in (groups | sums).items()]
    return (await connection.execute(select(*columns).group_by(*groups))).mappings().all()


async def _by_horizon(
    connection: AsyncConnection, scored: Sequence[ColumnElement[bool]], tallies: Sequence[RowMapping]
) -> dict[int, LiveErrors]:
    target = [predictions[name] for name in Target._fields]
    each = select(WEEKS_AHEAD.label("week"), *target).where(*scored).distinct().subquery()
    spread = select(each.c.week, func.count(), func.count(each.c.prediction_date.distinct())).group_by(each.c.week)
    return {
        int(week): _added_up([tally for tally in tallies if tally["week"] == week], targets, weeks)
        for week, targets, weeks in await connection.execute(spread.order_by("week"))
    }


def _added_up(parts: Sequence[RowMapping], targets: int, weeks: int) -> LiveErrors:
    """Errors from counts and sums."""

    def total(name: str) -> float:
        return sum(float(part[name] or 0) for part in parts)

    count, amount, busy, judged = (total(name) for name in ("count", "amount", "busy", "judged"))
    if not count:
        return LiveErrors(0, 0, 0, None, None, None, None, None, None, ())
    levels = {float(part["level"]): [it for it in parts if it["level"] == part["level"]] for part in parts if part["judged"]}
    return LiveErrors(
        predictions=int(count), targets=targets, weeks=weeks, mae=total("absolute") / count, rmse=sqrt(total("square") / count),
        mape=100 * total("share") / busy if busy else None, wape=total("absolute") / amount if amount else None,
        bias=total("signed") / count, pinball=total("loss") / judged if judged else None,
        coverage=tuple(
            Coverage(level, sum(it["judged"] for it in its), sum(int(it["inside"] or 0) for it in its))
            for level, its in sorted(levels.items())
        ),
    )  # fmt: skip
