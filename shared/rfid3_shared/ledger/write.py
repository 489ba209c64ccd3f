"""How do predictions get into the table, each once?"""

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Insert
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.db import transaction
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.ledger.metrics import RECORDED, REFUSED
from rfid3_shared.ledger.prediction import Prediction
from rfid3_shared.ledger.tables import analytics_predictions
from rfid3_shared.log import get_logger

STORE_TIMEOUT_S = 5.0
NO_PREDICTION = (TypeError, ValueError, AttributeError)
ROW_FAULTS = {1292, 3140, 3819, 4025}
"""MySQL's and MariaDB's numbers for a value or a JSON text that breaks a rule; the driver calls them operational."""
log = get_logger("ledger.write")


def insert_new(dialect: str) -> Insert:
    """An INSERT that passes over rows whose key is there, and over nothing else.

    MySQL's INSERT IGNORE would also cut long names and clamp numbers.
    """
    if dialect == "sqlite":
        return sqlite.insert(analytics_predictions).on_conflict_do_nothing()
    return mysql.insert(analytics_predictions).on_duplicate_key_update(id=analytics_predictions.c.id)


async def write(engine: AsyncEngine, predictions: Sequence[Prediction]) -> None:
    """Write predictions that are new; one that the store can never take is counted and passed over.

    Raises StoreUnavailable, SQLAlchemyError or TimeoutError when the store does not take them now.
    """
    statement = insert_new(engine.dialect.name)
    rows = _rows(predictions)
    if not rows:
        return
    async with asyncio.timeout(STORE_TIMEOUT_S):
        try:
            async with transaction(engine) as connection:
                await connection.execute(statement, rows)
            RECORDED.inc(len(rows))
        except (StatementError, StoreUnavailable, UnicodeError) as fault:
            if not _is_refusal(fault):
                raise
            async with transaction(engine) as connection:
                await _one_by_one(connection, statement, rows)


def _rows(predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    rows = []
    for prediction in predictions:
        try:
            rows.append(prediction.as_row())
        except NO_PREDICTION as fault:
            _refuse(fault, getattr(prediction, "prediction_type", ""))
    return rows


async def _one_by_one(connection: AsyncConnection, statement: Insert, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        try:
            await connection.execute(statement, row)
            RECORDED.inc()
        except (StatementError, UnicodeError) as fault:
            if not _is_refusal(fault):
                raise
            _refuse(fault, row["prediction_type"])


def _refuse(fault: Exception, prediction_type: str) -> None:
    REFUSED.inc()
    log.error("prediction_refused", prediction_type=prediction_type, fault=type(fault).__name__)


def _is_refusal(fault: BaseException | None) -> bool:
    """Whether a row is at fault: it breaks a rule of the table, or cannot even be put into the statement.

    Taking such a row for an outage would spill it, and all that wait behind it, for ever.
    """
    if isinstance(fault, StoreUnavailable):
        fault = fault.__cause__
    if isinstance(fault, DBAPIError):
        number = next(iter(getattr(fault.orig, "args", ())), None)
        return isinstance(fault, (DataError, IntegrityError)) or number in ROW_FAULTS
    return isinstance(fault, (StatementError, UnicodeError))
