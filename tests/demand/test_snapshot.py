"""Does a snapshot survive its folder unchanged?"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rfid3_demand import predict
from rfid3_demand.schemas import ForecastQuery
from rfid3_demand.served import Served
from rfid3_demand.snapshot import ARRAYS, FORMAT, Snapshot, load, write


class TestWriteAndLoad:
    def test_a_loaded_snapshot_answers_as_the_written_one(self, tmp_path: Path, snapshot: Snapshot) -> None:
        """What is written is what answers."""
        _write(snapshot, tmp_path)

        loaded = load(tmp_path)

        assert predict.forecast(Served(loaded), ForecastQuery()) == predict.forecast(Served(snapshot), ForecastQuery())
        assert all(np.array_equal(getattr(loaded, name), getattr(snapshot, name), equal_nan=True) for name in ARRAYS)

    def test_the_same_snapshot_gives_the_same_bytes(self, tmp_path: Path, snapshot: Snapshot) -> None:
        """Artefacts are named by content, so equal content must be equal bytes."""
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            _write(snapshot, tmp_path / name)

        first, second = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("a", "b"))
        assert first == second

    def test_refuses_another_format(self, tmp_path: Path, snapshot: Snapshot) -> None:
        """A snapshot of another version of the suite is refused, not misread."""
        _write(snapshot, tmp_path)
        spec = (tmp_path / "spec.json").read_text().replace(f'"format":{FORMAT}', '"format":99')
        (tmp_path / "spec.json").write_text(spec)

        with pytest.raises(ValueError, match="another version"):
            load(tmp_path)


def _write(made: Snapshot, folder: Path) -> None:
    write(made, "tree", folder)


class TestRefusedUnits:
    def test_what_cannot_be_told_is_nothing(self, snapshot: Snapshot) -> None:
        """The sum of a node's weeks; NaN where no tag is known counts as nothing."""
        told = np.full_like(snapshot.refused, np.nan)
        told[1, :2] = 1.5

        assert replace(snapshot, refused=told).refused_units(1) == 3.0
        assert snapshot.refused_units(0) == 0.0
