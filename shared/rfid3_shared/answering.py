"""What does every route of every service ask first, and what does it say and write down last?

A service's own `routes` build on it: `Open` (resources), `Reader` (who may read), `switched_on` (its flag), `loaded_or` (the snapshot that
serves), `meta_of_loaded` (what an answer rests on), `shown` and `write_down` (the ledger, and the version on trial beside).
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Depends, Request

from rfid3_shared.auth import Caller
from rfid3_shared.deps import get_resources, require
from rfid3_shared.errors import ModelUnavailable
from rfid3_shared.flags import Flag, flag_of_service
from rfid3_shared.flags.guard import require_flag
from rfid3_shared.ledger import Prediction
from rfid3_shared.ledger.prediction import LONGEST_REQUEST_ID
from rfid3_shared.registry import Loaded
from rfid3_shared.resources import Resources

Open = Annotated[Resources, Depends(get_resources)]
Reader = Annotated[Caller, Depends(require("read"))]
Explain = Callable[[Resources], Awaitable[None]]
RowOf = Callable[[Any, str, datetime, str], Prediction]


def switched_on(service: str, *also: Flag) -> Any:
    """A dependency: the service, and what else is named, is switched on. Raises FeatureDisabled."""
    flag = flag_of_service(service)
    assert flag is not None, f"{service} has no flag"
    return Depends(require_flag(flag, *also))


def loaded_or(explain: Explain) -> Callable[[Request], Awaitable[Loaded[Any]]]:
    """A dependency (a function of the request) that gives the snapshot that serves now.

    Without one, `explain` is asked first: it raises InsufficientData when the source has nothing to train on; else ModelUnavailable.
    """

    async def get_loaded(request: Request) -> Loaded[Any]:
        try:
            return request.app.state.snapshots.get()  # type: ignore[no-any-return]
        except ModelUnavailable:
            await explain(request.app.state.resources)
            raise

    return get_loaded


def meta_of(request: Request, model_version: str, data_as_of: date, today: date, **extra: Any) -> dict[str, Any]:
    """What an answer rests on: version, whether it is a fallback, the last day of its data and how long ago that was."""
    return {
        "model_version": model_version, "fallback": not request.app.state.snapshots.healthy, "data_as_of": data_as_of,
        "data_age_days": max(0, (today - data_as_of).days), **extra,
    }  # fmt: skip


def meta_of_loaded(request: Request, loaded: Loaded[Any], missing: Iterable[str] = (), **extra: Any) -> dict[str, Any]:
    """What an answer of this snapshot rests on. missing: what could not be read for it."""
    today = request.app.state.resources.clock.today()
    lacking = {"degraded": [*request.app.state.reach.missing, *missing]} if missing else {}
    return meta_of(request, loaded.version.model_version, loaded.snapshot.spec.data_as_of, today, **extra, **lacking)


def write_down(
    request: Request, shown: Sequence[Prediction], beside: Callable[[Loaded[Any]], Sequence[Prediction]] | None = None
) -> None:
    """Record what is shown, and have the version on trial answer the same question, unseen and later, with `beside`."""
    request.app.state.resources.ledger.record(shown)
    shadow = request.app.state.snapshots.shadow
    if beside is not None and shadow is not None and shown:
        request.app.state.shadowing.answer_beside(shadow.version, lambda: beside(shadow), champion=shown)


def request_of(request: Request) -> str:
    """The request's id, as much of it as the ledger keeps."""
    return str(request.scope["state"]["request_id"])[:LONGEST_REQUEST_ID]


def shown(request: Request, loaded: Loaded[Any], row_of: RowOf) -> str:
    """Write down one answer that is shown, and what the version on trial says to the same question; the id of the row shown.

    row_of: the row of a snapshot, its version, the moment and the request's id.
    """
    at, request_id = request.app.state.resources.clock.now(), request_of(request)

    def of(one: Loaded[Any]) -> Prediction:
        return row_of(one.snapshot, one.version.model_version, at, request_id)

    row = of(loaded)
    write_down(request, [row], lambda shadow: [of(shadow)])
    return row.id
