"""Does a refresh say what a full run with the same learned pieces would say, and does it know nothing it should not?"""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from smallcompany import HORIZON, NEW, STEPS, company, cut, full

from rfid3_demand import learned
from rfid3_demand.fitting import same_regressors
from rfid3_demand.model import Forecast, Hierarchy, candidates, fit_forecast, global_tree, plain_form, refresh
from rfid3_demand.model.fit import joined
from rfid3_demand.model.intervals import Calibration
from rfid3_demand.model.learned import PER_NODE, NeedsFullRun, same_codes
from rfid3_demand.model.nodes import node_data
from rfid3_demand.model.past import Past
from rfid3_demand.model.variants import variant

pytestmark = pytest.mark.xdist_group("small company")  # one fit serves them all


@lru_cache(maxsize=1)
def refreshed() -> Forecast:
    """The refresh today."""
    _, panel, tree = company()
    return refresh(panel, HORIZON, full(), hierarchy=tree)


class TestRefresh:
    def test_nothing_new_changes_nothing(self) -> None:
        """On the full run's own data a refresh gives the same bytes: means, quantiles, causes, record."""
        _, panel, tree = company()
        again = refresh(cut(panel, STEPS - NEW), HORIZON, full(), hierarchy=tree)
        for name, each in full().variants.items():
            assert again.variants[name].mean.tobytes() == each.mean.tobytes()
            assert again.variants[name].quantiles.tobytes() == each.quantiles.tobytes()
        assert again.backtest.equals(full().backtest)
        assert all(
            np.array_equal(part, full().contributions[name], equal_nan=True) for name, part in again.contributions.items()
        )

    def test_is_the_methods_at_the_last_date_under_what_was_learned(self) -> None:
        """Put together by hand: every method and the old tree at today's date, the old weights, variances and calibration."""
        _, panel, tree = company()
        data, kept = node_data(panel, tree.summing, HORIZON), full().learned
        assert kept is not None
        data = replace(data, static=same_codes(kept, tree.nodes, data.static))
        said = candidates.statistical(data, STEPS, HORIZON)
        booster = global_tree.restored(full().booster_text or "", kept.tree_names or ())
        said["lightgbm"] = global_tree.predict(booster, data, STEPS, HORIZON)
        alone = variant(
            tree.summing,
            data,
            kept.trust,
            said,
            kept.variants["ensemble"],
            np.array(full().levels),
            Past(data, STEPS, 1).chances,
        )
        expected, _ = joined(tree, kept, alone, full().levels)
        assert refreshed().variants["ensemble"].mean.tobytes() == expected.mean.tobytes()
        assert refreshed().variants["ensemble"].quantiles.tobytes() == expected.quantiles.tobytes()

    def test_the_forecast_before_joins_the_record(self) -> None:
        """The last full run's first weeks are held against what came, at its own origin; older rows are as they were."""
        _, panel, tree = company()
        record, before = refreshed().backtest, full().backtest
        cutoff = panel.dates[STEPS - NEW - 1]
        new = record.filter(cutoff=cutoff, node="node 5")
        assert new["ds"].to_list() == list(panel.dates[STEPS - NEW :])
        assert new["mean"].to_list() == pytest.approx(full().variants["ensemble"].mean[5, :NEW].tolist())
        assert new["q_0.9"].to_list() == pytest.approx(
            full().variants["ensemble"].quantiles[5, :NEW, full().levels.index(0.9)].tolist()
        )
        assert new["y"].to_list() == panel.y[5, STEPS - NEW :].tolist()
        assert record.filter(record["cutoff"] != cutoff).height == before.height
        assert tree.nodes == refreshed().nodes

    def test_knows_nothing_of_what_comes_later(self) -> None:
        """What is refreshed from data up to a date does not depend on regressors of the past kind after it, nor can it see y."""
        _, panel, tree = company()
        early = cut(panel, STEPS - 1)
        later = {name: np.where(np.arange(values.shape[-1]) >= STEPS - 1, 99.0, values) for name, values in panel.past.items()}
        spoiled = cut(replace(panel, past=later, y=np.where(np.arange(STEPS) >= STEPS - 1, 999.0, panel.y)), STEPS - 1)
        one, other = [refresh(each, HORIZON, full(), hierarchy=tree) for each in (early, spoiled)]
        assert one.variants["ensemble"].mean.tobytes() == other.variants["ensemble"].mean.tobytes()

    def test_levels_still_add_up(self) -> None:
        """Reconciled with the old variances, means are coherent."""
        _, panel, tree = company()
        mean = np.nan_to_num(refreshed().variants["ensemble"].mean.astype(float))
        assert np.allclose(tree.summing @ mean[: len(panel.ids)], mean, rtol=1e-4, atol=1e-3)

    def test_a_refresh_of_a_refresh_remembers_the_full_run(self) -> None:
        """The date of the last full run is handed on, and after four more weeks a full run is due."""
        _, panel, tree = company()
        first = refresh(cut(panel, STEPS - 1), HORIZON, full(), hierarchy=tree)
        second = refresh(panel, HORIZON, first, hierarchy=tree)
        assert second.notes["last_full_run"] == first.notes["last_full_run"] == str(panel.dates[STEPS - NEW - 1])
        assert second.backtest["cutoff"].n_unique() == full().backtest["cutoff"].n_unique() + 2
        late = fit_forecast(cut(panel, STEPS - 6), HORIZON, hierarchy=tree, ensemble_only=True, budget_s=0.1, clock=lambda: 0.0)
        with pytest.raises(NeedsFullRun, match="more than 4 steps"):
            refresh(panel, HORIZON, late, hierarchy=tree)

    def test_another_horizon_needs_a_full_run(self) -> None:
        """Spreads were learned for the horizon of the full run."""
        _, panel, tree = company()
        with pytest.raises(NeedsFullRun, match="horizon"):
            refresh(panel, HORIZON + 1, full(), hierarchy=tree)

    def test_a_new_series_takes_what_a_relative_learned(self) -> None:
        """A series that the full run did not know gets a forecast, and the others keep theirs."""
        _, panel, tree = company()
        known = [k for k in range(len(panel.ids)) if k != 7]
        fewer = replace(
            cut(panel, STEPS - NEW), ids=tuple(panel.ids[k] for k in known), y=panel.y[known, : STEPS - NEW],
            groups={name: codes[known] for name, codes in panel.groups.items()},
        )  # fmt: skip
        less = Hierarchy(
            tuple(node for k, node in enumerate(tree.nodes) if k != 7),
            csr_matrix(np.delete(np.delete(tree.summing.toarray(), 7, axis=0), 7, axis=1)),
            tuple(level for k, level in enumerate(tree.levels) if k != 7),
        )
        before = fit_forecast(fewer, HORIZON, hierarchy=less, ensemble_only=True, budget_s=0.1, clock=lambda: 0.0)
        now = refresh(panel, HORIZON, before, hierarchy=tree)
        assert np.isfinite(now.variants["ensemble"].quantiles[7]).all()
        assert now.learned is not None
        assert now.learned.nodes == tree.nodes


