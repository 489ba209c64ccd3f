"""The quality service as a process: `uvicorn rfid3_quality.app:app`."""

from fastapi import FastAPI

import rfid3_quality
from rfid3_quality import snapshot
from rfid3_quality.fleet import Judgements
from rfid3_quality.routes import router
from rfid3_quality.settings import SERVICE, QualitySettings
from rfid3_shared.app import create_service
from rfid3_shared.service_worker import when_asked


def create_app(settings: QualitySettings | None = None) -> FastAPI:
    """The ASGI app; settings come from the environment unless given."""
    made = create_service(
        SERVICE, title="RFID3 quality", description=rfid3_quality.__doc__ or "", router=router,
        settings=settings or QualitySettings(), load=snapshot.load,
    )  # fmt: skip
    made.state.judgements = Judgements()
    return made


# uvicorn asks for `app`; importing this module for anything else opens nothing
__getattr__ = when_asked("app", create_app)
