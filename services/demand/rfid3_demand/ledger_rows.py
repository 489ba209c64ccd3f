"""How is a demand answer written down, so that it can be held against what happened?"""

from datetime import datetime
from typing import Any, Literal

from rfid3_demand.nodes import ALL
from rfid3_demand.schemas import ForecastQuery
from rfid3_shared.ledger import Prediction
from rfid3_shared.ledger.prediction import LONGEST_REQUEST_ID

PREDICTION_TYPE: Literal["demand"] = "demand"
HEADLINE_TYPE = "ensemble"
"""The model that answers unless somebody asks for another by name."""
WITHOUT_EXTERNAL = ", no external factors"
"""Added to the model type of what holidays, weather and other outside series were taken out of."""
Inputs = tuple[str, dict[str, Any] | None]
TOTALS = {"target_item_id": "", "store": ALL}
"""Rows of totals over all stores, which is what the headline back-test speaks of."""


def rows_of(
    data: dict[str, Any], query: ForecastQuery, version: str, inputs: Inputs, at: datetime, request_id: str
) -> list[Prediction]:
    """One ledger row a predicted week.

    `target_item_id` is the rental class where one was asked for; `target_category` the category or `category / subcategory`.
    inputs: digest of the features of the node, and where to find those of the present again; as `Served.inputs` gives them. A week's
    horizon is counted from the week that answers begin with.
    """
    digest, known = inputs
    return [
        Prediction(
            prediction_type=PREDICTION_TYPE,
            target_item_id=data["category_filter"] if query.rental_class else "",
            target_category="" if query.rental_class else data["category_filter"],
            store=data["store_filter"],
            prediction_date=week["week_starting"],
            horizon_days=7 * (k + 1),
            predicted_value=week["predicted_demand"],
            confidence_score=week["confidence_score"],
            confidence_lower=week["confidence_lower"],
            confidence_upper=week["confidence_upper"],
            interval_level=query.confidence_level,
            model_version=version,
            model_type=query.model_type if query.include_external_factors else query.model_type + WITHOUT_EXTERNAL,
            business_impact_score=week["business_impact"]["revenue_opportunity"],
            features_digest=digest,
            input_features=known,
            request_id=request_id[:LONGEST_REQUEST_ID],
            created_at=at,
        )
        for k, week in enumerate(data["predictions"])
    ]
