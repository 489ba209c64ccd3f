"""How is a training run asked for? It is a job: the answer is its id."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from rfid3_demand import predict
from rfid3_demand.routes.answering import meta_of
from rfid3_demand.schemas import RetrainAnswer, RetrainRequest
from rfid3_demand.settings import SERVICE
from rfid3_shared.answering import Open
from rfid3_shared.app import answer
from rfid3_shared.envelope import Envelope
from rfid3_shared.training_request import AfterCommit, Trainer, Transaction, ask_for_training, training_allowed

router = APIRouter()


@router.post(
    "/retrain", status_code=202, response_model=Envelope[RetrainAnswer], dependencies=[training_allowed(SERVICE)]
)  # fmt: skip
async def retrain(
    request: Request, wanted: RetrainRequest, held: Open, caller: Trainer, outbox: AfterCommit, connection: Transaction
) -> Response:
    """Schedule a training run; 409 CONFLICT while one is queued or running."""
    job, likely_end = await ask_for_training(request, SERVICE, wanted.model_dump(), caller, outbox, connection)
    loaded = request.app.state.snapshots.loaded
    counts = loaded.snapshot.spec.counts if loaded else {}
    data = {
        "training_job_id": job.id,
        "models_scheduled": sorted({predict.variant_name(name) for name in wanted.model_types}),
        "estimated_completion": likely_end,
        "training_data_size": counts.get("training_observations"),
        "validation_data_size": counts.get("validation_observations"),
    }
    meta = meta_of(request, loaded, held.clock.today()) if loaded else {}
    return answer(request, data, message=f"Training is scheduled: GET /api/predictive/jobs/{job.id}.", meta=meta, status=202)
