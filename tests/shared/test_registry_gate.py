"""The gate: a candidate follows the champion only when it is better, beats the naive forecasts, and its intervals hold."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rfid3_shared.registry import Comparison, Verdict, judge
from rfid3_shared.registry.gate import allowance

GOOD = Comparison(
    loss_name="WAPE", candidate_loss=0.18, champion_loss=0.20, naive_losses={"seasonal naive": 0.25, "4-week mean": 0.22},
    origins=8, pairs=640, coverage={0.8: 0.79, 0.95: 0.94}, champion_coverage={0.8: 0.81, 0.95: 0.95},
    newer_data=True, same_content=False,
)  # fmt: skip
NAN = float("nan")

losses = st.floats(0, 10)
unknown = st.sampled_from([None, NAN, math.inf])
shares = st.one_of(st.floats(0, 1), st.sampled_from([None, NAN]))
comparisons = st.builds(
    Comparison,
    loss_name=st.just("WAPE"), candidate_loss=losses | unknown, champion_loss=losses | unknown,
    naive_losses=st.dictionaries(st.sampled_from(["a", "b", "c"]), losses | unknown), origins=st.integers(0, 30),
    pairs=st.integers(0, 5000), coverage=st.dictionaries(st.sampled_from([0.5, 0.8, 0.95]), shares),
    champion_coverage=st.none() | st.dictionaries(st.sampled_from([0.5, 0.8, 0.95]), shares),
    newer_data=st.booleans(), same_content=st.booleans(),
)  # fmt: skip


def verdict(
    *, tolerance_ratio: float = 0.02, forced: bool = False, first: bool = False, shadow: bool = True, **changes: Any
) -> Verdict:
    return judge(replace(GOOD, **changes), tolerance_ratio=tolerance_ratio, forced=forced, first=first, shadow=shadow)


class TestJudge:
    def test_a_better_one_goes_on_as_shadow(self) -> None:
        """Better than the champion and the naive forecasts, and calibrated: it may show itself beside the champion."""
        said = verdict()

        assert (said.state, said.reason) == ("shadow", "better than the champion: WAPE 0.18 beside 0.2")
        assert verdict(shadow=False).state == "champion"

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"candidate_loss": 0.23}, "4-week mean is better: WAPE 0.22 beside 0.23"),
            ({"candidate_loss": 0.21}, "the champion is better by more than 2.0%: WAPE 0.2 beside 0.21"),
            ({"candidate_loss": 0.20, "newer_data": False}, "no better than the champion and its data are no newer"),
            ({"same_content": True}, "what serves already"),
            ({"candidate_loss": None}, "could not be measured"),
            ({"candidate_loss": NAN}, "could not be measured"),
            ({"candidate_loss": -math.inf}, "could not be measured"),
            ({"origins": 0}, "could not be measured"),
            ({"naive_losses": {}}, "no naive forecast could be measured"),
            ({"naive_losses": {"seasonal naive": NAN}}, "no naive forecast could be measured"),
            ({"champion_loss": NAN, "newer_data": False}, "the champion could not be measured"),
            ({"coverage": {0.8: 0.5}}, "80% interval held 50.0%"),
            ({"coverage": {0.8: 0.79, 0.95: None}}, "95% interval holds could not be measured"),
        ],
    )
    def test_it_says_why_not(self, changes: dict[str, Any], words: str) -> None:
        """Each thing that speaks against a candidate rejects it, in words."""
        said = verdict(**changes)

        assert said.state == "rejected"
        assert words in said.reason

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"candidate_loss": 0.203}, "as good as the champion, with newer data"),
            ({"candidate_loss": 0.20, "champion_loss": 0.20}, "as good as the champion, with newer data"),
            ({"naive_losses": {"4-week mean": 0.18}}, "better than the champion"),
            ({"champion_loss": None, "champion_coverage": None}, "the champion could not be measured"),
            ({"naive_losses": {"4-week mean": 0.22, "seasonal naive": None}}, "not measured: seasonal naive"),
            ({"coverage": {}}, "better than the champion"),
            ({"coverage": {0.8: 0.95}}, "better than the champion"),
            ({"coverage": {0.8: 0.5}, "champion_coverage": {0.8: 0.45}}, "better than the champion"),
        ],
    )
    def test_what_may_be_passed_over_is_said(self, changes: dict[str, Any], words: str) -> None:
        """Equal with newer data, a baseline nobody could measure, intervals too wide or nearer than the champion's."""
        said = verdict(**changes)

        assert said.state == "shadow"
        assert words in said.reason

    def test_the_first_one_serves_whatever_the_naive_forecasts_say(self) -> None:
        """With nothing serving, a model that says how good it is beats no answer; the reason does not hide it."""
        assert verdict(first=True).reason == "the first model of its service"
        said = verdict(first=True, champion_loss=None, candidate_loss=0.3)

        assert said.state == "champion"
        assert said.reason == "the first model of its service, although 4-week mean is better: WAPE 0.22 beside 0.3"

    def test_who_forces_it_is_obeyed_and_the_objection_kept(self) -> None:
        """A forced candidate becomes champion at once; the evidence holds what spoke against it."""
        said = verdict(forced=True, candidate_loss=NAN)

        assert (said.state, said.reason) == ("champion", "forced")
        assert "could not be measured" in said.evidence["objection"]

    def test_few_origins_excuse_more(self) -> None:
        """The same coverage that two origins cannot rule out condemns a candidate after forty."""
        assert verdict(coverage={0.8: 0.68}, origins=2, pairs=160).state == "shadow"
        assert verdict(coverage={0.8: 0.68}, origins=40, pairs=3200).state == "rejected"


