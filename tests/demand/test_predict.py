"""Do answers read off a snapshot say what the snapshot says, in the contract's shape?"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_demand import predict, resolve
from rfid3_demand.model.tree_features import cause_of
from rfid3_demand.schemas import AccuracyAnswer, AccuracyQuery, ForecastAnswer, ForecastQuery
from rfid3_demand.served import Served
from rfid3_demand.snapshot import Snapshot
from rfid3_shared.errors import InsufficientData, InvalidParameters


class TestForecast:
    def test_answers_in_the_published_shape(self, snapshot: Snapshot) -> None:
        """Every answer validates against the schema that the OpenAPI document shows."""
        data = predict.forecast(Served(snapshot), ForecastQuery(category="round linen", store="3.0"))

        named = [{**week, "prediction_id": "0" * 32} for week in data["predictions"]]  # the route names them
        answer = ForecastAnswer.model_validate({**data, "predictions": named})

        assert [week.week_starting.isoformat() for week in answer.predictions] == [
            "2025-06-30",
            "2025-07-07",
            "2025-07-14",
            "2025-07-21",
        ]
        assert [week.predicted_demand for week in answer.predictions] == [24.0] * 4
        assert sum(answer.model_ensemble.values()) == pytest.approx(1)

    def test_stores_add_up_to_the_whole(self, snapshot: Snapshot) -> None:
        """The stores' expected units sum to those of all stores, week by week."""
        parts = [
            predict.forecast(Served(snapshot), ForecastQuery(category="Round Linen", store=store)) for store in ("3607", "8101")
        ]
        whole = predict.forecast(Served(snapshot), ForecastQuery(category="Round Linen"))

        for k, week in enumerate(whole["predictions"]):
            assert sum(part["predictions"][k]["predicted_demand"] for part in parts) == pytest.approx(week["predicted_demand"])

    @given(st.floats(0.5, 0.98), st.floats(0.001, 0.01))
    def test_a_higher_level_never_gives_a_narrower_interval(self, snapshot: Snapshot, level: float, more: float) -> None:
        """Central intervals of one forecast are nested."""
        low, high = (
            predict.interval(snapshot.quantiles[0, 0], snapshot.spec.levels, one) for one in (level, min(0.99, level + more))
        )

        assert (high[0] <= low[0]).all()
        assert (high[1] >= low[1]).all()

    def test_every_spelling_of_a_store_means_the_same(self, snapshot: Snapshot) -> None:
        """RFID3's number, the POS code and the POS's decimal spelling are one store."""
        answers = [predict.forecast(Served(snapshot), ForecastQuery(store=store)) for store in ("3607", "001", "1", "1.0")]

        assert all(answer == answers[0] for answer in answers)

    def test_all_and_000_ask_for_every_store(self, snapshot: Snapshot) -> None:
        """000 on input is the company as a whole."""
        assert predict.forecast(Served(snapshot), ForecastQuery(store="000")) == predict.forecast(
            Served(snapshot), ForecastQuery()
        )

    @pytest.mark.parametrize("other", ["weather", "outside"])
    def test_without_external_factors_their_units_are_gone(self, snapshot: Snapshot, other: str) -> None:
        """The forecast without external factors is the forecast less the units of holidays, weather and whatever else is outside."""
        causes = [other if cause == "weather" else cause for cause in snapshot.spec.causes]
        snapshot = replace(snapshot, spec=replace(snapshot.spec, causes=causes))

        with_them = predict.forecast(Served(snapshot), ForecastQuery())["predictions"][1]
        without = predict.forecast(Served(snapshot), ForecastQuery(include_external_factors=False))["predictions"][1]

        units = with_them["key_factors"]["contributions_units"]
        effect = units["holidays"] + units[other]
        assert without["predicted_demand"] == pytest.approx(with_them["predicted_demand"] - effect, abs=1e-3)
        assert without["confidence_upper"] == pytest.approx(with_them["confidence_upper"] - effect, abs=1e-3)

    @pytest.mark.parametrize(
        ("feature", "cause"),
        [("known_holiday_days", "holidays"), ("known_long_weekend_change", "holidays"), ("known_summer_weeks", "season"),
         ("past_temperature_4", "weather"), ("past_gasoline_4", "regressors"), ("known_festivals", "regressors")],
    )  # fmt: skip
    def test_what_a_feature_does_is_booked_where_it_belongs(self, feature: str, cause: str) -> None:
        """The calendar's own seasons are season, its long weekends holidays; only series from outside are outside."""
        assert cause_of(feature) == cause

    def test_deprecated_model_types_answer_with_true_names(self, snapshot: Snapshot) -> None:
        """`random_forest` is answered by LightGBM and says so."""
        old = predict.forecast(Served(snapshot), ForecastQuery(model_type="random_forest"))

        assert old["model_ensemble"] == {"lightgbm": 1.0}
        assert old == predict.forecast(Served(snapshot), ForecastQuery(model_type="lightgbm"))

    def test_refuses_more_weeks_than_the_history_supports(self, snapshot: Snapshot) -> None:
        """A horizon beyond the honest one is INSUFFICIENT_DATA and names what would do."""
        with pytest.raises(InsufficientData) as refusal:
            predict.forecast(Served(snapshot), ForecastQuery(weeks=5))

        assert refusal.value.details["supported_weeks"] == 4
        assert refusal.value.details["found_weeks"] == 20

    def test_names_the_class_that_runs_short(self, snapshot: Snapshot) -> None:
        """A recommendation carries the class, the store, the week and the chance it follows from."""
        said = predict.forecast(Served(snapshot), ForecastQuery())["recommendations"]

        assert "61825" in said[0]
        assert "8101" in said[0]
        assert "46%" in said[0]
        assert "2025-07-14" in said[0]

    def test_money_is_left_out_where_no_rate_is_known(self, snapshot: Snapshot) -> None:
        """Without any rate the revenue is null, not zero."""
        from dataclasses import replace

        spec = replace(snapshot.spec, rate_coverage=[0.0] * len(snapshot.spec.nodes))
        week = predict.forecast(Served(replace(snapshot, spec=spec)), ForecastQuery())["predictions"][0]

        assert week["business_impact"]["revenue_opportunity"] is None


