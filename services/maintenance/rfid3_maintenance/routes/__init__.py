"""Which questions does the maintenance service answer over HTTP? In and out only; the thinking is elsewhere.

One room a question: schedule · plan (the crew's) · item (health, probability, booking survival) · batch · turnaround · feedback ·
alerts. Training is asked for as of every service of items. `answering` holds what all of them share.
"""

from fastapi import APIRouter

from rfid3_maintenance.routes import (
    alerts_routes,
    batch_routes,
    feedback_routes,
    item_routes,
    plan_routes,
    schedule_routes,
    turnaround_routes,
)
from rfid3_maintenance.settings import SERVICE
from rfid3_shared.training_route import retrain_router

router = APIRouter(prefix="/maintenance", tags=["maintenance"])
for room in (schedule_routes, plan_routes, item_routes, batch_routes, turnaround_routes, feedback_routes, alerts_routes):
    router.include_router(room.router)
router.include_router(retrain_router(SERVICE))

__all__ = ["router"]
