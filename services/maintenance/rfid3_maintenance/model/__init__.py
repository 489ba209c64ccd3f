"""How likely is it that a unit fails within so many days, and how long has it left?

Rooms, in reading order: landmarks (what hazards are learned from) · cuts · thinning · prior · rate · covariates · pooling · baseline ·
likelihood · pooled · periods · boxes (conjunctions of limits) · box_search · boosting · trees · folds · scoring · crossfit · hazard
(one face for three forms) · choice · curves (what a survival curve says otherwise).
LightGBM and scipy are loaded by fitting only; answering loads LightGBM in the tree form.
"""

from rfid3_maintenance.model.choice import NothingToLearn, fit_hazard
from rfid3_maintenance.model.curves import expected, joint, remaining, timeline
from rfid3_maintenance.model.hazard import Hazard
from rfid3_maintenance.model.landmarks import Landmarks
from rfid3_maintenance.model.prior import Prior, default_prior

__all__ = [
    "Hazard", "Landmarks", "NothingToLearn", "Prior", "default_prior", "expected", "fit_hazard", "joint", "remaining", "timeline",
]  # fmt: skip
