"""What did the suite predict, so that it can later be held against what happened?

Answers are recorded off the hot path: `Recorder.record` only appends to memory; a task writes batches to
`analytics_predictions`; while the store is out of reach rows go to a file and are written when it is back.
"""

from rfid3_shared.ledger.prediction import Prediction
from rfid3_shared.ledger.recorder import Recorder
from rfid3_shared.ledger.tables import analytics_predictions

__all__ = ["Prediction", "Recorder", "analytics_predictions"]
