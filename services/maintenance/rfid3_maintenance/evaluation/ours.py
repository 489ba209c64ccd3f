"""What does our hazard say of units it has not seen?"""

from __future__ import annotations

import numpy as np

from rfid3_maintenance.evaluation.contender import Contender, Question, Told
from rfid3_maintenance.model import expected, timeline
from rfid3_maintenance.unit_history import aged, landmarks, levels
from rfid3_maintenance.unit_history.fitted import hazard_of

NAME = "rfid3"


def _answer(asked: Question) -> Told:
    cuts = landmarks.cuts_for(asked.train, asked.horizons)
    hazard, held = hazard_of(asked.train, cuts)
    curve = hazard.survival(asked.test.x, asked.test.group, asked.test.at_days)
    survival = 1.0 - timeline(curve, cuts, asked.grid)
    if asked.reading == "single":
        inside = None if held is None else timeline(held, cuts, asked.horizons[:1])[:, 0]
        return Told(survival, basis=str(hazard.basis.get("form")), held=inside)
    far = asked.cap if asked.cap is not None else asked.grid[-1]
    return Told(
        survival,
        aged.remaining(curve, cuts, np.zeros(len(curve)), levels.of_held(held, cuts, asked.train))[0],
        np.asarray(expected(curve, cuts, far)),
        basis=str(hazard.basis.get("form")),
    )


OURS = Contender(NAME, "ours", _answer)
