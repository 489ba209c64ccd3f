"""Is a snapshot read as it was written, and is one item found among many?"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_quality.item import projected, scores_of
from rfid3_quality.model.projection import Standing
from rfid3_quality.snapshot import ARRAYS, HORIZONS_DAYS, Snapshot, load, write
from rfid3_shared.item_ids import UnknownItem, as_ids, like, row_of

pytestmark = pytest.mark.xdist_group("learned quality")


class TestFolder:
    def test_it_is_read_as_it_was_written(self, snapshot: Snapshot, tmp_path: Path) -> None:
        """Spec, wear and arrays are the same, the bytes too, and a snapshot of another format is refused."""
        folders = [tmp_path / name for name in ("one", "two")]
        for folder in folders:
            folder.mkdir()
            write(snapshot, folder)
        again = load(folders[0])

        assert again.spec == snapshot.spec
        for name in ARRAYS:
            assert np.array_equal(
                getattr(again, name), getattr(snapshot, name), equal_nan=getattr(snapshot, name).dtype.kind == "f"
            )
        assert {p.name: p.read_bytes() for p in folders[0].iterdir()} == {p.name: p.read_bytes() for p in folders[1].iterdir()}
        (folders[0] / "spec.json").write_text((folders[0] / "spec.json").read_text().replace('"format":1', '"format":99'))
        with pytest.raises(ValueError, match="another version"):
            load(folders[0])


class TestIds:
    @given(st.sets(st.text("AB01", min_size=1, max_size=6), min_size=1, max_size=40))
    def test_each_id_is_found_and_no_other(self, tags: set[str]) -> None:
        """Every id is at its own row, in any letter case; anything else is unknown, with ids that are there."""
        ordered = sorted(tags, key=str.encode)
        ids = as_ids(ordered)
        assert [row_of(ids, f" {tag.lower()} ") for tag in ordered] == list(range(len(ordered)))
        with pytest.raises(UnknownItem):
            row_of(ids, "zz-unknown-and-long")
        assert set(like(ids, "AB")) <= tags


class TestMixtures:
    def test_a_mixture_is_the_sum_of_its_parts(self, snapshot: Snapshot) -> None:
        """An item that may have either of two grades has the mean of both projections, and an interval that holds both ends."""
        mix = np.zeros((1, 11))
        mix[0, [3, 9]] = 0.5
        standing = Standing(grade=np.zeros(1, int), group=np.array([-1]), turns_per_day=np.array([0.05]))
        parts = [np.eye(11)[[grade]] for grade in (3, 9)]
        alone = [scores_of(projected(snapshot.wear, standing, part))[0] for part in parts]
        both = scores_of(projected(snapshot.wear, standing, mix))[0]

        assert both[0] == pytest.approx((alone[0][0] + alone[1][0]) / 2, abs=1e-6)
        assert both.shape == (4, len(HORIZONS_DAYS))
        assert both[2, 0] <= 0.31
        assert both[3, 0] >= 0.89
