"""What came of an import? Counts of rows, and every reason why something was left out."""

from dataclasses import asdict, dataclass, field
from typing import Any

EXAMPLES = 10
"""Rejected rows a file's report names one by one; the others are counted."""


@dataclass(frozen=True)
class Rejection:
    """One row that was not loaded."""

    line: int
    column: str | None
    """None when the row as a whole is at fault."""
    reason: str


@dataclass
class FileReport:
    """What came of one file."""

    file: str
    table: str
    rows_read: int = 0
    rows_new: int = 0
    rows_updated: int = 0
    rows_unchanged: int = 0
    rows_repeated: int = 0
    """Rows whose key came again later in the file, or whose unique number did: the last one was kept."""
    rows_rejected: int = 0
    rows_replaced: int = 0
    """Older rows that gave way, because a new key now has their unique number."""
    rejections: list[Rejection] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    """Rejected rows by `column: reason`."""
    ignored_columns: list[str] = field(default_factory=list)
    personal_columns: list[str] = field(default_factory=list)
    missing_columns: list[str] = field(default_factory=list)
    tags_trimmed: int = 0
    zero_dates: int = 0
    foreign_lines: int = 0
    """Lines that were not UTF-8 and were read as Windows-1252."""
    fault: str | None = None
    """Why nothing of this file was loaded."""

    @property
    def rows_loaded(self) -> int:
        """Rows of the file that the source holds now."""
        return self.rows_new + self.rows_updated + self.rows_unchanged

    def reject(self, line: int, column: str | None, reason: str) -> None:
        """Count a row that is not loaded."""
        self.rows_rejected += 1
        told = f"{column}: {reason}" if column else reason
        self.reasons[told] = self.reasons.get(told, 0) + 1
        if len(self.rejections) < EXAMPLES:
            self.rejections.append(Rejection(line, column, reason))


@dataclass
class ImportReport:
    """What came of one import."""

    folder: str
    files: list[FileReport] = field(default_factory=list)
    missing_tables: dict[str, str] = field(default_factory=dict)
    """Tables neither in the folder nor in the source from before, with what cannot be said without them."""
    unknown_files: dict[str, str | None] = field(default_factory=dict)
    """CSV files named after no table, with the table that was probably meant."""
    unread_files: list[str] = field(default_factory=list)
    unknown_words: dict[str, dict[str, int]] = field(default_factory=dict)
    """`table.column` to the words nobody knows and how often they stand in the rows just read."""
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rows_loaded(self) -> int:
        """Rows of the export that the source holds now."""
        return sum(file.rows_loaded for file in self.files)

    @property
    def complete(self) -> bool:
        """Whether no file had to be refused."""
        return all(file.fault is None for file in self.files)

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {**asdict(self), "rows_loaded": self.rows_loaded, "complete": self.complete}
