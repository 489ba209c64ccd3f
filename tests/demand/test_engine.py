"""Do forecasts come out the same wherever they are computed? On a real Dask cluster of two worker processes."""

import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from smallcompany import HORIZON, STEPS, company

from rfid3_demand import engine, train
from rfid3_demand.cluster import Cluster
from rfid3_demand.model import candidates, global_tree, tree_paths
from rfid3_demand.model.candidates import METHODS
from rfid3_demand.model.engine import LOCAL, Engine
from rfid3_demand.model.nodes import node_data
from rfid3_demand.model.past import Past
from rfid3_demand.model.tree_features import CAUSES, TreeData, cause_of
from rfid3_demand.settings import DemandSettings
from rfid3_shared.clock import Clock
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.jobs.progress import LineProgress

TREE_TOLERANCE = 1.0
"""A tree grown from the same rows in two halves (other bins, other samples of rows) may differ from one grown here by so many
times what two trees grown here differ by that draw other samples."""
needs_dask = pytest.mark.skipif(
    any(find_spec(name) is None for name in engine.NEEDED),
    reason="the cluster extra (dask, fugue, scikit-learn) is not installed",
)


def data() -> TreeData:
    """The small company per node."""
    _, panel, tree = company()
    return node_data(panel, tree.summing, HORIZON)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of eight series, so that a small company is spread as well."""
    monkeypatch.setattr(candidates, "BLOCK_SERIES", 8)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Engine]:
    """Two worker processes on this machine, with a scheduler of their own."""
    with engine.opened("local-cluster:2") as found:
        yield found


class TestBlocks:
    def test_blocks_give_what_the_whole_gives(self, small_blocks: None) -> None:
        """Every method that does not say it pools answers each series as it would alone; one that does not is found here."""
        whole = Past(data(), STEPS, HORIZON)
        found = candidates.statistical(data(), STEPS, HORIZON)
        for method in METHODS:
            said = method.forecast(whole)
            if said is None:
                assert method.name not in found
                continue
            known = np.isfinite(found[method.name])
            assert np.allclose(found[method.name][known], np.maximum(said, 0.0)[known], rtol=1e-9), method.name


class TestAlongPaths:
    def test_causes_sum_to_the_raw_answer(self) -> None:
        """Root and moves add up to what the booster says of each row."""
        each = data()
        tree = global_tree.train(each, STEPS, HORIZON, rounds=20)
        assert tree is not None
        x, _, _ = global_tree.serving_rows(tree, each, global_tree.at_origin(each, STEPS), np.arange(1, HORIZON + 1))
        columns = [CAUSES.index(cause_of(name)) for name in tree.names]
        found = tree_paths.along_paths(tree.booster, x, columns, len(CAUSES))
        assert np.allclose(found.sum(axis=1), tree.booster.predict(x, raw_score=True), atol=1e-9)

    def test_a_stump_by_hand(self) -> None:
        """Three rows go left to 1, one right to 5: the root says their mean 2, and the split moves by -1 or +3."""
        leaves = [{"leaf_index": 0, "leaf_value": 1.0, "leaf_count": 3}, {"leaf_index": 1, "leaf_value": 5.0, "leaf_count": 1}]
        stump = {"num_leaves": 2, "tree_structure": {"split_feature": 1, "left_child": leaves[0], "right_child": leaves[1]}}

        class Booster:
            """A booster of one tree."""

            def dump_model(self) -> dict[str, object]:
                """As LightGBM writes it."""
                return {"tree_info": [stump]}

        (table,) = tree_paths.leaf_tables(Booster(), [0, 1], 2)
        assert table.tolist() == [[0.0, -1.0, 2.0], [0.0, 3.0, 2.0]]


class TestOpened:
    @pytest.mark.parametrize("name", ["", "spark", "local-cluster", "local-cluster:0", "local-cluster:999", "dask://nowhere"])
    def test_a_wrong_name_is_answered_with_the_right_ones(self, name: str) -> None:
        """The message names the three forms."""
        with pytest.raises(InvalidParameters, match="local-cluster:2"), engine.opened(name):
            pass

    def test_local_is_this_process(self) -> None:
        """No cluster, no library."""
        with engine.opened("local") as found:
            assert found is LOCAL

    @needs_dask
    def test_a_scheduler_that_is_not_there_is_named(self) -> None:
        """A port on which nobody listens: the address and what to start, and no waiting beyond the limit."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        with (
            pytest.raises(InvalidParameters, match=rf"No Dask scheduler answers at {address}"),
            engine.opened(f"dask://{address}"),
        ):
            pass


@needs_dask
@pytest.mark.xdist_group("dask")
class TestRefused:
    async def test_a_run_with_a_wrong_name_does_nothing(self, tmp_path: Path) -> None:
        """`rfid3 train demand --engine nonsense` reads no data and makes no file before it is refused."""
        settings = DemandSettings(home=tmp_path / "var", train_engine="nonsense")

        with pytest.raises(InvalidParameters, match="There is no training engine 'nonsense'"):
            await train.run(settings, {}, LineProgress(lambda _: None, Clock()))

        assert not (tmp_path / "var").exists()


class TestCluster:
    def test_candidates_are_the_same_numbers(self, cluster: Engine, small_blocks: None) -> None:
        """The workers run the same code on the same blocks: every method's forecast is equal bit for bit."""
        here = candidates.statistical(data(), STEPS, HORIZON)
        there = candidates.statistical(data(), STEPS, HORIZON, engine=cluster)
        assert list(there) == list(here)
        for name, said in here.items():
            assert np.array_equal(there[name], said, equal_nan=True), name

    def test_the_tree_says_nearly_the_same(self, cluster: Engine) -> None:
        """Grown from two halves of the rows by LightGBM's Dask interface, it differs about as another sample of rows does."""
        each = data()

        def grown(where: Engine, seed: int) -> np.ndarray:
            tree = global_tree.train(each, STEPS, HORIZON, {"seed": seed}, rounds=60, engine=where)
            assert tree is not None
            return np.nan_to_num(global_tree.predict(tree, each, STEPS, HORIZON))

        here = grown(LOCAL, 11)
        by_samples = [np.abs(here - grown(LOCAL, seed)).sum() for seed in (1, 2, 3)]
        apart = np.abs(here - grown(cluster, 11)).sum()

        assert apart <= TREE_TOLERANCE * max(by_samples)

    def test_workers_that_others_started_are_reached(self, cluster: Engine, small_blocks: None) -> None:
        """By its scheduler's dask://host:port a running cluster gives the same candidates, and goes on running afterwards."""
        assert isinstance(cluster, Cluster)
        address = cluster.client.scheduler.address.removeprefix("tcp://")
        here = candidates.statistical(data(), STEPS, HORIZON)

        with engine.opened(f"dask://{address}") as found:
            there = candidates.statistical(data(), STEPS, HORIZON, engine=found)

        assert found is not cluster
        assert all(np.array_equal(there[name], said, equal_nan=True) for name, said in here.items())
        assert len(cluster.client.scheduler_info()["workers"]) == 2
