"""What can happen to a unit, at which days are its chances kept, and under which headings are reasons told?"""

KINDS = ("repair", "cleaning", "retirement", "loss")
"""Each has a hazard of its own."""
WEAR = ("repair", "retirement")
"""What "failure" means without more: wear. Loss and dirt are kept apart."""
CUTS_DAYS = (7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.0, 730.0)
"""Days to which the chance to be whole is kept; straight log-survival in between."""
HORIZONS_DAYS = (7, 30, 90, 365)
"""Days at which the interval of a chance is kept: those of the API's timeline."""
GROUPS = ("equipment_age_factor", "usage_intensity_factor", "quality_degradation_factor", "last_maintenance_factor")
"""Headings of reasons, as the API's schedule names them."""
WITHIN = "failure within {days} days"
"""How the ledger names what is predicted of an item."""


def window_of(target_category: str) -> int | None:
    """Days of the window that a target names; None for totals."""
    words = target_category.split()
    return int(words[2]) if target_category.startswith("failure within ") and words[2].isdigit() else None
