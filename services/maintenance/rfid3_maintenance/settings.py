"""Which knobs has the maintenance service besides the common ones?"""

from pydantic import Field, field_validator

from rfid3_shared.jobs.schedule import Cron
from rfid3_shared.settings import Settings

SERVICE = "maintenance"
"""This service's name: in paths, jobs, the registry and the ledger."""
PLAN_KIND = "plan"
"""The kind of job that plans a crew's days."""


class MaintenanceSettings(Settings):
    """Common settings and those of maintenance, all from the environment with prefix `RFID3_`."""

    maintenance_train_cron: Cron = "45 3 * * 1"
    """When maintenance is trained anew: cron in the shop's time, or never."""
    maintenance_refresh_cron: Cron = "50 4 * * *"
    """When all items are scored on new data, alerts raised and the crew's days planned: cron in the shop's time, or never."""
    maintenance_score_cron: Cron = "25 5 * * *"
    """When predictions are held against what happened: cron in the shop's time, or never."""
    maintenance_landmark_days: float = Field(28.0, ge=1, le=365)
    """Days between two looks at each item's past from which training learns."""
    maintenance_planned_ratio: float = Field(0.1, ge=0, le=10)
    """Stated prior: a planned service as a share of the item's purchase price, where no cost of such goods is known."""
    maintenance_repair_ratio: float = Field(0.3, ge=0, le=10)
    """Stated prior: a repair after a failure as a share of the item's purchase price, where no cost of such goods is known."""
    maintenance_alerts_a_day: int = Field(10, ge=0, le=1000)
    """How many items may be brought to people's attention a day."""
    maintenance_crew: str = Field("repair:8", max_length=500)
    """Hours a day by skill for the nightly plan of the crew: skill:hours, comma separated; empty = no plan."""
    maintenance_service_hours: float = Field(1.0, gt=0, le=100)
    """Stated prior: hours of work of one planned service; neither RFID3 nor the POS keeps any."""
    maintenance_plan_days: int = Field(7, ge=1, le=28)
    """Days that the nightly plan of the crew covers."""
    maintenance_demand_memory_s: float = Field(300.0, ge=0, le=86_400)
    """Seconds for which what the demand service said of a class is used again."""

    @field_validator("maintenance_crew")
    @classmethod
    def _readable(cls, crew: str) -> str:
        hours_of(crew)
        return crew


def hours_of(crew: str) -> dict[str, float]:
    """Skill → hours a day of `skill:hours, …`. Raises ValueError for anything else."""
    found: dict[str, float] = {}
    for part in filter(None, (each.strip() for each in crew.split(","))):
        skill, colon, hours = part.partition(":")
        try:
            number = float(hours)
        except ValueError:
            number = -1.0
        if not colon or not skill.strip() or not 0 <= number <= 1000:
            raise ValueError(f"a crew is written skill:hours, such as repair:8, not {part!r}")
        found[skill.strip()] = number
    return found


maintenance_settings = MaintenanceSettings.of
