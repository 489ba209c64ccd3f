"""What does a unit of a class bring a day, as demand expects? Asked of that service on behalf of the caller, and remembered."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from rfid3_shared.siblings import address_of, ask

WEEKS = 4
MOST_CLASSES = 200
FORECASTS = "/demand/forecast/batch"
REST_S = 15.0
"""How long a service that gave no answer is left alone."""


@dataclass
class Memory:
    """Rental class → (dollars a unit and day, until when it counts), by caller: nobody is told what another may see; and by caller why
    there was no answer, and until when nobody asks again: a service that is down shall not slow down every answer of this one."""

    known: dict[tuple[str, str], tuple[float | None, float]] = field(default_factory=dict)
    silent: dict[str, tuple[str, float]] = field(default_factory=dict)


async def usd_per_unit_day(
    request: Request, classes: Sequence[str], memory_s: float
) -> tuple[dict[str, float | None] | None, str]:  # fmt: skip
    """Dollars a unit of each class is expected to bring a day over the next weeks, None where demand knows none; and what is to be said.

    (None, why) when the demand service does not answer. Units that have no rate are counted as unknown, never as worth nothing.
    """
    memory: Memory = request.app.state.revenue
    now, caller = request.app.state.resources.clock.monotonic(), request.scope["state"]["caller"].key_id
    kept = {
        name: memory.known[caller, name][0] for name in classes if memory.known.get((caller, name), (None, now - 1))[1] > now
    }
    missing = [name for name in classes if name and name not in kept][:MOST_CLASSES]
    why, until = memory.silent.get(caller, ("", now))
    if missing and until > now:
        return None, why
    if missing:
        queries = [{"key": name, "rental_class": name, "weeks": WEEKS} for name in missing]
        reply = await ask(request, "demand", FORECASTS, {"queries": queries})
        if reply.data is None:
            if address_of("demand") is not None:
                memory.silent = {caller: (f"Not known: {reply.why}", now + REST_S)}
            return None, f"Not known: {reply.why}"
        found = {name: _a_day(reply.data["results"].get(name)) for name in missing}
        memory.known = {key: value for key, value in memory.known.items() if value[1] > now}
        memory.known |= {(caller, name): (usd, now + memory_s) for name, usd in found.items()}
        kept |= found
    told = sum(usd is not None for usd in kept.values())
    return (
        kept,
        f"From the demand service's forecast for {told} of {len(classes)} classes." if classes else "No item, no question.",
    )


def _a_day(result: dict[str, Any] | None) -> float | None:
    """Dollars a unit and day of one class's forecast."""
    if not result or not result.get("ok"):
        return None
    weeks = [week["business_impact"] for week in result["data"]["predictions"]]
    units = max((week["units_in_service"] for week in weeks), default=0)
    dollars = [week["revenue_opportunity"] for week in weeks]
    if not units or not weeks or any(one is None for one in dollars):
        return None
    return float(sum(dollars)) / units / (7 * len(weeks))
