"""Does what was shown follow from what was known? Logged predictions, made once more from the version and the values of their time.

Nothing of today enters: the version's published snapshot, the present as the feature store knew it at the prediction's `as_of`, and
the code that answers. What comes out is to be equal to the row in the ledger, column by column, as the store keeps it.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any, cast

import orjson
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_demand import predict, snapshot
from rfid3_demand.ledger_rows import PREDICTION_TYPE, WITHOUT_EXTERNAL, rows_of
from rfid3_demand.live_reading import known_of
from rfid3_demand.nodes import ALL, Node
from rfid3_demand.present.definitions import LIVE, entity
from rfid3_demand.present.state import Known
from rfid3_demand.schemas import ForecastQuery, ModelType
from rfid3_demand.served import Served
from rfid3_demand.settings import SERVICE
from rfid3_demand.snapshot import Snapshot
from rfid3_shared.db import transaction
from rfid3_shared.errors import AppError
from rfid3_shared.feature_store import history
from rfid3_shared.ledger import analytics_predictions
from rfid3_shared.ledger.prediction import PLACES
from rfid3_shared.registry import Registry

COMPARED = ("horizon_days", *PLACES, "features_digest")
TOLD = ("prediction_id", "target_item_id", "target_category", "store", "prediction_date", "model_version", "model_type")
MOST_SHOWN = 20
FAULTS = (ValueError, KeyError, OSError, TypeError)
"""What a damaged snapshot, or one of another version of the suite, raises when it is loaded."""
UNKNOWN_TARGET = "the version knows no such class, category or store"
OTHER_WEEKS = "the version's forecast does not hold the week"
Row = RowMapping | Mapping[str, Any]


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


@dataclass(frozen=True)
class Stamp:
    """When the values of a prediction were known, and what they rest on."""

    moment: datetime
    as_of: datetime
    seq: int


async def replay(
    store: AsyncEngine, registry: Registry, *, limit: int, since: date | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:  # fmt: skip
    """Make the newest `limit` shown predictions again, those recorded from the day `since` (UTC) on.

    Raises StoreUnavailable.
    """
    table = analytics_predictions.c
    query = select(analytics_predictions).where(table.prediction_type == PREDICTION_TYPE, table.role == "shown")
    if since is not None:
        query = query.where(table.created_at >= datetime.combine(since, datetime.min.time()))
    async with transaction(store) as connection:
        rows = (await connection.execute(query.order_by(table.id.desc()).limit(limit))).mappings().all()
    report, why_not, done = Report(), Counter[str](), 0
    for version, of_version in _grouped(rows, lambda row: str(row["model_version"])).items():
        made = await _loaded(registry, version)
        for inputs, alike in _grouped(of_version, lambda row: _canonical(row["input_features"])).items():
            if isinstance(made, str):
                why_not[made] += len(alike)
            else:
                await _again(store, made, orjson.loads(inputs), alike, report, why_not)
            done += len(alike)
            progress(done, len(rows))
    report.not_replayable = dict(why_not)
    return report


def _grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _canonical(inputs: Any) -> bytes:
    return orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS)


async def _loaded(registry: Registry, version: str) -> Snapshot | str:
    """The version's snapshot, or why there is none."""
    try:
        found = await registry.find(SERVICE, version)
        return snapshot.load(await asyncio.to_thread(registry.open_artefact, found))
    except AppError as fault:
        return f"version {version}: {fault.message}"
    except FAULTS:
        return f"version {version}: its snapshot cannot be read"


async def _again(
    store: AsyncEngine, made: Snapshot, inputs: dict[str, Any] | None, rows: list[Row], report: Report, why_not: Counter[str]
) -> None:
    """Rows of one version that were made from the same present."""
    nodes = _grouped(rows, lambda row: _node_of(made, row))
    if unknown := nodes.pop(None, []):
        why_not[UNKNOWN_TARGET] += len(unknown)
    served = Served(made, await _present(store, made, inputs, nodes))
    for at, of_node in nodes.items():
        for (level, model), alike in _grouped(of_node, lambda row: (row["interval_level"], row["model_type"])).items():
            said = _said(served, at, float(level), model, [row["prediction_date"] for row in alike])
            for row in alike:
                if (ours := said.get(row["prediction_date"])) is None:
                    why_not[OTHER_WEEKS] += 1
                else:
                    _compare(row, ours, report)


def _node_of(made: Snapshot, row: Row) -> int | None:
    """Position of the node that a row speaks of, as `ledger_rows` wrote it."""
    item, category, at = row["target_item_id"], row["target_category"], row["store"]
    if item:
        return made.rows.get(Node("class", item, at))
    level = ALL if category == ALL else "category"
    return made.rows.get(Node(level, category, at), made.rows.get(Node("subcategory", category, at)))


async def _present(store: AsyncEngine, made: Snapshot, inputs: dict[str, Any] | None, nodes: Iterable[int]) -> Known | None:
    """What the rows were made from; None where no present was asked for."""
    if inputs is None or "as_of" not in inputs:
        return None if inputs is None else Known(inputs["state"], None, {})
    as_of = datetime.fromisoformat(inputs["as_of"]).astimezone(UTC)
    stamp = Stamp(datetime.fromisoformat(inputs["moment"]), as_of, inputs["seq"])
    below = sorted({int(at) for node in nodes for at in made.members[node]})
    named = [entity(made.spec.nodes[at]["name"], made.spec.nodes[at]["store"]) for at in below]
    async with transaction(store) as connection:
        values = await history.as_of(connection, LIVE, named, as_of)
    return known_of(made, below, values, stamp, {})


def _said(served: Served, row: int, level: float, model_type: str, days: list[date]) -> dict[date, dict[str, Any]]:
    """The node's rows of the ledger by the Monday they speak of, as far as the weeks wanted."""
    weeks = max((day - served.weeks[0]).days // 7 + 1 for day in days)
    if weeks < 1:
        return {}
    place = served.spec.nodes[row]
    asked = ForecastQuery.model_construct(
        weeks=weeks, confidence_level=level, model_type=cast("ModelType", model_type.removesuffix(WITHOUT_EXTERNAL)),
        include_external_factors=not model_type.endswith(WITHOUT_EXTERNAL),
        rental_class=place["name"] if place["level"] == "class" else None,
    )  # fmt: skip
    variant = predict.variant_of(served.snapshot, asked.model_type)
    said = {
        "predictions": predict.weeks_of(served, variant, row, asked),
        "category_filter": place["name"],
        "store_filter": place["store"],
    }
    made = rows_of(said, asked, "", served.inputs(row), datetime.min.replace(tzinfo=UTC), "")
    return {one.prediction_date: one.as_row() for one in made}


def _compare(row: Row, ours: Mapping[str, Any], report: Report) -> None:
    report.replayed += 1
    apart = [name for name in COMPARED if _exact(row[name]) != _exact(ours[name])]
    report.equal += not apart
    for name in apart[: MOST_SHOWN - len(report.different)]:
        told = {name: str(row[name]) if name == "prediction_date" else row[name] for name in TOLD}
        report.different.append({**told, "column": name, "stored": row[name], "recomputed": ours[name]})


def _exact(value: Any) -> Any:
    return float(value) if isinstance(value, (int, float)) else value
