"""Which knobs has the quality service besides the common ones?"""

from pydantic import Field

from rfid3_shared.jobs.schedule import Cron
from rfid3_shared.settings import Settings

SERVICE = "quality"
"""This service's name: in paths, jobs, the registry and the ledger."""


class QualitySettings(Settings):
    """Common settings and those of quality, all from the environment with prefix `RFID3_`."""

    quality_train_cron: Cron = "10 4 * * 1"
    """When wear is learned anew: cron in the shop's time, or never."""
    quality_refresh_cron: Cron = "10 5 * * *"
    """When the serving model takes in new readings: cron in the shop's time, or never."""
    quality_score_cron: Cron = "40 5 * * *"
    """When projections are held against grades: cron in the shop's time, or never."""
    quality_discount_ratio_per_year: float = Field(0.08, ge=0, le=1)
    """What money is worth a year later, in the comparison of keeping with replacing."""
    quality_inspection_minutes: float = Field(5.0, gt=0, le=480)
    """Minutes that looking at one item takes an inspector."""


quality_settings = QualitySettings.of
