"""Does what was shown follow from what was known? Logged predictions, made once more and held against their rows, column by column.

A service declares how (`Replayed`): which snapshot a version is, and what of the values of their time its rows were made from. Nothing of
today enters but the code. What comes out is to be equal to the row in the ledger as the store keeps it.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import AppError
from rfid3_shared.ledger.prediction import PLACES, PredictionType
from rfid3_shared.ledger.tables import analytics_predictions
from rfid3_shared.registry import Registry

COMPARED = ("horizon_days", *PLACES, "features_digest")
TOLD = ("prediction_id", "target_item_id", "target_category", "store", "prediction_date", "model_version", "model_type")
MOST_SHOWN = 20
FAULTS = (ValueError, KeyError, OSError, TypeError)
"""What a damaged snapshot, or one of another version of the suite, raises when it is loaded."""
Row = RowMapping | Mapping[str, Any]
Progress = Callable[[int, int], None]


@dataclass
class Report:
    """What came of it: rows made again, those equal, the first that differ, and why others could not be made."""

    replayed: int = 0
    equal: int = 0
    different: list[dict[str, Any]] = field(default_factory=list)
    not_replayable: dict[str, int] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether every row that could be made again came out equal."""
        return self.replayed == self.equal

    def as_dict(self) -> dict[str, Any]:
        """It for JSON."""
        return asdict(self)


@dataclass
class Tally:
    """Rows as they are made again. compared: the columns that have to be equal."""

    total: int
    progress: Progress
    compared: Sequence[str] = COMPARED
    report: Report = field(default_factory=Report)
    why_not: Counter[str] = field(default_factory=Counter)

    def compare(self, row: Row, ours: Mapping[str, Any]) -> None:
        """Hold a row against what was made again."""
        self.report.replayed += 1
        apart = [name for name in self.compared if _exact(row[name]) != _exact(ours[name])]
        self.report.equal += not apart
        for name in apart[: MOST_SHOWN - len(self.report.different)]:
            told = {name: str(row[name]) if name == "prediction_date" else row[name] for name in TOLD}
            self.report.different.append({**told, "column": name, "stored": row[name], "recomputed": ours[name]})
        self._done()

    def cannot(self, why: str, count: int = 1) -> None:
        """Rows that cannot be made again, and the reason."""
        self.why_not[why] += count
        self._done()

    def _done(self) -> None:
        self.progress(self.report.replayed + self.why_not.total(), self.total)


@dataclass(frozen=True)
class Places:
    """Where the values of a prediction's time are looked up."""

    store: AsyncEngine
    clock: Clock


@dataclass(frozen=True)
class Replayed:
    """How a service's predictions are made again. load: the snapshot in a folder; again: makes rows of one version and tallies each."""

    service: str
    prediction_type: PredictionType
    load: Callable[[Path], Any]
    again: Callable[[Places, Any, str, list[Row], Tally], Awaitable[None]]
    compared: Sequence[str] = COMPARED


async def replay(
    how: Replayed, store: AsyncEngine, registry: Registry, clock: Clock, *, limit: int, since: date | None = None,
    progress: Progress = lambda done, total: None,
) -> Report:  # fmt: skip
    """Make the newest `limit` shown predictions again, those recorded from the day `since` (UTC) on.

    Raises StoreUnavailable.
    """
    table = analytics_predictions.c
    query = select(analytics_predictions).where(table.prediction_type == how.prediction_type, table.role == "shown")
    if since is not None:
        query = query.where(table.created_at >= datetime.combine(since, datetime.min.time()))
    async with transaction(store) as connection:
        rows = (await connection.execute(query.order_by(table.id.desc()).limit(limit))).mappings().all()
    tally = Tally(len(rows), progress, how.compared)
    for version, of_version in grouped(rows, lambda row: str(row["model_version"])).items():
        made = await _loaded(how, registry, version)
        if isinstance(made, Unreadable):
            tally.cannot(f"version {version}: {made}", len(of_version))
        else:
            await how.again(Places(store, clock), made, version, of_version, tally)
    tally.report.not_replayable = dict(tally.why_not)
    return tally.report


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """The rows by key, in the order of their first."""
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


class Unreadable(str):
    """Why there is no snapshot."""

    __slots__ = ()


async def _loaded(how: Replayed, registry: Registry, version: str) -> Any:
    """The version's snapshot, or why there is none."""
    try:
        found = await registry.find(how.service, version)
        return how.load(await asyncio.to_thread(registry.open_artefact, found))
    except AppError as fault:
        return Unreadable(fault.message)
    except FAULTS:
        return Unreadable("its snapshot cannot be read")


def _exact(value: Any) -> Any:
    return float(value) if isinstance(value, (int, float)) else value
