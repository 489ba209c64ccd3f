"""Versions get states and a history, predictions an id, a role and scores; outcomes, schedules, flags, alerts and features arrive.

Rows that were there get what is true of them. Every version served as soon as it was published and until the next one was, so
that is its history. Every prediction was shown; its id is the one that showing it again would give it.
"""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Any

import orjson
from alembic import op
from sqlalchemy import Column, Connection, MetaData, Row, String, Table, delete, func, insert, select, update

from rfid3_shared.migrations import tables_0001 as before
from rfid3_shared.migrations.reshape import add_columns, create_missing, drop_present, settle, without_revision
from rfid3_shared.migrations.tables_0001 import Identity, registry_current
from rfid3_shared.migrations.tables_0002 import (
    NEW,
    analytics_predictions,
    ml_model_performance,
    prediction_jobs,
)
from rfid3_shared.migrations.tables_0002 import registry_events as events

revision = "0002"
down_revision = "0001"

KEY = (
    "prediction_type", "target_item_id", "target_category", "store", "prediction_date", "horizon_days", "model_version",
    "model_type", "interval_level", "role",
)  # fmt: skip
BATCH_ROWS = 5000
PUBLISHED = "published, before there were states: every version served at once"
REPLACED = "{} took its place: " + PUBLISHED


def upgrade() -> None:
    """Add tables and columns, fill them for the rows that are there, then hold them to the new rules."""
    bind = op.get_bind()
    create_missing(bind, NEW)
    for table, fill in ((prediction_jobs, None), (ml_model_performance, _fill_states), (analytics_predictions, _fill_ids)):
        add_columns(bind, table)
        if fill:
            fill(bind)
        settle(bind, table)


def downgrade() -> None:
    """Take away what revision 0002 brought, with its rows; predictions that nobody was shown go too, 0001 cannot tell them apart."""
    bind = op.get_bind()
    with without_revision(bind, revision):
        bind.execute(delete(analytics_predictions).where(analytics_predictions.c.role != "shown"))
        for table in (before.analytics_predictions, before.ml_model_performance, before.prediction_jobs):
            settle(bind, table)
        drop_present(bind, NEW)


def _fill_states(bind: Connection) -> None:
    """One transaction: a version without the moment its state began has no history yet."""
    versions = ml_model_performance.c
    query = select(
        versions.id, versions.service_name, versions.model_version, versions.created_at, registry_current.c.switched_at
    )
    is_current = (registry_current.c.service == versions.service_name) & (
        registry_current.c.model_version == versions.model_version
    )
    query = query.outerjoin_from(ml_model_performance, registry_current, is_current).where(versions.state_since.is_(None))
    # the one that serves now became current last, whenever it was published
    rows = bind.execute(query.order_by(versions.service_name, registry_current.c.switched_at.is_not(None), versions.id)).all()
    for service, of_service in groupby(rows, lambda row: row.service_name):
        line = list(of_service)
        # a way back that ended half-way leaves events of versions that have no state any more
        names = [version.model_version for version in line]
        bind.execute(delete(events).where(events.c.service == service, events.c.model_version.in_(names)))
        for version, successor in zip(line, [*line[1:], None], strict=True):
            _give_history(bind, version, successor)
    _commit(bind)


def _give_history(bind: Connection, version: Row[*tuple[Any, ...]], successor: Row[*tuple[Any, ...]] | None) -> None:
    began = version.switched_at or version.created_at
    moves = [("candidate", "champion", PUBLISHED, began)]
    if version.switched_at is None:
        ended = (successor.switched_at or successor.created_at) if successor else version.created_at
        reason = REPLACED.format(successor.model_version) if successor else PUBLISHED
        moves.append(("champion", "retired", reason, max(began, ended)))
    names = ("from_state", "to_state", "reason", "changed_at")
    who = {"service": version.service_name, "model_version": version.model_version, "changed_by": "publish"}
    bind.execute(insert(events), [{**who, **dict(zip(names, move, strict=True))} for move in moves])
    _, state, reason, since = moves[-1]
    change = update(ml_model_performance).where(ml_model_performance.c.id == version.id)
    bind.execute(change.values(state=state, state_reason=reason, state_since=since))


def prediction_id(key: Sequence[Any]) -> str:
    """The id of a prediction from its values of `KEY`, in that order: a frozen copy of what `ledger.Prediction.id` does."""
    *names, interval_level, role = key
    return blake2b(orjson.dumps((*names, f"{interval_level:.4f}", role)), digest_size=16).hexdigest()


def _fill_ids(bind: Connection) -> None:
    """In batches, through a temporary table: MariaDB takes many rows in one INSERT, but not in one UPDATE."""
    table, last = analytics_predictions, 0
    ids = Table(
        "prediction_ids_0002", MetaData(), Column("id", Identity, primary_key=True, autoincrement=False),
        Column("prediction_id", String(32), nullable=False), prefixes=["TEMPORARY"],
    )  # fmt: skip
    ids.create(bind)
    query = select(table.c.id, *(table.c[name] for name in KEY)).order_by(table.c.id).limit(BATCH_ROWS)
    while rows := bind.execute(query.where(table.c.prediction_id.is_(None), table.c.id > last)).all():
        bind.execute(insert(ids), [{"id": row[0], "prediction_id": prediction_id(row[1:])} for row in rows])
        found = select(ids.c.prediction_id).where(ids.c.id == table.c.id).scalar_subquery()
        between = table.c.id.between(rows[0].id, rows[-1].id)
        bind.execute(update(table).where(between, table.c.prediction_id.is_(None)).values(prediction_id=found))
        bind.execute(delete(ids))
        _commit(bind)
        last = rows[-1].id
    ids.drop(bind)
    _tell_apart(bind)


def _tell_apart(bind: Connection) -> None:
    """Give rows that would share an id with an older one an id of their own.

    SQLite kept interval levels unrounded, so that 0.8 and 0.80001 were two predictions; four decimals count now. No row is lost.
    """
    table = analytics_predictions
    first = (
        select(table.c.prediction_id, func.min(table.c.id).label("id")).group_by(table.c.prediction_id).having(func.count() > 1)
    )
    shared = first.subquery()
    later = (table.c.prediction_id == shared.c.prediction_id) & (table.c.id > shared.c.id)
    for row in bind.execute(select(table.c.id, table.c.prediction_id).join(shared, later)).all():
        own = blake2b(f"{row.prediction_id} {row.id}".encode(), digest_size=16).hexdigest()
        bind.execute(update(table).where(table.c.id == row.id).values(prediction_id=own))
    _commit(bind)


def _commit(bind: Connection) -> None:
    """Keep what is done, where the next change of a table would do so anyway; SQLite does all of the upgrade or nothing."""
    if bind.dialect.name != "sqlite":
        bind.commit()
