"""How does a service become a process that works off jobs?

A service's room `worker` names its kinds of jobs, and what its worker sees to besides (`duties(settings)`) where there is something. What
all services do alike is here: when a kind is due is a setting's name away, and whoever trains models sees to their promotion.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rfid3_shared.jobs.duties import Duty
from rfid3_shared.jobs.schedule import Schedule
from rfid3_shared.registry.promotion import promotion_duty
from rfid3_shared.settings import Settings

PROMOTION_INTERVAL_S = 5.0
MoreDuties = Callable[[Settings], Sequence[Duty]]


def schedules_of(service: str, kinds: Mapping[str, str], settings: Settings) -> list[Schedule]:
    """When jobs run by themselves, in shop time: as the setting `<service>_<kind>_cron` says; kinds without one only when asked for."""
    times = {kind: getattr(settings, f"{service}_{kind}_cron", None) for kind in kinds}
    return [Schedule(service, kind, cron) for kind, cron in times.items() if cron is not None]


def duties_of(service: str, settings: Settings, more: MoreDuties | None = None) -> tuple[Duty, ...]:
    """What a service's worker sees to beside its jobs: the promotion of its models, and what the service itself adds."""
    return (Duty("promotion", PROMOTION_INTERVAL_S, promotion_duty(service)), *(more(settings) if more else ()))


def worker_when_asked(
    service: str, kinds: Mapping[str, str], settings: Callable[[], Settings], more: MoreDuties | None = None
) -> Callable[[str], Any]:  # fmt: skip
    """The `__getattr__` of a service's room `worker`: arq asks for `Worker`; importing the room for anything else opens nothing."""

    def made() -> type:
        from rfid3_shared.jobs.worker import worker_class

        own = settings()
        due, duties = schedules_of(service, kinds, own), duties_of(service, own, more)
        return worker_class(service, kinds, own, schedules=due, duties=duties)

    return when_asked("Worker", made)


def when_asked(wanted: str, make: Callable[[], Any]) -> Callable[[str], Any]:
    """A module's `__getattr__` that makes one thing when its name is asked for."""

    def of_module(name: str) -> Any:
        if name == wanted:
            return make()
        raise AttributeError(name)

    return of_module
