"""What was predicted, and how did it turn out? `rfid3 ledger show | accuracy | feedback | score`."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, TypeVar, get_args

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import select, union
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.command_store import with_store
from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict, NotFound
from rfid3_shared.jobs import enqueue, job_schedules, prediction_jobs, similar_names
from rfid3_shared.jobs.commands import watch as watch_job
from rfid3_shared.ledger.feedback import give_feedback
from rfid3_shared.ledger.live import LiveAccuracy, LiveErrors, live_accuracy
from rfid3_shared.ledger.lookup import Recorded, get_prediction, list_predictions
from rfid3_shared.ledger.prediction import ROLES, PredictionType
from rfid3_shared.settings import Settings

app = typer.Typer(help="Predictions that were shown, what happened, and how good they were.", no_args_is_help=True)
R = TypeVar("R")
SCORE_KIND, COMMAND_LINE = "score", "command line"
KINDS: tuple[str, ...] = get_args(PredictionType)
Kind = Annotated[str, typer.Option("--type", help=f"Kind of prediction: {', '.join(KINDS)}.")]
Item = Annotated[str | None, typer.Option(help="Only this class, item or pack.")]
Category = Annotated[str | None, typer.Option(help="Only this category.")]
Store = Annotated[str | None, typer.Option(help="Only this store, or ALL.")]
Days = Annotated[int, typer.Option(min=1, help="Days back that predictions speak of.")]
Role = Annotated[str, typer.Option(help="`shown` to somebody, or made beside it by a version in `shadow`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@app.command()
def show(
    prediction_id: Annotated[str | None, typer.Argument(help="One prediction, with everything known of it, as JSON.")] = None,
    kind: Kind = "demand", item: Item = None, category: Category = None, store: Store = None, role: Role = "shown",
    scored: Annotated[bool | None, typer.Option("--scored/--waiting", help="Only those with, or without, a score.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=1000)] = 20, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show recorded predictions with their outcomes, newest first."""
    if prediction_id:
        Console().print_json(data=_in_store(lambda db: get_prediction(db, prediction_id)).as_dict())
        return
    _check(kind, role)
    found = _in_store(
        lambda db: list_predictions(
            db, prediction_type=kind, item=item, category=category, store=store, role=role, scored=scored, limit=limit
        )
    )
    if as_json:
        Console().print_json(data=[row.as_dict() for row in found])
        return
    table = Table("prediction", "speaks of", "days ahead", "predicted", "interval", "happened", "error", "inside", "version")
    for row in found:
        table.add_row(*(escape(cell) for cell in _cells(row)))
    Console().print(table)


