"""Does what was shown follow from what was known? Logged predictions, made once more from the version and the values of their time.

Nothing of today enters: the version's published snapshot, the present as the feature store knew it at the prediction's `as_of`, and
the code that answers. What comes out is to be equal to the row in the ledger, column by column, as the store keeps it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, cast

import orjson
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
from rfid3_shared.feature_store import history
from rfid3_shared.ledger.replay import Places, Replayed, Row, Tally, grouped

UNKNOWN_TARGET = "the version knows no such class, category or store"
OTHER_WEEKS = "the version's forecast does not hold the week"


@dataclass(frozen=True)
class Stamp:
    """When the values of a prediction were known, and what they rest on."""

    moment: datetime
    as_of: datetime
    seq: int


async def _version(at: Places, made: Snapshot, version: str, rows: list[Row], tally: Tally) -> None:
    """Rows of one version."""
    for inputs, alike in grouped(rows, lambda row: _canonical(row["input_features"])).items():
        await _again(at.store, made, orjson.loads(inputs), alike, tally)


REPLAYED = Replayed(SERVICE, PREDICTION_TYPE, snapshot.load, _version)


def _canonical(inputs: Any) -> bytes:
    return orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS)


async def _again(store: AsyncEngine, made: Snapshot, inputs: dict[str, Any] | None, rows: list[Row], tally: Tally) -> None:
    """Rows of one version that were made from the same present."""
    nodes = grouped(rows, lambda row: _node_of(made, row))
    if unknown := nodes.pop(None, []):
        tally.cannot(UNKNOWN_TARGET, len(unknown))
    served = Served(made, await _present(store, made, inputs, nodes))
    for at, of_node in nodes.items():
        for (level, model), alike in grouped(of_node, lambda row: (row["interval_level"], row["model_type"])).items():
            said = _said(served, at, float(level), model, [row["prediction_date"] for row in alike])
            for row in alike:
                if (ours := said.get(row["prediction_date"])) is None:
                    tally.cannot(OTHER_WEEKS)
                else:
                    tally.compare(row, ours)


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
