"""Which knobs has the demand service besides the common ones?"""

from pydantic import Field

from rfid3_shared.jobs.schedule import Cron
from rfid3_shared.settings import Settings

SERVICE = "demand"
"""This service's name: in paths, jobs, the registry and the ledger."""
ADHOC_KIND = "adhoc"
"""The kind of job that forecasts a caller's own series."""

FETCH_KIND, CORRELATE_KIND = "external_fetch", "correlate"
"""Kinds of jobs that ask for outside factors, and hold demand against them."""


class DemandSettings(Settings):
    """Common settings and those of demand, all from the environment with prefix `RFID3_`."""

    demand_horizon_weeks: int = Field(53, ge=1, le=60)
    """Weeks ahead that training forecasts and publishes."""
    demand_history_days: int = Field(1095, ge=30, le=3650)
    """Days of history that training looks at by default."""
    demand_external_coverage_ratio: float = Field(0.9, ge=0, le=1)
    """Share of the history's days an outside series must cover to be used, and of the horizon's to be known ahead."""
    demand_stockout_alert_ratio: float = Field(0.2, ge=0, le=1)
    """Chance of running short from which a class is named in the recommendations."""
    demand_budget_s: float | None = Field(None, gt=0)
    """Seconds in which a training run makes its forecast; unset = as many as it takes. What was left out is said in the answers."""
    train_engine: str = "local"
    """Where training is computed: local, local-cluster:<workers> or dask://<host>:<port>."""
    demand_uncensor: bool = True
    """Whether the demand behind empty shelves is estimated: forecasts are of what is asked for, not of what could leave."""
    demand_train_cron: Cron = "30 3 * * 1"
    """When demand is trained anew: cron in the shop's time, or never."""
    demand_refresh_cron: Cron = "30 4 * * *"
    """When the serving models take in new data without being trained anew: cron in the shop's time, or never."""
    demand_features_cron: Cron = "*/5 * * * *"
    """When live features are computed: cron in the shop's time, or never."""
    demand_features_memory_s: float = Field(0.2, ge=0, le=10)
    """Seconds for which a reading of the features of the present is used again; 0 = Redis is asked each time."""
    demand_source_poll_s: float = Field(5.0, gt=0)
    """Seconds between two looks for what RFID3 itself has written; at least twenty times as long as a look takes."""
    demand_full_pass_s: float = Field(300.0, gt=0)
    """Seconds between two looks at everything, for what leaves no trace that one could follow."""
    demand_score_cron: Cron = "15 5 * * *"
    """When predictions are held against what happened: cron in the shop's time, or never."""
    demand_external_fetch_cron: Cron = "15 2 * * *"
    """When providers of outside data that are on are asked: cron in the shop's time, or never."""
    demand_correlate_cron: Cron = "45 5 * * 1"
    """When demand is held against outside factors: cron in the shop's time, or never."""


demand_settings = DemandSettings.of
