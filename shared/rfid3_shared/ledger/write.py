"""How do predictions get into the table, each once?"""

import asyncio
from collections.abc import Sequence

from sqlalchemy import Insert
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.db import transaction
from rfid3_shared.ledger.metrics import RECORDED, REFUSED
from rfid3_shared.ledger.prediction import Prediction
from rfid3_shared.ledger.tables import analytics_predictions
from rfid3_shared.log import get_logger

STORE_TIMEOUT_S = 5.0
log = get_logger("ledger.write")


def insert_new(dialect: str) -> Insert:
    """An INSERT that passes over rows whose key is there, and over nothing else.

    MySQL's INSERT IGNORE would also cut long names and clamp numbers.
    """
    if dialect == "sqlite":
        return sqlite.insert(analytics_predictions).on_conflict_do_nothing()
    return mysql.insert(analytics_predictions).on_duplicate_key_update(id=analytics_predictions.c.id)


async def write(engine: AsyncEngine, rows: Sequence[Prediction]) -> None:
    """Write rows that are new; a row the store can never take is counted and passed over.

    Raises StoreUnavailable, SQLAlchemyError or TimeoutError when the store does not take them now.
    """
    statement = insert_new(engine.dialect.name)
    async with asyncio.timeout(STORE_TIMEOUT_S):
        try:
            async with transaction(engine) as connection:
                await connection.execute(statement, [row.as_row() for row in rows])
            RECORDED.inc(len(rows))
        except StatementError as fault:
            if not _is_refusal(fault):
                raise
            async with transaction(engine) as connection:
                await _one_by_one(connection, statement, rows)


async def _one_by_one(connection: AsyncConnection, statement: Insert, rows: Sequence[Prediction]) -> None:
    for row in rows:
        try:
            await connection.execute(statement, row.as_row())
            RECORDED.inc()
        except StatementError as fault:
            if not _is_refusal(fault):
                raise
            REFUSED.inc()
            log.error("prediction_refused", prediction_type=row.prediction_type, fault=type(fault).__name__)


def _is_refusal(fault: StatementError) -> bool:
    """Whether the row is at fault: it breaks a rule of the table, or cannot even be put into the statement."""
    return isinstance(fault, (DataError, IntegrityError)) or not isinstance(fault, DBAPIError)
