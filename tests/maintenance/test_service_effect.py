"""Is what a service takes off a hazard learned from turns, held to its prior where turns say little, and never a harm?"""

from dataclasses import asdict

import numpy as np
import pytest
from itemlife import BACK, OUT, READY, REPAIR, TOUCH, day, scan, sources, tag
from lifelines import CoxPHFitter  # an independent fit of the same partial likelihood

from rfid3_maintenance.decisions.service_effect import PRIOR_RISE, PRIOR_SPREAD, Effect, service_effect
from rfid3_maintenance.kinds import KINDS
from rfid3_maintenance.renewal import effects_of, renewed, since_service, turns_of
from rfid3_shared.item_life.assemble import assemble
from rfid3_shared.item_life.life import Life


def turns(rise: float, seed: int, rows: int = 20_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turns of thirty classes of very different rates, whose chance of a fault rises by `rise` in ten turns."""
    rng = np.random.default_rng(seed)
    stratum, since = rng.integers(0, 30, rows), rng.integers(0, 25, rows).astype(float)
    rate = np.exp(rng.normal(-4.0, 1.0, 30))[stratum] * np.exp(rise * since / 10)
    return stratum, since, (rng.random(rows) < -np.expm1(-rate)).astype(float)


class TestServiceEffect:
    @pytest.mark.parametrize("rise", [0.0, 0.3, 0.6])
    def test_the_rise_is_found_again(self, rise: float) -> None:
        """Classes of different rates are no wear: within three spreads of what was put in, and the more events the surer."""
        found = service_effect(*turns(rise, 1))

        assert abs(found.rise - rise) < 3 * found.spread
        assert found.spread < PRIOR_SPREAD / 2

    def test_it_is_the_partial_likelihood_under_a_normal_prior(self) -> None:
        """As lifelines finds it from the same turns, all of one length, by class, and drawn to the prior by precision."""
        import pandas as pd

        stratum, since, event = turns(0.4, 2, rows=4000)
        frame = pd.DataFrame({"stratum": stratum, "worn": since / 10, "event": event, "time": 1.0})
        peer = CoxPHFitter().fit(frame, "time", "event", strata=["stratum"])
        free, spread = float(peer.params_["worn"]), float(peer.standard_errors_["worn"])
        weight = 1 / spread**2 / (1 / spread**2 + 1 / PRIOR_SPREAD**2)

        found = service_effect(stratum, since, event)

        assert found.rise == pytest.approx(weight * free + (1 - weight) * PRIOR_RISE, abs=0.02)

    def test_without_a_fault_the_prior_answers(self) -> None:
        """No event, or no turn at all: the stated rise, with its stated spread."""
        stratum, since, event = turns(0.3, 3, rows=500)

        for found in (service_effect(stratum, since, 0 * event), service_effect(*(one[:0] for one in (stratum, since, event)))):
            assert (found.rise, found.spread, found.events) == (PRIOR_RISE, PRIOR_SPREAD, 0)

    def test_a_service_never_harms_and_takes_off_no_more_than_was_seen(self) -> None:
        """A falling rate is not believed; beyond the reach more turns take off no more; more turns never less."""
        falling, rising = Effect(-0.5, 0.1, 20.0), Effect(0.5, 0.1, 20.0)
        worn = np.array([0.0, 10.0, 20.0, 50.0, np.nan])

        assert falling.ratio(worn).tolist() == [1.0] * 5
        assert rising.ratio(worn) == pytest.approx(np.exp([0.0, -0.5, -1.0, -1.0, 0.0]))
        assert {"rise_lower", "rise_upper", "prior"} <= set(rising.words())
        assert asdict(rising).items() <= rising.words().items()


def life() -> Life:
    """T1 is repaired between its second and third rental, T2 never; T3 was never rented."""
    told = [scan("T1", OUT, 0), scan("T1", BACK, 3), scan("T1", OUT, 10), scan("T1", BACK, 13, REPAIR), scan("T1", TOUCH, 16, READY),
            scan("T1", OUT, 20), scan("T1", BACK, 23)]  # fmt: skip
    told += [scan("T2", OUT, 0), scan("T2", BACK, 3), scan("T2", OUT, 30), scan("T2", BACK, 33), scan("T3", TOUCH, 1)]
    return assemble(sources(told, [tag("T1"), tag("T2"), tag("T3")], until=60))


class TestRenewal:
    def test_turns_are_counted_from_the_last_repair(self) -> None:
        """By hand: the third rental of T1 is its first since a repair that was seen to be over."""
        found = turns_of(life())

        assert found.select("tag_id", "number", "since", "serviced").rows() == [
            ("T1", 0, 0, False), ("T1", 1, 1, False), ("T1", 2, 0, True), ("T2", 0, 0, False), ("T2", 1, 1, False),
        ]  # fmt: skip
        assert since_service(life(), life().units["tag_id"]).tolist() == [1.0, 2.0, 0.0]

    def test_a_fault_belongs_to_the_rental_before_it(self) -> None:
        """One repair among five turns, and the service that ended it."""
        found = effects_of(life())

        assert {kind: (one.events, one.turns, one.services) for kind, one in found.items()} == {
            "repair": (1, 5, 1), "cleaning": (0, 5, 1), "retirement": (0, 5, 1),
        }  # fmt: skip
        assert day(13) < day(16)

    def test_a_service_multiplies_hazards(self) -> None:
        """Log-survival times the ratio, kind by kind; a lost item is no less lost, a fresh one no better."""
        survival = np.random.default_rng(4).uniform(0.2, 0.9, (2, len(KINDS), 3)).astype(np.float32)

        found = renewed(survival, {"repair": Effect(0.5, 0.1, 20.0)}, np.array([10.0, 0.0]))

        at = KINDS.index("repair")
        assert np.log(found[0, at]) == pytest.approx(np.exp(-0.5) * np.log(survival[0, at]), rel=1e-4)
        others = [k for k in range(len(KINDS)) if k != at]
        assert np.array_equal(found[:, others], survival[:, others])
        assert np.array_equal(found[1], survival[1])
