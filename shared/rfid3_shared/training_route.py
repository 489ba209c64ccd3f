"""How does a service offer a training run over HTTP? It is a job: the answer is its id."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from rfid3_shared.answering import meta_of_loaded
from rfid3_shared.app import answer
from rfid3_shared.envelope import Envelope
from rfid3_shared.registry import Loaded
from rfid3_shared.training_request import AfterCommit, Trainer, Transaction, ask_for_training, training_allowed
from rfid3_shared.training_run import RetrainRequest

MetaOf = Callable[[Request, Loaded[Any]], dict[str, Any]]
UnitsOf = Callable[[Any], int]


class RetrainAnswer(BaseModel):
    """The job that was scheduled."""

    training_job_id: str
    estimated_completion: datetime | None = Field(description="From the last runs' durations; null before the first.")
    units: int | None = Field(description="Units that the current model speaks of; null before the first.")


def retrain_router(
    service: str, meta_of: MetaOf = meta_of_loaded, units_of: UnitsOf = lambda snapshot: len(snapshot.ids)
) -> APIRouter:
    """The route that schedules a training run. units_of: how many units a snapshot speaks of."""
    router = APIRouter()

    @router.post("/retrain", status_code=202, response_model=Envelope[RetrainAnswer], dependencies=[training_allowed(service)])
    async def retrain(
        request: Request, caller: Trainer, outbox: AfterCommit, connection: Transaction, wanted: RetrainRequest | None = None
    ) -> Response:
        """Schedule a training run; 409 CONFLICT while one is queued or running."""
        asked = wanted or RetrainRequest()
        job, likely_end = await ask_for_training(request, service, asked.model_dump(), caller, outbox, connection)
        loaded = request.app.state.snapshots.loaded
        units = units_of(loaded.snapshot) if loaded else None
        data = {"training_job_id": job.id, "estimated_completion": likely_end, "units": units}
        meta = meta_of(request, loaded) if loaded else {}
        return answer(
            request, data, message=f"Training is scheduled: GET /api/predictive/jobs/{job.id}.", meta=meta, status=202
        )

    return router
