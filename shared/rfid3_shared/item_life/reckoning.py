"""How does a service of items hold what it predicted against lives, and do its predictions still keep their promises?

The scoring job of maintenance and of quality: lives → outcomes → scores → monitors of totals, of features and of the data's age → a
training run where an alarm asks for one. Doing it twice changes nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from rfid3_shared.db import transaction
from rfid3_shared.item_life import feature_drift
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.rebuild import rebuild
from rfid3_shared.jobs import Progress
from rfid3_shared.ledger import Outcome, Target
from rfid3_shared.ledger.reckoning import reckon
from rfid3_shared.ledger.void import write_off
from rfid3_shared.monitor import freshness
from rfid3_shared.monitor.follow import follow_up
from rfid3_shared.monitor.watch import watch
from rfid3_shared.resources import Resources, open_resources
from rfid3_shared.settings import Settings
from rfid3_shared.source.business_day import business_day
from rfid3_shared.source.tags import require_scans
from rfid3_shared.training_run import RetrainRequest

GAP_DAYS = 90
TOTALS = {"target_item_id": ""}
"""The columns that tell a total of a category from what is said of an item."""


@dataclass(frozen=True)
class Promises:
    """What a service has in its ledger, and how it is held against what happened.

    fleet_type: the model type of totals by category, which name no item. outcomes_of: those of a life that are known; restated_since: the
    first day whose outcome may still change, given the last one known. never_known: of targets without an outcome those that will never
    have one, with the reason.
    """

    service: str
    settings: type[Settings]
    prediction_type: str
    fleet_type: str
    outcomes_of: Callable[[Life, Sequence[Target]], Sequence[Outcome]]
    restated_since: Callable[[date], date]
    never_known: Callable[[Life, Sequence[Target]], Mapping[Target, str]] | None = None
    retrain: Mapping[str, Any] = field(default_factory=RetrainRequest().model_dump)


def scoring_job(promises: Promises) -> Callable[[Settings, dict[str, Any], Progress], Awaitable[dict[str, Any]]]:
    """The job that scores what is due: a function of settings, arguments and progress."""
    return partial(_judged, promises)


async def _judged(promises: Promises, settings: Settings, _: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Match predictions with outcomes and score them; returns {outcomes, scored, restated, waiting, void, findings}.

    void counts rows that will never have an outcome, by the reason. Raises InsufficientData when the source holds no scan.
    """
    async with open_resources(own := promises.settings.of(settings)) as held:
        progress.report("reading the source", 0, 1)
        async with transaction(held.source) as source, transaction(held.store) as store:
            await require_scans(source)
            life = await rebuild(source, held.clock, store=store)
        progress.report("matching", 0, 1)
        last = life.data_to.date()
        found, scored = await reckon(
            held, promises.prediction_type, lambda due: promises.outcomes_of(life, due), progress, upto=last,
            restate_since=promises.restated_since(last),
        )  # fmt: skip
        never, before = promises.never_known, promises.restated_since(last)
        void = {} if never is None else await write_off(
            held.store, promises.prediction_type, lambda due: never(life, due), held.clock, before=before
        )  # fmt: skip
        progress.report("watching", 0, 1)
        findings = await look(held, own, promises, life)
        progress.report("watching", 1, 1)
    done = {"scored": scored.scored, "restated": scored.restated, "waiting": scored.waiting - sum(void.values())}
    return {"outcomes": found, **done, "void": void, "findings": findings}


async def look(held: Resources, settings: Settings, promises: Promises, life: Life) -> list[dict[str, Any]]:
    """Run the monitors of totals, of features and of the data's age; asks for a training run where an alarm wants one."""
    champion = await held.registry.current(promises.service)
    if champion is None:
        return []
    async with transaction(held.source) as connection:
        today = await business_day(connection, held.clock)
    last = life.data_to.date()
    days = sorted(day for day in set(life.sightings["at"].dt.date().to_list()) if 0 <= (last - day).days <= GAP_DAYS)
    reference = feature_drift.references_of(champion.feature_spec, last)
    findings = await watch(
        held.store, promises.service, promises.prediction_type, settings, held.clock, reference=reference,
        live=feature_drift.live(life, reference), data_as_of=last,
        backtest_wape=champion.metrics.get("wape"), model_version=champion.model_version, usual_gap_days=freshness.usual_gap(days),
        model_type=promises.fleet_type, today=today, tested_like=TOTALS,
    )  # fmt: skip
    await follow_up(held, promises.service, findings, promises.retrain)
    unsaid = [] if reference else [feature_drift.abstained(life)]
    return [finding.as_dict() for finding in (*findings, *unsaid)]
