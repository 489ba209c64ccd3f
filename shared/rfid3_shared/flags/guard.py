"""How does a route refuse while its ability is switched off? A dependency: `Depends(require_flag(Flag.DEMAND_FORECASTING))`."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request

from rfid3_shared.flags.flag import Flag
from rfid3_shared.flags.flags import Flags

PARAMETERS = {
    "store": "store", "category": "category", "rental_class": "item", "item_id": "item", "equipment_id": "item",
}  # fmt: skip
"""Parameter of a route to the kind of entity it names."""


def entities_in(parameters: Mapping[str, object]) -> tuple[str, ...]:
    """What a request asks about, as flags name it: `store:8101`, `category:Round Linen`, `item:61825`."""
    asked = ((kind, str(parameters[name]).strip()) for name, kind in PARAMETERS.items() if parameters.get(name) is not None)
    return tuple(f"{kind}:{name}" for kind, name in asked if name)


def require_flag(*flags: Flag) -> Callable[[Request], Awaitable[None]]:
    """A dependency that lets a request through while the master and these flags are on for its caller and question.

    Raises FeatureDisabled (503) otherwise. Needs `app.state.resources.flags` and a caller that was admitted before.
    """

    async def check(request: Request) -> None:
        known: Flags = request.app.state.resources.flags
        key = request.scope["state"]["caller"].key_id
        for flag in flags:
            if not known.on(flag, key=key):
                # what is asked about is only worked out where it can still decide
                asked = {**request.query_params, **request.path_params}
                known.check(flag, key=key, entities=entities_in(asked))

    return check
