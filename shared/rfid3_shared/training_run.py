"""What does every training run do around the learning? switched on? → read → newer? → learn → contest → follow up.

A service says how it reads, learns and follows up (`Training`); `training_jobs` makes of it the two jobs that its worker names. They run
in a process of their own; nothing that answers requests imports a service's `train`. Publishing is idempotent: what is published is made
of the data, the arguments and the job's id.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from rfid3_shared.jobs import Progress
from rfid3_shared.registry import Version
from rfid3_shared.registry.candidate import Candidate, contest, job_id_of, opened, why_no_refresh, why_not_newer, why_not_now
from rfid3_shared.resources import Resources, open_resources
from rfid3_shared.settings import Settings

Own = TypeVar("Own", bound=Settings)
Read = TypeVar("Read")
Made = TypeVar("Made")
Job = Callable[[Settings, dict[str, Any], Progress], Awaitable[dict[str, Any]]]


class RetrainRequest(BaseModel):
    """POST /<service>/retrain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    force_retrain: bool = Field(False, description="Publish even when no better than what serves.")

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> "RetrainRequest":
        """The request among a job's arguments."""
        return cls.model_validate({name: arguments[name] for name in cls.model_fields if name in arguments})


@dataclass(frozen=True)
class Run(Generic[Own, Made]):
    """What a run lends to a service's steps. serving: what the champion's files hold; None without one that can be read."""

    held: Resources
    settings: Own
    champion: Version | None
    serving: Made | None
    job_id: str
    progress: Progress


@dataclass(frozen=True)
class Training(Generic[Own, Read, Made]):
    """How a service trains.

    load: a published folder as a snapshot. read: what is learned from; last_day: the last day it knows. learn: the candidate's snapshot,
    and it as the gate takes it. follow: what is done at once when it serves; what it returns joins the result.
    """

    service: str
    settings: type[Own]
    load: Callable[[Path], Made]
    read: Callable[[Resources], Awaitable[Read]]
    last_day: Callable[[Read], date]
    learn: Callable[[Run[Own, Made], Read], tuple[Made, Candidate]]
    follow: Callable[[Run[Own, Made], Made, str], Awaitable[dict[str, Any]]]


def training_jobs(training: Training[Own, Read, Made]) -> tuple[Job, Job]:
    """The jobs `run` and `refresh`: functions of settings, arguments (force_retrain, job_id) and progress.

    Both return {model_version, state, reason, metrics} and what follows, or {skipped: why}: while training is switched off; and a refresh
    (new data, no time in the shadow) when nothing serves yet, a newer model is on trial, or there are no newer data. They raise
    InsufficientData when nothing can be learned.
    """
    return partial(_trained, training, True), partial(_trained, training, False)


async def _trained(
    training: Training[Own, Read, Made], shadow: bool, settings: Settings, arguments: dict[str, Any], progress: Progress
) -> dict[str, Any]:  # fmt: skip
    own, forced = training.settings.of(settings), RetrainRequest.of(arguments).force_retrain
    async with open_resources(own) as held:
        if off := why_not_now(held):
            return off
        champion = await held.registry.current(training.service)
        if not shadow and (off := await why_no_refresh(held, training.service, champion)):
            return off
        progress.report("loading", 0, 1)
        given = await training.read(held)
        if not shadow and (off := why_not_newer(champion, training.last_day(given))):
            return off
        run = Run(held, own, champion, opened(held, champion, training.load), job_id_of(arguments), progress)
        made, candidate = training.learn(run, given)
        progress.report("publishing", 0, 1)
        settled = await contest(
            held, training.service, candidate, champion=champion, job_id=run.job_id, forced=forced,
            shadow=shadow and run.serving is not None,
        )  # fmt: skip
        if settled["state"] == "champion":
            settled |= await training.follow(run, made, settled["model_version"])
        progress.report("publishing", 1, 1)
        return settled
