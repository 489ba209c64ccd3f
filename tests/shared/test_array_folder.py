"""Is a snapshot that is only declared written and read as it is, whatever it is made of?"""

from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rfid3_shared.registry.array_folder import array_names, kept_in_folder


@dataclass(frozen=True)
class Spec:
    """What the arrays mean."""

    data_as_of: date
    names: list[str]
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A part that writes itself."""

    text: str

    def write(self, folder: Path) -> None:
        """Into a file of its own."""
        (folder / "line.txt").write_text(self.text)

    @classmethod
    def read(cls, folder: Path) -> "Line":
        """What was written."""
        return cls((folder / "line.txt").read_text())


@dataclass(frozen=True)
class Above:
    """What several snapshots share."""

    spec: Any
    ids: np.ndarray


@dataclass(frozen=True)
class Snapshot(Above):
    """A spec, arrays of its own and inherited ones, a part, and an array that may be absent."""

    spec: Spec
    line: Line
    values: np.ndarray
    more: np.ndarray | None = None


MADE = Snapshot(Spec(date(2026, 2, 3), ["a"]), np.array([b"x", b"y"]), Line("so"), np.array([1.5, np.nan]))
write, load = kept_in_folder(Snapshot, 3)


class TestSnapshot:
    def test_comes_back_as_it_was(self, tmp_path: Path) -> None:
        """Days are days again, arrays are mapped read-only, an absent one stays absent, parts read themselves."""
        write(MADE, tmp_path)

        found = load(tmp_path)

        assert array_names(Snapshot) == ("ids", "values", "more")
        assert (found.spec, found.line, found.more) == (MADE.spec, MADE.line, None)
        assert found.ids.tolist() == [b"x", b"y"]
        assert np.array_equal(found.values, MADE.values, equal_nan=True)
        assert not found.values.flags.writeable

    def test_an_array_that_may_be_absent_is_kept_where_it_is_there(self, tmp_path: Path) -> None:
        """It is read like the others."""
        write(replace(MADE, more=np.arange(3)), tmp_path)

        found = load(tmp_path).more

        assert found is not None
        assert found.tolist() == [0, 1, 2]

    @pytest.mark.parametrize(("path", "fault"), [("values.npy", TypeError), ("line.txt", OSError)])
    def test_is_refused_where_something_is_missing(self, path: str, fault: type[Exception], tmp_path: Path) -> None:
        """Half a snapshot is none."""
        write(MADE, tmp_path)
        (tmp_path / path).unlink()

        with pytest.raises(fault):
            load(tmp_path)

    def test_another_layout_is_refused(self, tmp_path: Path) -> None:
        """What another version wrote is not misread."""
        write(MADE, tmp_path)

        with pytest.raises(ValueError, match="another version"):
            kept_in_folder(Snapshot, 4)[1](tmp_path)
