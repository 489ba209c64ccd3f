"""How do outside factors get here? Every provider that is on is asked, all at once; whatever happens, old factors stay.

A provider that is slow, gone or wrong costs its own news only: `external_fetches` says what happened, in plain words, and when it
last went well. The job `external_fetch` runs `run`; the command `rfid3 external fetch` calls `fetch_all`.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import AppError, UpstreamTimeout, UpstreamUnavailable
from rfid3_shared.external.measurement import insert_or_change, why_not_kept, write_measurements
from rfid3_shared.external.provider import Fetched, Provider, Wanted
from rfid3_shared.external.providers import chosen
from rfid3_shared.external.tables import external_data_factors, external_fetches
from rfid3_shared.flags import Flag
from rfid3_shared.http import FIRST_PAUSE_S, Outside, Validators
from rfid3_shared.jobs.progress import Progress
from rfid3_shared.jobs.requests import stored_now
from rfid3_shared.log import get_logger
from rfid3_shared.resources import open_resources
from rfid3_shared.settings import Settings

MOST_VALIDATORS = 50
AHEAD_DAYS = 400
LONGEST_NOTE = 500
log = get_logger("external.fetch")


@dataclass(frozen=True)
class Outcome:
    """What came of asking one provider."""

    provider: str
    state: str
    """ok | off | failed (no answer) | refused (an answer, or settings, that make no sense)."""
    note: str
    stored: int
    """Values stored this time."""
    last_success_at: datetime | None
    """UTC without zone; None when it never went well."""


@dataclass(frozen=True)
class _Turn:
    """A provider, and what is on record of it before it is asked."""

    provider: Provider
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    stored: int
    validators: Validators
    wanted: Wanted


@dataclass(frozen=True)
class _Said:
    state: str
    note: str
    fetched: Fetched | None = None
    asked: bool = True


async def run(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Ask the providers named in `arguments["providers"]`, or all; returns {total_stored, providers: [outcomes]}.

    {skipped: why} while outside data is switched off. Raises NotFound for a provider that nobody knows.
    """
    async with open_resources(settings) as held:
        if why := held.flags.why_off(Flag.EXTERNAL_DATA_INTEGRATION):
            return {"skipped": f"{Flag.EXTERNAL_DATA_INTEGRATION}: {why}", "total_stored": 0, "providers": []}
        progress.report("asking", 0, 1)
        outcomes = await fetch_all(
            held.store, held.clock, settings, arguments.get("providers") or [], again=bool(arguments.get("again"))
        )
        progress.report("asking", 1, 1)
    told = [{**asdict(one), "last_success_at": one.last_success_at and one.last_success_at.isoformat()} for one in outcomes]
    return {"total_stored": sum(one.stored for one in outcomes), "providers": told}


async def fetch_all(
    store: AsyncEngine, clock: Clock, settings: Settings, names: Iterable[str] = (), *, again: bool = False,
    first_pause_s: float = FIRST_PAUSE_S,
) -> list[Outcome]:  # fmt: skip
    """Ask the providers of these names, or all, side by side. `again`: also those asked a short while ago.

    Raises NotFound for an unknown name, StoreUnavailable; whatever is wrong with a provider is an outcome.
    """
    # the store is used by one at a time, before and after: nothing that is cut short may be a transaction
    turns = [await _turn(store, clock, settings, provider) for provider in chosen(names)]
    async with Outside(total_s=settings.external_timeout_s, first_pause_s=first_pause_s) as outside:
        said = await asyncio.gather(*(_ask(turn, outside, settings, stored_now(clock), again) for turn in turns))
    return [await _record(store, clock, turn, each) for turn, each in zip(turns, said, strict=True)]


async def _ask(turn: _Turn, outside: Outside, settings: Settings, now: datetime, again: bool) -> _Said:
    """Ask one provider, unless it is off or was asked a short while ago; whatever is wrong with it is said, not raised."""
    provider, last = turn.provider, turn.last_success_at
    if why := provider.why_off(settings):
        return _Said("off", why)
    pause = timedelta(seconds=provider.least_interval_s)
    if not again and last and now - last < pause:
        note = f"asked at {last:%Y-%m-%d %H:%M} UTC; not again before {last + pause:%Y-%m-%d %H:%M} UTC"
        return _Said("ok", note, asked=False)
    try:
        # a list of questions takes longer than one, but a provider may not hold up the others for ever
        async with asyncio.timeout(2 * settings.external_timeout_s):
            fetched = await provider.fetch(outside, settings, turn.wanted, turn.validators)
    except (UpstreamTimeout, UpstreamUnavailable) as fault:
        return _Said("failed", fault.message)
    except TimeoutError:
        return _Said("failed", "It took too long.")
    except AppError as fault:
        return _Said("refused", fault.message)
    except Exception as fault:
        log.exception("provider_failed", provider=provider.name)
        return _Said("failed", f"Its plug-in failed ({type(fault).__name__}).")
    for row in fetched.rows:
        if reason := why_not_kept(row):
            return _Said("refused", f"{row.factor_name} of {row.day} cannot be kept: {reason}.")
    return _Said("ok", fetched.note, fetched)


async def _turn(store: AsyncEngine, clock: Clock, settings: Settings, provider: Provider) -> _Turn:
    c, today = external_data_factors.c, clock.today()
    query = select(c.factor_name, c.location, func.min(c.measurement_date), func.max(c.measurement_date))
    query = query.where(c.data_source == provider.name, c.is_forecast.is_(False)).group_by(c.factor_name, c.location)
    on_record = select(external_fetches).where(external_fetches.c.provider == provider.name)
    async with transaction(store) as connection:
        row = (await connection.execute(on_record)).mappings().one_or_none()
        known = {(name, place): (first, last) for name, place, first, last in await connection.execute(query)}
    first = today - timedelta(days=settings.external_history_days)
    wanted = Wanted(first, today, today + timedelta(days=AHEAD_DAYS), known)
    if row is None:
        return _Turn(provider, None, None, 0, {}, wanted)
    return _Turn(provider, row["last_attempt_at"], row["last_success_at"], row["stored"], dict(row["validators"]), wanted)


async def _record(store: AsyncEngine, clock: Clock, turn: _Turn, said: _Said) -> Outcome:
    """Keep values and what happened, in one transaction: an answer counts as taken when its values are there."""
    name, now, fetched = turn.provider.name, stored_now(clock), said.fetched
    if not said.asked:
        return Outcome(name, said.state, said.note, 0, turn.last_success_at)
    stored = 0
    async with transaction(store) as connection:
        if fetched is not None:
            stored = await write_measurements(connection, fetched.rows, name, clock)
        success = turn.last_success_at if fetched is None else now
        row = {
            "provider": name, "last_attempt_at": turn.last_attempt_at if said.state == "off" else now, "last_success_at": success,
            "state": said.state, "note": said.note[:LONGEST_NOTE], "stored": turn.stored if fetched is None else stored,
            # an answer that was not taken must not be "unchanged" the next time
            "validators": {} if fetched is None else dict(list(turn.validators.items())[-MOST_VALIDATORS:]),
        }  # fmt: skip
        changed = [column for column in row if column != "provider"]
        await connection.execute(insert_or_change(connection.dialect.name, external_fetches, ("provider",), changed), row)
    return Outcome(name, said.state, said.note, stored, success)