class TestSameCodes:
    def test_a_name_in_between_does_not_move_the_others(self) -> None:
        """Codes are ranks of names: after a new name, known series keep the codes the tree knows, the new one gets a fresh one."""
        kept = full().learned
        assert kept is not None
        shifted = {name: codes + (codes >= 1) for name, codes in kept.static.items()}
        found = same_codes(kept, kept.nodes, shifted)
        assert all(np.array_equal(found[name], kept.static[name]) for name in ("category", "store"))
        strange = {"category": np.append(kept.static["category"], 57.0)}
        assert same_codes(kept, (*kept.nodes, "a new one"), strange)["category"][-1] == kept.static["category"].max() + 1


class TestLearnedFiles:
    def test_what_is_written_is_what_is_read(self, tmp_path: Path) -> None:
        """Through the two files and back every array is the same, bit for bit; writing twice gives the same bytes."""
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
            learned.write(full(), tmp_path / folder)
        for name in (learned.NUMBERS, learned.ARRAYS):
            assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
        arrays: dict[str, np.ndarray] = {}
        plain = plain_form.taken_apart(full().learned, arrays, learned.KEPT)
        back = plain_form.put_together(plain, arrays, learned.KEPT)
        was = full().learned
        assert was is not None
        assert back.nodes == was.nodes
        assert all(np.array_equal(back.trust[name], share) for name, share in was.trust.items())
        calibration, then = back.variants["ensemble"].calibration, was.variants["ensemble"].calibration
        assert isinstance(calibration, Calibration)
        assert np.array_equal(calibration.corrected, then.corrected)

    def test_a_class_that_is_not_listed_is_refused(self) -> None:
        """Neither written nor made: what may be in the files is a list."""
        with pytest.raises(TypeError, match="not in the list"):
            plain_form.taken_apart(full(), {}, learned.KEPT)
        with pytest.raises(KeyError):
            plain_form.put_together({"class": "Popen", "fields": {}}, {}, learned.KEPT)

    def test_every_array_per_node_is_known_as_such(self) -> None:
        """Of a calibration's arrays those as long as the nodes are, and no others, are moved to new nodes."""
        kept = full().learned
        assert kept is not None
        for each in kept.variants.values():
            long = {name for name, values in vars(each.calibration).items()
                    if isinstance(values, np.ndarray) and values.shape == (len(kept.nodes),)}  # fmt: skip
            assert long <= set(PER_NODE)


class TestSameRegressors:
    def test_the_tree_is_asked_with_the_columns_it_learned_from(self) -> None:
        """A series that came or went since the full run, in past or horizon, means that everything is learned anew."""
        _, panel, _ = company()
        more = {**panel.past, "rain": np.zeros(STEPS)}
        ahead = {**panel.known, "festivals": np.zeros(STEPS + HORIZON)}

        assert same_regressors(full(), panel)
        assert not same_regressors(full(), replace(panel, past={}))
        assert not same_regressors(full(), replace(panel, past=more))
        assert not same_regressors(full(), replace(panel, known=ahead))
        assert same_regressors(replace(full(), learned=None), replace(panel, past={}))