class TestResolve:
    def test_suggests_categories_that_look_alike(self, snapshot: Snapshot) -> None:
        """A misspelt category is refused with the one that was meant."""
        with pytest.raises(resolve.UnknownCategory) as refusal:
            predict.forecast(Served(snapshot), ForecastQuery(category="Rund Linnen"))

        assert refusal.value.details["suggestion"][0] == "Round Linen"

    def test_a_category_without_history_says_what_is_missing(self, snapshot: Snapshot) -> None:
        """A mapped category that never left the shop is INSUFFICIENT_DATA, not unknown."""
        with pytest.raises(InsufficientData) as refusal:
            predict.forecast(Served(snapshot), ForecastQuery(category="Tables"))

        assert refusal.value.details["found_weeks"] == 0

    def test_lists_the_stores_for_an_unknown_one(self, snapshot: Snapshot) -> None:
        """An unknown store is refused with those there are."""
        with pytest.raises(resolve.UnknownStore) as refusal:
            predict.forecast(Served(snapshot), ForecastQuery(store="9999"))

        assert refusal.value.details["suggestion"] == ["3607 (Wayzata)", "8101 (Fridley)"]

    def test_a_class_is_asked_for_alone(self, snapshot: Snapshot) -> None:
        """A class beside a category is a question with two meanings."""
        with pytest.raises(InvalidParameters):
            predict.forecast(Served(snapshot), ForecastQuery(category="Round Linen", rental_class="61825"))


class TestConfidenceScores:
    def test_equals_the_chance_counted_from_a_known_distribution(self) -> None:
        """For uniform demand on [0, 100] and mean 50, the chance of 40–60 is one fifth."""
        levels = list(np.linspace(0.005, 0.995, 199))

        score = predict.confidence_scores(np.array([50.0]), np.array([[100 * level for level in levels]]), levels)

        assert score[0] == pytest.approx(0.2, abs=1e-3)

    def test_whole_number_quantiles_that_repeat_count_in_full(self) -> None:
        """When nearly all mass sits on zero and the mean is about zero, the score is nearly one."""
        levels = [0.1, 0.5, 0.9, 0.99]

        score = predict.confidence_scores(np.array([0.05]), np.array([[0.0, 0.0, 0.0, 1.0]]), levels)

        assert score[0] >= 0.9


class TestAccuracy:
    def test_answers_in_the_published_shape(self, snapshot: Snapshot) -> None:
        """Accuracy is one minus the sum of errors over the sum of demand, counted here by hand."""
        data = predict.accuracy(snapshot, AccuracyQuery(days_back=28, metric="accuracy_score"))

        live = {"basis": "back-test", "back_test": data["accuracy_metrics"], "live": None, "live_waiting": 0,
                "everything_shown": None, "monitors": {}}  # fmt: skip
        answer = AccuracyAnswer.model_validate({**data, **live})

        assert answer.tested_forecasts == 4
        assert answer.selected_metric["accuracy_score"] == pytest.approx(1 - (0 + 1 + 2 + 3) / (10 + 11 + 12 + 13))
        assert sum(answer.prediction_distribution.values()) == pytest.approx(1)
        assert list(answer.accuracy_by_category) == ["Round Linen"]

    def test_no_tested_week_is_insufficient_data(self, snapshot: Snapshot) -> None:
        """A category without tested weeks has no accuracy, not a perfect one."""
        with pytest.raises(InsufficientData):
            predict.accuracy(snapshot, AccuracyQuery(category="Tables"))
