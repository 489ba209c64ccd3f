"""What does the crew do on which day? Items worth a service as jobs of an integer programme: each night, and whenever somebody asks.

Hours of work are written down nowhere: a stated number of them, by the skill "repair". How long an item stands in the shop is that of its
category's repairs, where any was seen to end, else a stated day. An item that is out or booked cannot be in the shop; of bookings by
class nobody knows which unit they will take, so only bookings of items count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from rfid3_maintenance.costing import costs_of
from rfid3_maintenance.decisions.crew import schedule
from rfid3_maintenance.decisions.jobs import Away, Crew, Job
from rfid3_maintenance.decisions.plan import Plan
from rfid3_maintenance.decisions.recorded_share import wear_of_all
from rfid3_maintenance.ranking import within
from rfid3_maintenance.schemas.planning import PlanRequest
from rfid3_maintenance.settings import SERVICE, MaintenanceSettings, hours_of, maintenance_settings
from rfid3_maintenance.snapshot import BEST, Snapshot, load
from rfid3_maintenance.timing import avoided_on_days, first_day
from rfid3_shared.errors import AppError, ModelUnavailable
from rfid3_shared.jobs import Progress
from rfid3_shared.resources import open_resources
from rfid3_shared.settings import Settings

SKILL = "repair"
SERVICE_HOURS = 1.0
"""Stated: hours of work of one planned service, unless RFID3_MAINTENANCE_SERVICE_HOURS says otherwise."""
SHOP_DAYS = 1.0
"""Stated: days in the shop where no repair was seen to end."""
MOST_NIGHTLY = 500
TIME_LIMIT_S = 5.0


async def run(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Plan what a request asks for; returns what `told` gives. arguments: `request`, the fields of PlanRequest.

    Raises ModelUnavailable before the first model, UnknownEquipment for a filter that names nothing.
    """
    own = maintenance_settings(settings)
    wanted = PlanRequest.model_validate(arguments["request"])
    async with open_resources(own) as held:
        champion = await held.registry.current(SERVICE)
        if champion is None:
            raise ModelUnavailable("No model of maintenance can answer yet.", service=SERVICE, reason="none published")
        with held.registry.lend_artefact(champion) as folder:
            snapshot = load(folder)
            progress.report("planning", 0, 1)
            return asked(snapshot, wanted, held.clock.today(), own.maintenance_service_hours)


def asked(snapshot: Snapshot, wanted: PlanRequest, today: date, service_hours_h: float = SERVICE_HOURS) -> dict[str, Any]:
    """The plan of a request."""
    first = _first(snapshot, today)
    problems: list[dict[str, str]] = []
    away: dict[int, list[Away]] = {}
    for booking in wanted.bookings:
        try:
            row = snapshot.row_of(booking.item_id)
        except AppError as fault:
            problems.append({"item_id": booking.item_id, "why": fault.message})
            continue
        away.setdefault(row, []).append(Away(float(booking.starts_in_days), None, "its booking"))
    rows = candidates(snapshot, within(snapshot, wanted.equipment_filter), wanted.most_items)
    rows = np.unique(np.append(rows, [row for row in away if snapshot.answerable[row]])).astype(int)
    hours: dict[str, float] = {}
    for one in wanted.crew:
        hours[one.skill] = hours.get(one.skill, 0.0) + one.hours_per_day
    plan = planned(snapshot, rows, hours, wanted.days_ahead, wanted.parts, wanted.parts_needed, away, service_hours_h, first)
    found = told(snapshot, plan, service_hours_h, first)
    return {**found, "infeasible_bookings": [*problems, *found["infeasible_bookings"]]}


def candidates(snapshot: Snapshot, named: np.ndarray, most: int) -> np.ndarray:
    """Rows of the items with most to avoid, best first; only those that a service pays for."""
    avoided = np.where(named & snapshot.answerable, snapshot.best[:, BEST.index("avoided_usd")], 0.0)
    rows = np.flatnonzero(avoided > 0)
    return rows[np.lexsort((rows, -avoided[rows]))][:most]


def planned(
    snapshot: Snapshot, rows: np.ndarray, hours_per_day: Mapping[str, float], days: int, parts: Mapping[str, int] | None = None,
    parts_needed: Mapping[str, Mapping[str, int]] | None = None, away: Mapping[int, Sequence[Away]] | None = None,
    service_hours_h: float = SERVICE_HOURS, first: int = 0,
) -> Plan:  # fmt: skip
    """The best plan found for these items, with its gap. first: days from the data's last day to the plan's first."""
    per = snapshot.per_recorded(rows)
    wear, renewed = (wear_of_all(part[rows], per) for part in (snapshot.survival, snapshot.renewed))
    costs = costs_of(snapshot, rows)
    even = snapshot.even(rows)
    avoided = np.zeros((0, days))
    if len(rows):
        avoided = avoided_on_days(wear, renewed, snapshot.spec.cuts_days, costs, first + days, even)[:, first:]
    best_days = np.maximum(np.asarray(snapshot.best[rows, BEST.index("day_days")], float) - first, 0.0)
    best = np.nan_to_num(best_days, nan=float(days))
    stays = _shop_days(snapshot, rows)
    jobs = [
        Job(
            snapshot.id_of(int(row)), service_hours_h, SKILL, avoided[at].tolist(), 0.0, float(stays[at]),
            dict((parts_needed or {}).get(snapshot.id_of(int(row)), {})), tuple((away or {}).get(int(row), ())), float(best[at]),
        ) for at, row in enumerate(rows)
    ]  # fmt: skip
    crew = Crew(days, {skill: [hours] * days for skill, hours in hours_per_day.items()}, dict(parts or {}))
    return schedule(jobs, crew, time_limit_s=TIME_LIMIT_S)


