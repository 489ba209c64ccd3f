"""Which tables does the suite own? Importing this module registers all shared ones with `store_metadata`."""

from rfid3_shared.auth import api_keys
from rfid3_shared.events.tables import event_positions, shop_events
from rfid3_shared.external.tables import external_analyses, external_correlations, external_data_factors, external_fetches
from rfid3_shared.feature_store.tables import ml_feature_store
from rfid3_shared.flags.tables import feature_flag_audit, feature_flags
from rfid3_shared.item_reports.tables import inspections, maintenance_events
from rfid3_shared.jobs.tables import job_schedules, prediction_jobs
from rfid3_shared.ledger.tables import analytics_predictions, prediction_feedback, prediction_outcomes
from rfid3_shared.monitor.tables import alerts
from rfid3_shared.registry.tables import ml_model_performance, registry_current, registry_events, shadow_tallies
from rfid3_shared.usage_tables import api_uptime, api_usage

TABLES = (
    alerts, analytics_predictions, api_keys, api_uptime, api_usage, event_positions, external_analyses, external_correlations,
    external_data_factors, external_fetches, feature_flag_audit, feature_flags, inspections, job_schedules,
    maintenance_events, ml_feature_store, ml_model_performance, prediction_feedback, prediction_jobs, prediction_outcomes,
    registry_current, registry_events, shadow_tallies, shop_events,
)  # fmt: skip
