"""Is every one of a caller's own series forecast, or refused alone?"""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from demandlife import Silent

from rfid3_demand import adhoc
from rfid3_demand.schemas import AdhocRequest

MONDAY = date(2024, 1, 1)


def days(count: int, step: int = 7) -> list[str]:
    return [str(MONDAY + timedelta(days=step * k)) for k in range(count)]


def forecast(series: list[dict[str, Any]], **changes: Any) -> dict[str, dict[str, Any]]:
    wanted = AdhocRequest.model_validate(
        {"freq": "W-MON", "horizon": 4, "levels": [0.1, 0.5, 0.9], "series": series, **changes}
    )
    return {answer["id"]: answer for answer in adhoc.forecast_all(wanted, Silent())}


SOUND = {"id": "sound", "ds": days(60), "y": [20 + (k % 4) for k in range(60)]}


class TestForecastAll:
    def test_the_bad_harm_none_of_the_good(self) -> None:
        """Every kind of bad input beside a sound series: each is told in its place, and the sound one is forecast."""
        bad = [
            {"id": "zeros", "ds": days(60), "y": [0] * 60},
            {"id": "constant", "ds": days(60), "y": [7] * 60},
            {"id": "one", "ds": days(1), "y": [5]},
            {"id": "negative", "ds": days(60), "y": [k % 5 - 2 for k in range(60)]},
            {"id": "fractions", "ds": days(60), "y": [k % 5 + 0.5 for k in range(60)]},
            {"id": "gaps", "ds": days(60)[::3], "y": [4 + k % 2 for k in range(20)]},
            {"id": "unsorted", "ds": days(60)[::-1], "y": [9 + k % 3 for k in range(60)]},
            {"id": "twice", "ds": [*days(9), days(9)[0]], "y": [*range(9), 5]},
            {"id": "words", "ds": days(2), "y": [1, "x"]},
            {"id": "empty", "ds": [], "y": []},
            {"id": "no future", "ds": days(60), "y": [3] * 60, "regressors": {"p": [1.0] * 60}, "future": {"p": [1.0]}},
            {"id": "zoned", "ds": [f"{day}T09:00:00-06:00" for day in days(60)], "y": [3 + k % 2 for k in range(60)]},
            {"ds": [], "y": []},
        ]

        found = forecast([*bad[:6], SOUND, *bad[6:]])

        refused = {name: answer["error"]["code"] for name, answer in found.items() if not answer["ok"]}
        assert refused == {
            "twice": "INVALID_PARAMETERS", "words": "INVALID_PARAMETERS", "empty": "INSUFFICIENT_DATA",
            "no future": "INVALID_PARAMETERS", "13": "INVALID_PARAMETERS",
        }  # fmt: skip
        for name, answer in found.items():
            if answer["ok"]:
                steps = answer["forecast"]
                assert 0 < len(steps) == answer["supported_steps"] <= 4, name
                values = [[step["quantiles"][level] for level in ("0.1", "0.5", "0.9")] for step in steps]
                assert np.isfinite(values).all(), name
                assert (np.diff(values, axis=1) >= 0).all(), name
                assert sum(answer["weights"].values()) == pytest.approx(1, abs=1e-3), name
        assert [step["ds"] for step in found["sound"]["forecast"]] == days(64)[60:]
        assert found["sound"]["forecast"][0]["mean"] == pytest.approx(21.5, abs=2)
        assert found["zeros"]["forecast"][0]["mean"] == pytest.approx(0, abs=0.2)
        assert found["constant"]["kind"] == "constant"
        assert found["constant"]["forecast"][0]["mean"] == pytest.approx(7, abs=0.5)
        assert found["one"]["sufficiency"] == "pooled"
        assert "below 0" in " ".join(found["negative"]["warnings"])
        assert found["zoned"]["forecast"][0]["ds"] == days(61)[60]

    def test_an_odd_neighbour_does_not_change_a_forecast_of_another_kind(self) -> None:
        """Counts are forecast as whole numbers, whatever fractions stand beside them."""
        alone = forecast([SOUND])["sound"]
        beside = forecast([SOUND, {"id": "fractions", "ds": days(60), "y": [k % 5 + 0.5 for k in range(60)]}])["sound"]

        assert beside == alone
        assert all(float(value).is_integer() for step in alone["forecast"] for value in step["quantiles"].values())

    def test_a_horizon_beyond_the_history_is_cut_and_said(self) -> None:
        """Ten values do not carry 52 weeks: what they carry is given, and how much is not."""
        answer = forecast([{"id": "short", "ds": days(10), "y": list(range(1, 11))}], horizon=52)["short"]

        assert len(answer["forecast"]) == answer["supported_steps"] == 5
        assert "the other 47 are not given" in answer["warnings"][-1]

    def test_two_of_one_name_are_told_apart(self) -> None:
        """The first keeps the name; the second is refused in its own place."""
        wanted = AdhocRequest(freq="D", horizon=1, series=[{**SOUND, "ds": days(60, 1)}, {**SOUND, "ds": days(60, 1)}])

        answers = adhoc.forecast_all(wanted, Silent())

        assert [answer["ok"] for answer in answers] == [True, False]
        assert "sound" in answers[1]["error"]["message"]

    def test_tells_what_each_series_is_like(self) -> None:
        """A shift is told with its step as the input wrote it, counted from the series' own end; its neighbour has none."""
        zoned = {
            "id": "zoned",
            "ds": [f"{day}T09:00:00-06:00" for day in days(60)],
            "y": [20 + k % 4 - 15 * (k > 39) for k in range(60)],
        }

        found = forecast([SOUND, zoned])

        (shift,) = found["zoned"]["diagnosis"]["level_shifts"]
        assert shift["at"] == days(60)[40]
        assert shift["ratio"] == pytest.approx(6.5 / 21.5, abs=0.01)
        assert found["zoned"]["diagnosis"]["may_be_season"]
        assert found["sound"]["diagnosis"]["level_shifts"] == []
        assert found["sound"]["diagnosis"]["kind"] == found["sound"]["kind"] == "smooth"

    def test_regressors_known_ahead_are_used(self) -> None:
        """A series that doubles whenever a known regressor is on is forecast so."""
        on = [float(k % 3 == 0) for k in range(124)]
        series = {
            "id": "driven", "ds": days(120), "y": [10 + 20 * value for value in on[:120]], "regressors": {"on": on[:120]},
            "future": {"on": on[120:]},
        }  # fmt: skip

        means = [step["mean"] for step in forecast([series])["driven"]["forecast"]]

        assert means[0] > means[1] + 8
        assert means[3] > means[2] + 8

    def test_whole_numbers_as_steps(self) -> None:
        """Steps may be numbers; the forecast counts on."""
        answer = forecast([{"id": "n", "ds": list(range(5, 45)), "y": [3] * 40}])["n"]

        assert [step["ds"] for step in answer["forecast"]] == [45, 46, 47, 48]

    @pytest.mark.parametrize(
        "changes",
        [{"horizon": 0}, {"horizon": 366}, {"freq": "fortnight"}, {"levels": [1.0]}, {"levels": []}, {"rows": [{}]}, {"series": None},
         {"series": []}, {"series": [{}] * 501}, {"deadline_s": 31}, {"x": 1}, {"series": [{}] * 500, "horizon": 365}],
    )  # fmt: skip
    def test_what_concerns_all_refuses_all(self, changes: dict[str, Any]) -> None:
        """Unknown frequencies, horizons and sizes beyond reason, and levels that are none."""
        with pytest.raises(ValueError, match=r"[a-z]"):
            AdhocRequest.model_validate({"freq": "D", "horizon": 4, "series": [SOUND], **changes})
