"""What did the suite predict, and how did it turn out?

Answers are recorded off the hot path: `Recorder.record` only appends to memory; a task writes batches to
`analytics_predictions`; while the store is out of reach rows go to a file and are written when it is back. Once outcomes are
known, a service hands them to `write_outcomes`, `score` holds the predictions against them, and `live_accuracy` adds up.
"""

from rfid3_shared.ledger.outcomes import Outcome, Target, targets_due, write_outcomes
from rfid3_shared.ledger.prediction import Prediction
from rfid3_shared.ledger.recorder import Recorder
from rfid3_shared.ledger.score import Scored, score
from rfid3_shared.ledger.tables import analytics_predictions

__all__ = [
    "Outcome",
    "Prediction",
    "Recorder",
    "Scored",
    "Target",
    "analytics_predictions",
    "score",
    "targets_due",
    "write_outcomes",
]