class TestAllowance:
    def test_pairs_of_one_origin_share_its_luck(self) -> None:
        """A thousand times the pairs of five origins say little more than five origins can (checked by hand)."""
        assert allowance(0.8, 5, 5) == pytest.approx(0.02 + 1.645 * math.sqrt(0.16 / 5))
        assert allowance(0.8, 5, 500) == pytest.approx(0.02 + 1.645 * math.sqrt(0.16 * (1 + 99 * 0.1) / 500))
        assert allowance(0.8, 5, 10**9) == pytest.approx(0.02 + 1.645 * math.sqrt(0.16 / 50), rel=1e-3)

    @given(level=st.floats(0.01, 0.99), origins=st.integers(1, 50), per_origin=st.integers(1, 500))
    def test_it_narrows_with_origins(self, level: float, origins: int, per_origin: int) -> None:
        """More origins of the same size never widen it, and it never vanishes."""
        few, more = (allowance(level, count, count * per_origin) for count in (origins, origins + 1))
        assert 0.02 < more < few


class TestProperties:
    @given(comparison=comparisons, tolerance=st.floats(0, 0.5), share=st.floats(0, 1), shadow=st.booleans())
    def test_a_lower_loss_is_never_a_disadvantage(
        self, comparison: Comparison, tolerance: float, share: float, shadow: bool
    ) -> None:
        """Where a worse candidate passes, one with a lower loss and all else equal passes too."""
        assume(comparison.candidate_loss is not None and math.isfinite(comparison.candidate_loss))
        better = replace(comparison, candidate_loss=comparison.candidate_loss * share)

        if judge(comparison, tolerance_ratio=tolerance, shadow=shadow).state != "rejected":
            assert judge(better, tolerance_ratio=tolerance, shadow=shadow).state != "rejected"

    @given(comparison=comparisons, tolerance=st.floats(0, 0.5), shadow=st.booleans())
    def test_nothing_above_a_naive_forecast_passes(self, comparison: Comparison, tolerance: float, shadow: bool) -> None:
        """Unless forced or first: whoever passes was measured, is at or below every measured naive loss, of which there is one."""
        if judge(comparison, tolerance_ratio=tolerance, shadow=shadow).state == "rejected":
            return

        measured = [loss for loss in comparison.naive_losses.values() if loss is not None and math.isfinite(loss)]
        assert comparison.candidate_loss <= min(measured)
        assert all(share is not None and share == share for share in comparison.coverage.values())
        assert not comparison.same_content

    @given(comparison=comparisons, forced=st.booleans(), first=st.booleans(), shadow=st.booleans())
    def test_the_evidence_is_json_and_the_reason_is_said(
        self, comparison: Comparison, forced: bool, first: bool, shadow: bool
    ) -> None:
        """Strict JSON, without NaN, holds every number; a verdict never comes without words."""
        said = judge(comparison, tolerance_ratio=0.02, forced=forced, first=first, shadow=shadow)

        assert json.loads(json.dumps(said.evidence, allow_nan=False)) == said.evidence
        assert {"candidate_loss", "champion_loss", "naive_losses", "coverage", "origins", "pairs"} <= set(said.evidence)
        assert said.reason
        assert said.state == "champion" if forced or first else said.state in ("shadow" if shadow else "champion", "rejected")
