"""What is told in words about a prediction: what was read, what it rests on, and how the alert was chosen?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rfid3_maintenance.commands.answers import Answered
from rfid3_maintenance.unit_history.fitted import Fitted
from rfid3_maintenance.unit_history.landmarks import Reading
from rfid3_maintenance.unit_history.table import TIME, UnitTable, meant

FORMS = {
    "prior": "no event was seen: the chance rests on the time under sight alone (Jeffreys' prior), the same for every unit",
    "pooled": "events are few: one parametric hazard for all units, features under ridge",
    "tree": "LightGBM on what was known at each moment, calibrated on units held out",
}


def about(past: UnitTable, now: UnitTable, kind: Reading, horizons: tuple[float, ...]) -> list[str]:
    """What was assumed of the two tables."""
    notes = []
    if kind == "lives":
        notes.append(
            f"{past.source} has one row a unit and t differs: t is read as how long each lasted, its features as known from the "
            "beginning (--reading single reads them as single observations)"
        )
        if not now.timed:
            notes.append(f"{now.source} has no t: every unit is taken to begin now")
    if kind == "single" and not past.timed and (likely := meant(TIME, (name.lower() for name in past.columns))):
        notes.append(f"{past.source} has no column t; if {likely[0]!r} is the time, rename it")
    if kind == "single":
        notes.append(
            f"{past.source} has single observations: chances are those of the event in one such; of several, in so many. There is no "
            "remaining time"
        )
    before_last = int(past.event.sum()) - int(past.event[np.append(past.unit[1:] != past.unit[:-1], True)].sum())
    if before_last:
        notes.append(f"{before_last} events are followed by further rows of their unit: there another life of it begins")
    if kind == "course" and (alone := int((np.bincount(past.unit) == 1).sum())):
        notes.append(f"{alone} units of {past.source} have one row only: nothing is known of what came after it")
    if kind == "course" and past.event.any():
        edges = past.life_starts()
        longest = float((past.t[edges[1:] - 1] - past.t[edges[:-1]]).max())
        if far := [f"{h:g}" for h in horizons if h > longest]:
            notes.append(f"no unit was ever seen for {', '.join(far)}: beyond {longest:g} the last hazard is carried on")
    return notes


def summary(answered: Answered, horizons: tuple[float, ...], output: Path, step: float) -> list[str]:
    """The lines printed after the work."""
    lines = [f"{len(answered.table):,} answers → {output}"]
    for fit in answered.fits:
        if len(answered.fits) > 1:
            lines.append("Units with a past:" if fit.recipe.windows else "Units known at present only:")
        lines += [*_basis(fit), fit.alert.words()]
    if answered.table["alert"].null_count() < len(answered.table):
        lines.append(f"{int(answered.table['alert'].sum())} of {len(answered.table):,} are alerted.")
    if answered.extended:
        longest = max(fit.cuts[-1] for fit in answered.fits)
        lines.append(
            f"{answered.extended} medians lie beyond {longest:g}, the longest time to an event ever seen: there the last hazard is "
            "carried on, which is an assumption."
        )
    return lines


def _basis(fit: Fitted) -> list[str]:
    basis = fit.hazard.basis
    form = str(basis.get("form"))
    lines = [
        f"Learned from {basis.get('events')} events of {basis.get('units')} units ({fit.rows:,} moments, {len(fit.recipe.names())} "
        f"features). Form: {form} ({FORMS.get(form, str(basis.get('why')))}).",
    ]
    if basis.get("why") and form != "prior":
        lines.append(f"Why: {basis['why']}.")
    slope = dict(basis.get("calibration") or {}).get("slope")
    if isinstance(slope, (int, float)):
        lines.append(
            f"Calibration slope on units held out: {slope:.2f} (1 is right; below 1 chances are too extreme, above 1 too timid)."
        )
    prior = basis.get("prior")
    if isinstance(prior, dict) and form == "prior":
        lines.append(
            f"Events per unit and 365.25 of t: prior worth {prior['worth_events']:g} events in {prior['worth_unit_years']:g} unit-years."
        )
    return lines
