"""The scoring job: what was predicted, what happened, and do the predictions still keep their promises? Scoring twice changes nothing."""

from rfid3_maintenance.ledger_rows import FLEET_TYPE, PREDICTION_TYPE
from rfid3_maintenance.outcomes import never_known, of_targets, restated_since
from rfid3_maintenance.settings import SERVICE, MaintenanceSettings
from rfid3_shared.item_life.reckoning import Promises, scoring_job

run = scoring_job(Promises(SERVICE, MaintenanceSettings, PREDICTION_TYPE, FLEET_TYPE, of_targets, restated_since, never_known))
