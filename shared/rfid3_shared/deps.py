"""What may a route ask for? Resources, the caller, a transaction and the outbox, as FastAPI dependencies.

`get_tx` has function scope: it commits before the response is sent, and a commit that fails is a 500. `get_tx` depends on
`get_outbox`, so jobs are sent after the commit and never after a rollback.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.auth import Caller
from rfid3_shared.db import transaction
from rfid3_shared.jobs import Outbox
from rfid3_shared.resources import Resources


async def get_resources(request: Request) -> Resources:
    """What the process holds open. (Asynchronous, as every dependency here: FastAPI sends plain functions to a thread.)"""
    return request.app.state.resources  # type: ignore[no-any-return]


def require(scope: str) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency that lets only callers with the scope through; raises Forbidden for others."""

    async def check(request: Request) -> Caller:
        caller: Caller = request.scope["state"]["caller"]
        caller.require(scope)
        return caller

    return check


async def get_outbox(resources: Annotated[Resources, Depends(get_resources)]) -> AsyncIterator[Outbox]:
    """Jobs to send once the transaction is committed."""
    outbox = Outbox(resources.redis)
    yield outbox
    await outbox.send()


async def get_tx(
    resources: Annotated[Resources, Depends(get_resources)],
    outbox: Annotated[Outbox, Depends(get_outbox, scope="function")],
) -> AsyncIterator[AsyncConnection]:
    """The request's transaction on the store."""
    async with transaction(resources.store) as connection:
        yield connection
