"""Which typed rows does one file of an export hold for its table, and which of its rows are at fault?

Reads on after a fault; whatever is left out is counted in the file's report with line and column. Columns the suite does
not declare are passed over, personal ones among them: their values are never looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from zoneinfo import ZoneInfo

from sqlalchemy import Date, DateTime, Table

from rfid3_shared.errors import AppError
from rfid3_shared.source.csv_rows import BrokenRow, CsvFile
from rfid3_shared.source.csv_values import ZERO_DATE, Converter, converter
from rfid3_shared.source.import_report import FileReport
from rfid3_shared.source.tables import PERSONAL_COLUMNS, external_factors, pos_contracts, pos_lines, scans
from rfid3_shared.source.vocabulary import EMPTY_WORDS

NATURAL_KEYS = {
    pos_contracts.name: ("contract_no", "store_no"),
    pos_lines.name: ("contract_no", "line_number"),
    external_factors.name: ("date", "factor_type", "factor_name"),
}
"""Keys of the tables whose primary key is a running number: that number differs from export to export."""
NEEDED_COLUMNS = {scans.name: ("tag_id", "scan_type", "scan_date")}
"""Columns, beside the key, without which a file says nothing."""


class UnusableFile(AppError):
    """A file lacks what its table cannot do without; nothing of it is loaded."""

    status, code = 422, "INVALID_PARAMETERS"


def key_columns(table: Table) -> tuple[str, ...]:
    """The columns that tell one row of an export from another."""
    return NATURAL_KEYS.get(table.name) or tuple(column.name for column in table.primary_key)


def loaded_columns(table: Table) -> list[str]:
    """The columns an import may fill: all that are declared, but no running number."""
    return [c.name for c in table.columns if not (table.name in NATURAL_KEYS and c.primary_key)]


@dataclass(frozen=True)
class _Field:
    at: int
    name: str
    convert: Converter
    is_date: bool
    is_key: bool


class ExportRows:
    """The rows of one file, typed, in batches; counts go to `report`.

    Raises UnusableFile when the header lacks a needed column, names one twice or is missing.
    """

    def __init__(self, table: Table, file: CsvFile, report: FileReport, *, zone: ZoneInfo, not_after: str) -> None:
        self.table, self.file, self.report = table, file, report
        self._not_after = not_after
        """Latest credible scan time, shop time as ISO text."""
        self._fields = self._plan(zone)
        self._tag_at = next((field.at for field in self._fields if field.name == "tag_id"), None)

    @property
    def columns(self) -> list[str]:
        """The names of the values in each row, in order."""
        return [field.name for field in self._fields]

    def batches(self, size: int) -> Iterator[list[tuple[object, ...]]]:
        """Lists of up to `size` rows."""
        rows = self._rows()
        while batch := list(islice(rows, size)):
            yield batch

    def _plan(self, zone: ZoneInfo) -> list[_Field]:
        header, report = [name.lower() for name in self.file.header], self.report
        if not header:
            raise UnusableFile("the file is empty: it has no header line")
        wanted, keys = loaded_columns(self.table), key_columns(self.table)
        twice = sorted({name for name in header if header.count(name) > 1 and name in wanted})
        lacking = [name for name in (*keys, *NEEDED_COLUMNS.get(self.table.name, ())) if name not in header]
        if twice:
            raise UnusableFile(f"the header names {', '.join(twice)} twice")
        if lacking:
            raise UnusableFile(f"the header lacks {', '.join(dict.fromkeys(lacking))}; it names {', '.join(header[:30])}")
        report.personal_columns = [name for name in header if name in PERSONAL_COLUMNS]
        declared = {column.name for column in self.table.columns}
        report.ignored_columns = [name for name in header if name not in declared and name not in PERSONAL_COLUMNS]
        report.missing_columns = [name for name in wanted if name not in header]
        columns = self.table.columns
        return [
            _Field(at, name, converter(columns[name], zone), isinstance(columns[name].type, Date | DateTime), name in keys)
            for at, name in enumerate(header) if name in wanted
        ]  # fmt: skip

    def _rows(self) -> Iterator[tuple[object, ...]]:
        report, width = self.report, len(self.file.header)
        date_at = self.columns.index("scan_date") if self.table is scans else None
        for line, fields in self.file.rows():
            report.rows_read += 1
            if isinstance(fields, BrokenRow):
                report.reject(line, None, fields.reason)
            elif len(fields) != width:
                column = self.file.header[len(fields)] if len(fields) < width else None
                report.reject(line, column, f"the row has {len(fields)} fields, the header {width}")
            elif (row := self._typed(line, fields)) is not None:
                if date_at is not None and str(row[date_at] or "") > self._not_after:
                    report.reject(line, "scan_date", "lies in the future")
                else:
                    yield row
        report.foreign_lines = self.file.foreign_lines

    def _typed(self, line: int, fields: list[str]) -> tuple[object, ...] | None:
        """The values of a row; None when one of them makes no sense, which is then reported."""
        values: list[object] = []
        for field in self._fields:
            text = fields[field.at].strip()
            if text in EMPTY_WORDS:
                if field.is_key:
                    self.report.reject(line, field.name, "is empty")
                    return None
                values.append(None)
                continue
            try:
                values.append(field.convert(text))
            except ValueError as error:
                if not (field.is_date and text.startswith(ZERO_DATE)) or field.is_key:
                    self.report.reject(line, field.name, str(error))
                    return None
                self.report.zero_dates += 1
                values.append(None)
        if self._tag_at is not None and fields[self._tag_at] != fields[self._tag_at].strip():
            self.report.tags_trimmed += 1
        return tuple(values)
