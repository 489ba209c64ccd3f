"""Does every service's worker do what its room declares, and nothing when it is only imported?"""

from importlib import import_module

import pytest

from rfid3_deploy.topology import Service, read_topology
from rfid3_shared.jobs.work import locate
from rfid3_shared.service_worker import duties_of, schedules_of, when_asked
from rfid3_shared.training_request import TRAIN_KIND

SERVICES = read_topology()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
class TestRooms:
    def test_every_kind_of_job_is_there(self, service: Service) -> None:
        """What KINDS names can be called; training, refreshing and scoring are among them."""
        kinds = import_module(service.worker_module).KINDS

        assert {TRAIN_KIND, "refresh", "score"} <= set(kinds)
        assert all(callable(locate(path)) for path in kinds.values())

    def test_every_time_in_the_settings_is_a_kind_that_is_due(self, service: Service) -> None:
        """Each setting `<service>_<kind>_cron` is a kind's: one that is misspelt would be due never."""
        kinds, settings = import_module(service.worker_module).KINDS, service.settings()
        times = {name for name in type(settings).model_fields if name.startswith(f"{service.name}_") and name.endswith("_cron")}

        found = {f"{service.name}_{one.kind}_cron": one.cron for one in schedules_of(service.name, kinds, settings)}

        assert found == {name: getattr(settings, name) for name in times}

    def test_models_are_promoted(self, service: Service) -> None:
        """Whatever else a worker sees to, it sees to that first."""
        duties = duties_of(service.name, service.settings(), getattr(import_module(service.worker_module), "duties", None))

        assert duties[0].name == "promotion"
        assert len({duty.name for duty in duties}) == len(duties)

    def test_arq_finds_its_class(self, service: Service) -> None:
        """`arq <package>.worker.Worker` runs the service's queue; no other name is made up."""
        room = import_module(service.worker_module)

        assert room.Worker.queue_name.count(service.name) == 1
        assert not hasattr(room, "Nobody")


def test_a_thing_is_made_when_it_is_asked_for() -> None:
    """Each time anew, and only under its name."""
    made: list[int] = []
    of_module = when_asked("thing", lambda: made.append(1))

    with pytest.raises(AttributeError):
        of_module("other")
    assert made == []
    of_module("thing")
    assert made == [1]
