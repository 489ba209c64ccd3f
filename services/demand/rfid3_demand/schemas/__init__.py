"""What may be asked of the demand service, and in which shape does it answer?

One room a question: forecast · series (history beside forecast, one or many) · batch · adhoc (a caller's own series) ·
features (of the present) · accuracy · training. A price or a score that no data supports is null, never a default.
"""

from rfid3_demand.schemas.accuracy import AccuracyAnswer, AccuracyQuery
from rfid3_demand.schemas.adhoc import AdhocAnswer, AdhocRequest
from rfid3_demand.schemas.batch import BatchAnswer, BatchRequest
from rfid3_demand.schemas.forecast import DEPRECATED_MODEL_TYPES, ForecastAnswer, ForecastQuery, ModelType
from rfid3_demand.schemas.series import ChartQuery, SeriesAnswer, SeriesPage, SeriesQuery
from rfid3_demand.schemas.training import RetrainAnswer, RetrainRequest

__all__ = [
    "DEPRECATED_MODEL_TYPES", "AccuracyAnswer", "AccuracyQuery", "AdhocAnswer", "AdhocRequest", "BatchAnswer", "BatchRequest",
    "ChartQuery", "ForecastAnswer", "ForecastQuery", "ModelType", "RetrainAnswer", "RetrainRequest", "SeriesAnswer",
    "SeriesPage", "SeriesQuery",
]  # fmt: skip
