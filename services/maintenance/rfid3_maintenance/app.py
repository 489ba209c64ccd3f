"""The maintenance service as a process: `uvicorn rfid3_maintenance.app:app`."""

from fastapi import FastAPI

import rfid3_maintenance
from rfid3_maintenance import snapshot
from rfid3_maintenance.reporting import Recent
from rfid3_maintenance.revenue import Memory
from rfid3_maintenance.routes import router
from rfid3_maintenance.settings import SERVICE, MaintenanceSettings
from rfid3_shared.app import create_service
from rfid3_shared.service_worker import when_asked


def create_app(settings: MaintenanceSettings | None = None) -> FastAPI:
    """The ASGI app; settings come from the environment unless given."""
    app = create_service(
        SERVICE, title="RFID3 maintenance", description=rfid3_maintenance.__doc__ or "", router=router,
        settings=settings or MaintenanceSettings(), load=snapshot.load,
    )  # fmt: skip
    app.state.revenue, app.state.reports = Memory(), Recent()
    return app


# uvicorn asks for `app`; importing this module for anything else opens nothing
__getattr__ = when_asked("app", create_app)
