"""The whole method: what must hold of every forecast, whatever the data."""

from dataclasses import replace

import numpy as np
import pytest
from smallcompany import HORIZON, NEW, STEPS, TREE, company, cut, full

from rfid3_demand.model import Panel, fit_forecast, naive, tree_features
from rfid3_demand.model.nodes import node_data
from rfid3_demand.model.panel import flat_hierarchy
from rfid3_shared import evaluate
from rfid3_shared.series import parse_frequency

pytestmark = pytest.mark.xdist_group("small company")  # one fit serves them all


class TestFitForecast:
    def test_levels_add_up(self) -> None:
        """Every node's mean is the sum of its bottom series' means, in every variant."""
        _, panel, tree = company()
        for variant in full().variants.values():
            mean = np.nan_to_num(variant.mean.astype(float))
            assert np.allclose(tree.summing @ mean[: len(panel.ids)], mean, rtol=1e-4, atol=1e-3)

    def test_quantiles_are_whole_ordered_and_never_negative(self) -> None:
        """Counts have whole-number quantiles that do not cross; means are not negative."""
        for variant in full().variants.values():
            known = np.isfinite(variant.mean).all(axis=1)
            q = variant.quantiles[known]
            assert (variant.mean[known] >= 0).all()
            assert (q >= 0).all()
            assert (q == np.round(q)).all()
            assert (np.diff(q, axis=2) >= 0).all()

    def test_weights_sum_to_one(self) -> None:
        """A node's methods share the whole of its forecast."""
        for variant in full().variants.values():
            total = sum(variant.weights.values())
            known = np.isfinite(variant.mean).all(axis=1)
            assert np.allclose(np.asarray(total)[known], 1.0)

    def test_says_how_much_history_a_node_has(self) -> None:
        """Three weeks of history are pooled, none is none and has no forecast, two years are full."""
        said = full()
        assert said.sufficiency[0] == "pooled"
        assert said.max_horizon[0] == 3
        assert said.sufficiency[1] == "none"
        assert np.isnan(said.variants["ensemble"].mean[1]).all()
        assert said.sufficiency[-1] == "full"

    def test_causes_sum_to_the_forecast_and_over_nodes(self) -> None:
        """Contributions are units: over causes they give the mean, over bottom series their parent's."""
        _, panel, tree = company()
        said = full()
        total = sum(np.nan_to_num(part.astype(float)) for part in said.contributions.values())
        assert np.allclose(total, np.nan_to_num(said.variants["ensemble"].mean), rtol=1e-3, atol=1e-2)
        season = np.nan_to_num(said.contributions["season"].astype(float))
        assert np.allclose(tree.summing @ season[: len(panel.ids)], season, rtol=1e-3, atol=1e-2)

    def test_beats_the_naive_forecasts_where_there_is_a_season(self) -> None:
        """On held-out weeks of seasonal data the error is below the seasonal naive's and the 4-week mean's."""
        y, panel, tree = company()
        begun = STEPS - NEW
        truth = tree.summing @ np.nan_to_num(y[:, begun : begun + HORIZON])
        past = tree.summing @ np.nan_to_num(cut(panel, begun).y)
        ours = evaluate.wape(truth, full().variants["ensemble"].mean)
        assert ours < evaluate.wape(truth, naive.seasonal_naive(past, HORIZON, 52))
        assert ours < evaluate.wape(truth, naive.window_mean(past, HORIZON, 4))

    def test_same_input_same_bytes(self) -> None:
        """A second fit of the same panel gives identical numbers and an identical tree."""
        _, panel, tree = company(classes=2, steps=60)
        first, again = [fit_forecast(panel, HORIZON, hierarchy=tree, tree_settings=TREE) for _ in range(2)]
        assert first.booster_text is not None
        assert again.variants["ensemble"].quantiles.tobytes() == first.variants["ensemble"].quantiles.tobytes()
        assert again.booster_text == first.booster_text

    def test_backtest_rows_are_past_outcomes(self) -> None:
        """Each row's outcome is the panel's own value at that date, after its cutoff."""
        _, panel, _ = company()
        rows = full().backtest.filter(node="node 5")
        place = {day: k for k, day in enumerate(panel.dates)}
        for cutoff, ds, y in rows.select("cutoff", "ds", "y").iter_rows():
            assert ds > cutoff
            assert y == panel.y[5, place[ds]]

    @pytest.mark.parametrize(
        "y",
        [[[3.0]], [[0.0] * 30], [[5.0] * 30], [[1.0, 2.0]], [[float("nan")] * 20 + [4.0] * 3, list(range(23))]],
        ids=["one observation", "zeros", "constant", "two", "short beside long"],
    )
    @pytest.mark.parametrize("counts", [True, False])
    def test_any_length_has_an_answer(self, y: list[list[float]], counts: bool) -> None:
        """One observation, constants and zeros give finite forecasts; a constant is continued."""
        values = np.array(y)
        panel = Panel(
            tuple(str(k) for k in range(len(y))), tuple(range(values.shape[1])), values, parse_frequency("W"), 52, counts=counts
        )
        mean = fit_forecast(panel, 4).variants["ensemble"].mean
        assert np.isfinite(mean).all()
        if len(set(y[0])) == 1 and values.shape[1] > 8:
            assert np.allclose(mean, values[0, 0], atol=0.3)


class TestTreeFeatures:
    def test_no_feature_sees_the_future(self) -> None:
        """Whatever happens from the origin on, the features at the origin stay the same, and so does the forecast's offset."""
        _, panel, _ = company()
        data = node_data(panel, flat_hierarchy(panel.ids).summing, HORIZON)
        disturbed = data.y.copy()
        disturbed[:, 80:] = np.random.default_rng(7).poisson(50, disturbed[:, 80:].shape)
        weather = {name: np.where(np.arange(values.shape[-1]) >= 80, 99.0, values) for name, values in data.past.items()}
        steps = np.tile(np.arange(1, HORIZON + 1), (len(data.y), 1))
        honest = tree_features.rows(data, tree_features.at_origin(data, 80), steps)
        other = replace(data, y=disturbed, past=weather)
        tested = tree_features.rows(other, tree_features.at_origin(other, 80), steps)
        assert np.array_equal(honest[0], tested[0], equal_nan=True)
        assert np.array_equal(honest[2], tested[2])


class TestCalibration:
    def test_held_out_counts_fall_where_the_quantiles_say(self) -> None:
        """On negative binomial series every quantile level lies in its band within three points on unseen steps."""
        rng = np.random.default_rng(8)
        rate = rng.gamma(0.8, 2.0, (300, 1))
        y = rng.poisson(rate * rng.gamma(1.5, 1 / 1.5, (300, 60))).astype(float)
        panel = Panel(tuple(map(str, range(300))), tuple(range(52)), y[:, :52], parse_frequency("W"), 52)
        said = fit_forecast(panel, 8, ensemble_only=True, tree_settings=TREE)
        q, truth = said.variants["ensemble"].quantiles, y[:, 52:]
        for level in (0.1, 0.5, 0.9, 0.95):
            below, at = evaluate.calibration_band(truth, q[..., said.levels.index(level)])
            assert below - 0.03 <= level <= at + 0.03
