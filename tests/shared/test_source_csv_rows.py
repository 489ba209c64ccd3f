"""Is every row of a CSV file found on its line, whatever is broken around it?"""

import csv
import gzip
import io
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rfid3_shared.source.csv_rows import BrokenRow, CsvFile

FIELD = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\x00\ufeff"), max_size=8)


def read(path: Path) -> list[tuple[int, list[str] | BrokenRow]]:
    with CsvFile(path) as file:
        return list(file.rows())


class TestCsvFile:
    def test_numbers_lines_across_quoted_line_breaks(self, tmp_path: Path) -> None:
        """A row's line is where it begins, also after a field that runs over lines."""
        path = tmp_path / "a.csv"
        path.write_text('a,b\n1,"two\nlines"\n\n3,4\n')

        assert read(path) == [(2, ["1", "two\nlines"]), (5, ["3", "4"])]

    def test_goes_on_after_a_quote_that_is_never_closed(self, tmp_path: Path) -> None:
        """An open quote costs its own row only."""
        path = tmp_path / "a.csv"
        path.write_text('a,b\n1,"open\n3,4\n5,"x"y\n6,7\n')

        rows = read(path)

        assert [(line, type(row)) for line, row in rows] == [(2, BrokenRow), (3, list), (4, BrokenRow), (5, list)]
        assert rows[-1] == (5, ["6", "7"])

    def test_reads_gzip_other_delimiters_and_other_encodings(self, tmp_path: Path) -> None:
        """A gzipped file with a byte-order mark and semicolons in Windows-1252 is read, and says so."""
        path = tmp_path / "a.csv.gz"
        path.write_bytes(gzip.compress(b"\xef\xbb\xbfa;b\r\ncaf\xe9;2\r\n"))

        with CsvFile(path) as file:
            rows = list(file.rows())

        assert (file.header, rows, file.foreign_lines) == (["a", "b"], [(2, ["café", "2"])], 1)

    @given(rows=st.lists(st.lists(FIELD, min_size=3, max_size=3), max_size=8))
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_agrees_with_the_csv_module(self, tmp_path: Path, rows: list[list[str]]) -> None:
        """What Python's own writer writes is read back the same."""
        path = tmp_path / "a.csv"
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([["a", "b", "c"], *rows])
        path.write_bytes(text.getvalue().encode())

        assert [row for _, row in read(path)] == rows
