"""Reading anybody's CSV as words: what is in it, or in plain words what is wrong with it."""

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_shared.csv_text import read_text
from rfid3_shared.errors import InvalidParameters

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=8).filter(
    lambda word: word.strip() == word
)


class TestReadText:
    @given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8))
    def test_gives_back_what_the_csv_module_wrote(
        self, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
    ) -> None:
        """Quotes, commas and digits alike come back as the words that were written."""
        path = tmp_path_factory.mktemp("csv") / "own.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("unit", "t"), *rows])

        assert read_text(path).rows() == rows

    def test_names_are_trimmed_and_absent_fields_are_null(self, tmp_path: Path) -> None:
        """As a spreadsheet writes it: a mark at the beginning, blanks around names."""
        path = tmp_path / "own.csv"
        path.write_text("\ufeffunit , t\nA,\n", encoding="utf-8")

        assert read_text(path).to_dicts() == [{"unit": "A", "t": None}]

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "own.csv.gz is empty"),
            (b"unit,t\nA,1\nB,2,3\n", "own.csv.gz, line 3, column t: 3 fields where the header has 2"),
        ],
    )
    def test_says_what_is_wrong(self, tmp_path: Path, content: bytes, says: str) -> None:
        """The first line of another width is named, packed or not."""
        path = tmp_path / "own.csv.gz"
        path.write_bytes(gzip.compress(content))

        with pytest.raises(InvalidParameters, match=says):
            read_text(path)

    def test_a_file_cut_off_is_said_to_be_unreadable(self, tmp_path: Path) -> None:
        """Half a download is no table."""
        path = tmp_path / "own.csv.gz"
        whole = gzip.compress(b"unit,t\n" + b"A,1\n" * 1000)
        path.write_bytes(whole[: len(whole) // 2])

        with pytest.raises(InvalidParameters, match=r"own\.csv\.gz cannot be read"):
            read_text(path)

    def test_names_the_files_that_are_there(self, tmp_path: Path) -> None:
        """Whoever mistypes sees what there is, about the option that was meant."""
        (tmp_path / "units.csv").write_text("unit,t\n")

        with pytest.raises(InvalidParameters, match=r"There are units\.csv") as refused:
            read_text(tmp_path / "unit.csv", "history")

        assert refused.value.details["parameter"] == "history"
