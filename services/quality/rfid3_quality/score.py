"""The scoring job: what was projected, what was found, and do projections still keep their promises? Scoring twice changes nothing."""

from rfid3_quality.ledger_rows import FLEET_TYPE, PREDICTION_TYPE
from rfid3_quality.outcomes import of_targets, restated_since
from rfid3_quality.settings import SERVICE, QualitySettings
from rfid3_shared.item_life.reckoning import Promises, scoring_job

run = scoring_job(Promises(SERVICE, QualitySettings, PREDICTION_TYPE, FLEET_TYPE, of_targets, restated_since))
