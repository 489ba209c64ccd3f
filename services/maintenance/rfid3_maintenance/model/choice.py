"""Which form may speak, given how many events there are? Fits a hazard and says why in this form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from rfid3_maintenance.model.crossfit import Held, crossfitted_trees, folds_of, held_pooled
from rfid3_maintenance.model.cuts import checked_cuts
from rfid3_maintenance.model.hazard import Hazard, group_count
from rfid3_maintenance.model.landmarks import Landmarks, Seen, seen_once
from rfid3_maintenance.model.pooled import Pooled, fit_pooled
from rfid3_maintenance.model.prior import DAYS_PER_YEAR, Prior, ignorance
from rfid3_maintenance.model.rate import Rate
from rfid3_maintenance.model.thinning import thinned
from rfid3_maintenance.model.trees import Trees

Form = Literal["auto", "prior", "pooled", "tree"]


LEAST_FOR_TREES = 50
LEAST_FOR_SCORES = 10
LEAST_UNITS = 20


class NothingToLearn(ValueError):
    """Neither an event, nor time under sight, nor a prior: nothing can be said."""


def fit_hazard(
    given: Landmarks, cuts_days: Sequence[float], *, prior: Prior | None = None, form: Form = "auto",
    group_names: Sequence[str] = (),
) -> Hazard:  # fmt: skip
    """A hazard over the intervals that end at `cuts_days` (at most 60).

    prior: what is believed of the average unit; it carries the answer without events, and weighs as its own few events afterwards.
    form: "auto" chooses; the others force. Raises NothingToLearn (ValueError) where nothing can be said at all.
    """
    return fit_and_hold(given, cuts_days, prior=prior, form=form, group_names=group_names)[0]


def fit_and_hold(
    given: Landmarks, cuts_days: Sequence[float], *, prior: Prior | None = None, form: Form = "auto",
    group_names: Sequence[str] = (),
) -> tuple[Hazard, np.ndarray | None]:  # fmt: skip
    """The same, with the survival (rows, cuts) told of each row while its unit was held out: thresholds are chosen by it.

    None where nothing was held out, or not every row (there were too many to learn from all).
    """
    cuts = checked_cuts(cuts_days)
    groups = group_count(given.group, group_names)
    seen = seen_once(given, cuts)
    chosen, why = _form(form, seen)
    basis: dict[str, Any] = {
        "form": chosen, "why": why, "events": seen.events, "units": seen.units, "unit_years": seen.days / DAYS_PER_YEAR,
        "rows": len(given),
    }  # fmt: skip
    told: Held | None = None
    if chosen == "prior":
        fitted: Rate | Pooled | Trees = _rate(cuts, seen, prior)
    else:
        try:
            fitted, found, told = _learned(chosen, thinned(given, cuts), cuts, groups, prior, seen)
        except ValueError as nothing:
            raise NothingToLearn(str(nothing)) from nothing
        basis |= found
    basis |= fitted.words()
    if prior is not None:
        basis["prior"] = prior.words()
    survival = np.exp(-told.cumulative) if told is not None and len(told.cumulative) == len(given) else None
    return Hazard(tuple(cuts.tolist()), given.names, tuple(group_names), basis, fitted), survival


def _form(asked: Form, seen: Seen) -> tuple[str, str]:
    if asked != "auto":
        return asked, "asked for"
    if seen.events == 0:
        return "prior", "no event was seen: the answer rests on the prior and the time under sight"
    if seen.events < LEAST_FOR_TREES or seen.units < LEAST_UNITS:
        return (
            "pooled",
            f"{seen.events} events of {seen.units} units are too few for trees ({LEAST_FOR_TREES} of {LEAST_UNITS})",
        )
    return "either", ""


def _learned(
    chosen: str, rows: Landmarks, cuts: np.ndarray, groups: int, prior: Prior | None, seen: Seen
) -> tuple[Pooled | Trees, dict[str, Any], Held | None]:
    """The form asked for, or the better one of both; with its scores on held-out units, where there are enough to hold out."""
    days, _ = rows.within(cuts)
    if chosen == "pooled" and (seen.events < LEAST_FOR_SCORES or seen.units < LEAST_UNITS):
        return fit_pooled(rows, cuts, groups, prior), {"not_scored": f"{seen.events} events are too few to hold any out"}, None
    if chosen == "tree" and (seen.events == 0 or seen.units < LEAST_UNITS):
        raise ValueError(f"{seen.events} events of {seen.units} units are too few for trees ({LEAST_UNITS} units are needed)")
    fold = folds_of(rows, cuts)
    if chosen == "tree":
        trees, of_trees = crossfitted_trees(rows, cuts, groups, seen.overlap, fold)
        return trees, of_trees.words(cuts, days), of_trees
    of_pooled = held_pooled(rows, cuts, groups, prior, fold)
    if chosen == "pooled":
        return fit_pooled(rows, cuts, groups, prior), of_pooled.words(cuts, days), of_pooled
    trees, of_trees = crossfitted_trees(rows, cuts, groups, seen.overlap, fold)
    losses = {"log_loss_pooled": of_pooled.loss(), "log_loss_tree": of_trees.loss()}
    if of_trees.loss() < of_pooled.loss():
        why = "trees foretold units they had not seen better than the pooled form"
        return trees, of_trees.words(cuts, days) | losses | {"form": "tree", "why": why}, of_trees
    why = "trees did not foretell units they had not seen better than the pooled form"
    words = of_pooled.words(cuts, days) | losses | {"form": "pooled", "why": why}
    return fit_pooled(rows, cuts, groups, prior), words, of_pooled


def _rate(cuts: np.ndarray, seen: Seen, prior: Prior | None) -> Rate:
    before = prior if prior is not None else ignorance()
    belief = before.after(seen.events, seen.days)
    if belief.unit_years <= 0:
        raise NothingToLearn("no event, no time under sight and no prior")
    return Rate(cuts, belief, before)