def told(snapshot: Snapshot, plan: Plan, service_hours_h: float = SERVICE_HOURS, first: int = 0) -> dict[str, Any]:
    """A plan as an answer shows it. first: days from the data's last day to the plan's first."""
    begins = snapshot.spec.data_as_of + timedelta(days=first)
    services: list[dict[str, Any]] = []
    for one in plan.scheduled:
        row = snapshot.row_of(one.item)
        kind = snapshot.spec.classes[snapshot.code(row, "rental_class")]
        services.append({
            "equipment_id": one.item, "equipment_type": kind["name"] or kind["rental_class"], "category": _category(snapshot, row),
            "day": one.day,
            "date": str(begins + timedelta(days=one.day)), "skill": one.skill, "hours": round(one.hours_h, 2),
            "avoided_usd": round(one.benefit_usd, 2), **_ends(snapshot, row, one.benefit_usd),
        })  # fmt: skip
    return {
        "plan": services, "first_day": str(begins), "avoided_usd": round(plan.benefit_usd, 2),
        **{end: round(sum(one[end] for one in services), 2) for end in ("avoided_lower_usd", "avoided_upper_usd")},
        "gap_ratio": round(plan.gap_ratio, 6), "text": plan.words,
        "not_planned": len(plan.unscheduled), "stated": {
            "hours_per_service": service_hours_h, "setting": "RFID3_MAINTENANCE_SERVICE_HOURS", "skill": SKILL, "shop_days": SHOP_DAYS,
            "missing": "hours of work of single services: neither RFID3 nor the POS keeps any",
        },
        "shop_days": {name: days for name, days in _known_stays(snapshot).items() if name in {one["category"] for one in services}},
        "infeasible_bookings": [{"item_id": one.item, "booking": one.booking, "why": one.why} for one in plan.conflicts],
    }  # fmt: skip


def with_nightly_plan(snapshot: Snapshot, own: MaintenanceSettings, today: date) -> Snapshot:
    """The snapshot with the crew's plan of the coming days in it; without one where the settings name no crew."""
    hours = hours_of(own.maintenance_crew)
    if not hours:
        return snapshot
    rows = candidates(snapshot, np.ones(len(snapshot.ids), bool), MOST_NIGHTLY)
    took, first = own.maintenance_service_hours, _first(snapshot, today)
    plan = planned(snapshot, rows, hours, own.maintenance_plan_days, service_hours_h=took, first=first)
    days = snapshot.planned_day.copy()
    for one in plan.scheduled:
        days[snapshot.row_of(one.item)] = first + one.day
    summary = {
        key: value for key, value in told(snapshot, plan, took, first).items() if key not in ("plan", "infeasible_bookings")
    }
    spec = replace(
        snapshot.spec, plan={**summary, "planned": len(plan.scheduled), "days": own.maintenance_plan_days, "crew": hours}
    )
    return replace(snapshot, spec=spec, planned_day=days)


def _first(snapshot: Snapshot, today: date) -> int:
    return (first_day(snapshot.spec.data_as_of, today) - snapshot.spec.data_as_of).days


def _category(snapshot: Snapshot, row: int) -> str:
    return snapshot.spec.categories[snapshot.code(row, "category")]


def _known_stays(snapshot: Snapshot) -> dict[str, float]:
    """By category, days in the shop of half of its repairs; only where repairs were seen to end. `all` is of every category."""
    return {
        one["category"]: float(one["median_days"]) for one in snapshot.spec.turnaround
        if one["kind"] == SKILL and one["visits"] and one["basis"] != "stated prior"
    }  # fmt: skip


def _shop_days(snapshot: Snapshot, rows: np.ndarray) -> np.ndarray:
    """(rows,) days that a service keeps each item: whole days, one at least."""
    known = _known_stays(snapshot)
    days = [known.get(_category(snapshot, int(row)), known.get("all", SHOP_DAYS)) for row in rows]
    return np.asarray(np.maximum(np.ceil(np.array(days, float)), 1.0))


def _ends(snapshot: Snapshot, row: int, avoided_usd: float) -> dict[str, float]:
    """The interval of what a service avoids, as wide as on its best day."""
    best = {name: float(snapshot.best[row, BEST.index(name)]) for name in BEST}
    return {end: round(avoided_usd + best[end] - best["avoided_usd"], 2) for end in ("avoided_lower_usd", "avoided_upper_usd")}
