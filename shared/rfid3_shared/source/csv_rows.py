"""Which rows does a CSV file hold, and on which line does each begin?

Reads plain or gzipped files a line at a time, so memory does not grow with the file, and goes on after a broken row: a quote
that is never closed costs its own row, not the rest of the file.
"""

import csv
import gzip
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

DELIMITERS = ",;\t|"
LONGEST_ROW_LINES = 200
"""Lines a quoted field may run over before its quote counts as never closed."""
DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, OSError)
"""What reading raises when a file is cut off, damaged or not readable."""


@dataclass(frozen=True)
class BrokenRow:
    """A row that cannot be taken apart."""

    reason: str


class CsvFile:
    """An open export file; iterate `rows` once.

    `header` holds the column names as written; `bytes_read` and `size` tell how far along the reading is.
    Raises one of DAMAGE while reading a damaged file.
    """

    def __init__(self, path: Path) -> None:
        self._raw = path.open("rb")
        packed = path.suffix.lower() == ".gz"
        self._lines: IO[bytes] = gzip.GzipFile(fileobj=self._raw) if packed else self._raw  # type: ignore[assignment]
        self.size = path.stat().st_size
        self.foreign_lines = 0
        """Lines that were not UTF-8 and were read as Windows-1252."""
        self._number = 0
        self._ahead: deque[str] = deque()
        try:
            first = self._next_line() or ""
        except DAMAGE:
            self.__exit__()
            raise
        first = first.removeprefix("\ufeff")
        self.delimiter = max(DELIMITERS, key=first.count)
        self.header = [name.strip().strip('"').strip() for name in first.split(self.delimiter)] if first.strip() else []

    def __enter__(self) -> "CsvFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._raw.close()

    @property
    def bytes_read(self) -> int:
        """Position in the file as it lies on disk (compressed bytes for gzip)."""
        return min(self._raw.tell(), self.size)

    def rows(self) -> Iterator[tuple[int, list[str] | BrokenRow]]:
        """Line number and fields of each row after the header; empty lines are skipped."""
        while (line := self._next_line()) is not None:
            start = self._number
            if not line.strip():
                continue
            # without a quote in the line, splitting it is all that csv would do, at a third of the time
            yield start, line.split(self.delimiter) if '"' not in line else self._quoted(line)

    def _quoted(self, line: str) -> list[str] | BrokenRow:
        taken: list[str] = []
        text = line
        while True:
            try:
                return next(csv.reader([text], delimiter=self.delimiter, strict=True))
            except csv.Error as error:
                unclosed = "unexpected end of data" in str(error)
            following = self._next_line() if unclosed and len(taken) < LONGEST_ROW_LINES else None
            if following is None:
                # what was read ahead is given back: those lines may be good rows
                self._ahead.extendleft(reversed(taken))
                self._number -= len(taken)
                return BrokenRow("a quote is never closed" if unclosed else "text stands after a closing quote")
            taken.append(following)
            text = f"{text}\n{following}"

    def _next_line(self) -> str | None:
        if self._ahead:
            self._number += 1
            return self._ahead.popleft()
        raw = self._lines.readline()
        if not raw:
            return None
        self._number += 1
        raw = raw.rstrip(b"\r\n")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.foreign_lines += 1
            return raw.decode("cp1252", errors="replace")
