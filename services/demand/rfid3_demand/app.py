"""The demand service as a process: `uvicorn rfid3_demand.app:app`."""

from fastapi import FastAPI

import rfid3_demand
from rfid3_demand import snapshot
from rfid3_demand.pace import Pace
from rfid3_demand.routes import router
from rfid3_demand.settings import SERVICE, DemandSettings
from rfid3_shared.app import create_service
from rfid3_shared.service_worker import when_asked


def create_app(settings: DemandSettings | None = None) -> FastAPI:
    """The ASGI app; settings come from the environment unless given."""
    app = create_service(
        SERVICE, title="RFID3 demand", description=rfid3_demand.__doc__ or "", router=router,
        settings=settings or DemandSettings(), load=snapshot.load,
    )  # fmt: skip
    app.state.pace = Pace()
    return app


# uvicorn asks for `app`; importing this module for anything else opens nothing
__getattr__ = when_asked("app", create_app)