@app.command()
def accuracy(
    kind: Kind = "demand", days: Days = 90, item: Item = None, category: Category = None, store: Store = None,
    role: Role = "shown", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show how good predictions were whose outcome is known, by how many weeks they looked ahead."""
    _check(kind, role)
    since = Clock(Settings().time_zone).today() - timedelta(days=days)
    found = _in_store(
        lambda db: live_accuracy(
            db, kind, since=since, role=role, target_item_id=item, target_category=category, store=store, by_horizon=True
        )
    )
    if as_json:
        Console().print_json(data=asdict(found), default=str)
        return
    _print_accuracy(found, since)


@app.command()
def feedback(
    prediction_id: Annotated[str, typer.Argument(help="The prediction's id, as its answer or `rfid3 ledger show` gives it.")],
    rating: Annotated[int | None, typer.Option(help="1 (useless) to 5 (just right).")] = None,
    override: Annotated[float | None, typer.Option(help="The value used instead; needs --reason.")] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Rate a prediction, or write down what was done instead and why."""
    given = _in_store(
        lambda db: give_feedback(
            db, prediction_id, rating=rating, override_value=override, reason=reason, given_by=COMMAND_LINE, clock=Clock()
        )
    )
    Console().print_json(data=given.as_dict())


@app.command()
def score(
    service: Annotated[str | None, typer.Option(help="Only this service; without it, every one that scores.")] = None,
    watch: Annotated[bool, typer.Option("--watch/--no-watch", help="Follow the job until it is done.")] = True,
) -> None:
    """Hold predictions against what happened: ask for the scoring job and follow it.

    One that is under way already is followed. Exit code 0 when all succeeded, 1 when not.
    """

    ids = with_store(lambda engine: _ask(engine, service))
    if not watch:
        for job_id in ids:
            typer.echo(job_id)
        return
    if [job_id for job_id in ids if not _succeeds(job_id)]:
        raise typer.Exit(1)


def _succeeds(job_id: str) -> bool:
    try:
        watch_job(job_id)
    except typer.Exit:
        return False
    return True


async def _ask(engine: AsyncEngine, service: str | None) -> list[str]:
    """Ids of the scoring jobs of one service, or of all that score; one that is under way is not asked for again.

    Raises NotFound for a service that nobody knows, and when none is known.
    """
    ids = []
    async with transaction(engine) as connection:
        for name in [service] if service else await _scoring_services(connection):
            if similar := (await similar_names(connection, service=name, kind=None)).get("service"):
                raise NotFound(f"No service is called {name!r}: did you mean {' or '.join(similar)}?", known=similar)
            try:
                job = await enqueue(
                    connection, service=name, kind=SCORE_KIND, arguments={}, requested_by=COMMAND_LINE, clock=Clock()
                )
                ids.append(job.id)
            except Conflict as fault:
                ids.append(fault.details["job_id"])
    return ids


async def _scoring_services(connection: AsyncConnection) -> list[str]:
    known = [table.c.service for table in (job_schedules, prediction_jobs)]
    query = union(*(select(name).where(name.table.c.kind == SCORE_KIND) for name in known))
    if services := sorted((await connection.execute(query)).scalars()):
        return services
    raise NotFound("No service has ever scored here. Start the suite (`rfid3 up`), or name one: --service demand.")


def _print_accuracy(found: LiveAccuracy, since: date) -> None:
    console = Console()
    if not found.predictions:
        console.print(f"No prediction for a day since {since} is scored yet; waiting for what happens: {found.waiting}.")
        return
    table = Table("predictions", "count", "targets", "WAPE", "MAE", "RMSE", "bias", "inside their intervals")
    table.add_row("latest of each target", *_figures(found.latest))
    table.add_row("all that were shown", *_figures(found))
    for weeks, errors in found.by_horizon_weeks.items():
        table.add_row(f"  {weeks} week{'s' if weeks > 1 else ''} ahead", *_figures(errors))
    console.print(table)
    at = f", scored last {found.last_scored_at:%Y-%m-%d %H:%M} UTC" if found.last_scored_at else ""
    console.print(f"Days {found.first_day} to {found.last_day}{at}; waiting for what happens: {found.waiting}.")


def _figures(errors: LiveErrors) -> list[str]:
    held = ", ".join(f"{part.share:.1%} of {part.level:.0%}" for part in errors.coverage)
    numbers = [f"{value:.2f}" if value is not None else "–" for value in (errors.mae, errors.rmse, errors.bias)]
    return [
        str(errors.predictions), str(errors.targets), "–" if errors.wape is None else f"{errors.wape:.1%}", *numbers, held or "–"
    ]  # fmt: skip


def _cells(row: Recorded) -> list[str]:
    what = " · ".join(part for part in (row.target_item_id, row.target_category, row.store, str(row.prediction_date)) if part)
    interval = ""
    if row.confidence_lower is not None and row.confidence_upper is not None:
        interval = f"{row.confidence_lower:g}–{row.confidence_upper:g} ({row.interval_level:.0%})"
    return [
        row.prediction_id, what, str(row.horizon_days), f"{row.predicted_value:g}", interval,
        "" if row.actual_value is None else f"{row.actual_value:g}", "" if row.error is None else f"{row.error:+g}",
        "" if row.inside_interval is None else "yes" if row.inside_interval else "no", row.model_version,
    ]  # fmt: skip


def _check(kind: str, role: str) -> None:
    for name, value, known in (("--type", kind, KINDS), ("--role", role, ROLES)):
        if value not in known:
            raise typer.BadParameter(f"there are {', '.join(known)}", param_hint=name)


def _in_store(use: Callable[[AsyncConnection], Awaitable[R]]) -> R:
    """What `use` makes of one transaction on the store."""

    async def in_transaction(engine: AsyncEngine) -> R:
        async with transaction(engine) as connection:
            return await use(connection)

    return with_store(in_transaction)


__all__ = ["app"]
