"""How is a training run asked for? It is a job: the answer is its id."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_demand import predict, queries
from rfid3_demand.routes.answering import Open, meta_of
from rfid3_demand.schemas import RetrainAnswer, RetrainRequest
from rfid3_demand.settings import SERVICE
from rfid3_shared.app import answer
from rfid3_shared.auth import Caller
from rfid3_shared.deps import get_outbox, get_tx, require
from rfid3_shared.envelope import Envelope
from rfid3_shared.flags import Flag
from rfid3_shared.flags.guard import require_flag
from rfid3_shared.jobs import Outbox, enqueue

TRAIN_KIND = "train"
router = APIRouter()


@router.post(
    "/retrain", status_code=202, response_model=Envelope[RetrainAnswer],
    dependencies=[Depends(require_flag(Flag.DEMAND_FORECASTING, Flag.MODEL_TRAINING))],
)  # fmt: skip
async def retrain(
    request: Request, wanted: RetrainRequest, held: Open, caller: Annotated[Caller, Depends(require("train"))],
    outbox: Annotated[Outbox, Depends(get_outbox, scope="function")],
    connection: Annotated[AsyncConnection, Depends(get_tx, scope="function")],
) -> Response:  # fmt: skip
    """Schedule a training run; 409 CONFLICT while one is queued or running."""
    job = await enqueue(
        connection, service=SERVICE, kind=TRAIN_KIND, arguments=wanted.model_dump(), requested_by=caller.key_id, clock=held.clock,
        idempotency_key=f"{caller.key_id}/{given}" if (given := request.headers.get("idempotency-key")) else None,
    )  # fmt: skip
    outbox.add(job)
    usual_s = await queries.usual_training_seconds(connection)
    loaded = request.app.state.snapshots.loaded
    counts = loaded.snapshot.spec.counts if loaded else {}
    data = {
        "training_job_id": job.id,
        "models_scheduled": sorted({predict.variant_name(name) for name in wanted.model_types}),
        "estimated_completion": None if usual_s is None else held.clock.now() + timedelta(seconds=usual_s),
        "training_data_size": counts.get("training_observations"),
        "validation_data_size": counts.get("validation_observations"),
    }
    meta = meta_of(request, loaded, held.clock.today()) if loaded else {}
    return answer(request, data, message=f"Training is scheduled: GET /api/predictive/jobs/{job.id}.", meta=meta, status=202)
