"""What is believed of wear before a single reading has been seen? One stated prior, with its widths.

Each belief is a median and the factor (or width) that holds 80 % of it. They are judgements, not measurements: an answer that
rests on them says so and shows these numbers, and readings outweigh them as soon as there are some.
"""

from dataclasses import asdict, dataclass
from math import log
from typing import Any

from rfid3_shared.normal import Z_80


@dataclass(frozen=True)
class WearPrior:
    """Medians with the factor that holds 80 % of the belief on either side of them."""

    turns_per_grade: float = 30.0
    """Turns until a grade is lost, from the middle of the scale."""
    turns_per_grade_factor: float = 4.0
    idle_days_per_turn: float = 60.0
    """Days that wear as much as one turn does, used or not."""
    idle_factor: float = 4.0
    misread_ratio: float = 0.05
    """Share of readings that are one grade off."""
    misread_factor: float = 3.0
    lift_grades: float = 2.0
    """Grades a repair lifts by, on average."""
    lift_factor: float = 2.0
    spread_of_groups: float = 0.3
    """Standard deviation of log pace between categories, and between classes of one."""

    def width(self, factor: float) -> float:
        """The standard deviation of a logarithm whose 80 % lie within a factor."""
        return log(factor) / Z_80

    def as_dict(self) -> dict[str, Any]:
        """For an answer's basis: every number of the prior."""
        return asdict(self)
