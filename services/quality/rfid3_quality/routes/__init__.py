"""Which questions does the quality service answer over HTTP? In and out only; the thinking is elsewhere.

One room a question: degradation (one item, many) · fleet (budget, replacements, inspections, price) · inspection (what people find).
Training is asked for as of every service of items. `answering` holds what all of them share.
"""

from fastapi import APIRouter

from rfid3_quality.routes import degradation_routes, fleet_routes, inspection_routes
from rfid3_quality.settings import SERVICE
from rfid3_shared.training_route import retrain_router

router = APIRouter(prefix="/quality", tags=["quality"])
for room in (degradation_routes, fleet_routes, inspection_routes):
    router.include_router(room.router)
router.include_router(retrain_router(SERVICE))

__all__ = ["router"]
