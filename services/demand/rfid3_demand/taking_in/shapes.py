"""Which columns do the rows have from which features of the present are computed? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

import polars as pl

Schema = Mapping[str, pl.DataType | type[pl.DataType]]
SCANS: Schema = {
    "arrival": pl.Int64, "tag_id": pl.String, "scan_type": pl.String, "scan_date": pl.Datetime("us"), "contract_number": pl.String,
    "rental_class": pl.String, "status": pl.String, "bin_location": pl.String,
}  # fmt: skip
"""arrival: RFID3's id, or the event's number behind them all; tag_id trimmed; rental_class: the scan's own, null where it says none."""
TAGS: Schema = {
    "tag_id": pl.String, "rental_class": pl.String, "status": pl.String, "bin_location": pl.String, "last_contract": pl.String,
    "current_store": pl.String, "home_store": pl.String, "date_last_scanned": pl.Datetime("us"),
}  # fmt: skip
"""Rows of the item master as written, blanks and all."""
CONTRACTS: Schema = {
    "contract_no": pl.String, "store_no": pl.String, "status": pl.String, "contract_date": pl.Datetime("us"),
    "promised": pl.Datetime("us"), "delivered": pl.Datetime("us"),
}  # fmt: skip
LINES: Schema = {"contract_no": pl.String, "line_number": pl.Int64, "rental_class": pl.String, "qty": pl.Int64}
EVENT_LINES: Schema = {
    "seq": pl.Int64, "occurred_at": pl.Datetime("us"), "contract_no": pl.String, "line_number": pl.Int64, "rental_class": pl.String,
    "qty": pl.Int64, "store_no": pl.String, "status": pl.String, "contract_date": pl.Datetime("us"), "promised": pl.Datetime("us"),
    "delivered": pl.Datetime("us"),
}  # fmt: skip
AFTER_ALL_IDS = 1 << 60
"""An event has no id of RFID3; in the second of a row of RFID3's it comes after it."""
WEEKS_BACK = 2
"""Whole weeks before the moment's own whose scans are read: no window of a feature reaches further."""


@dataclass
class Rows:
    """What RFID3 and the events say, not joined yet; plain rows in the order of the columns above."""

    scans: list[Sequence[Any]] = field(default_factory=list)
    tags: list[Sequence[Any]] = field(default_factory=list)
    contracts: list[Sequence[Any]] = field(default_factory=list)
    lines: list[Sequence[Any]] = field(default_factory=list)
    event_scans: list[Sequence[Any]] = field(default_factory=list)
    event_lines: list[Sequence[Any]] = field(default_factory=list)
    booked_ahead: bool = False
    """Whether RFID3 knows a contract, neither cancelled nor a quote, that is promised after the moment's day."""


def since(moment: datetime) -> datetime:
    """The Monday from which scans are read for features of this moment."""
    monday = moment.date() - timedelta(days=moment.weekday() + 7 * WEEKS_BACK)
    return datetime.combine(monday, datetime.min.time())


def day_end(moment: datetime) -> datetime:
    """The last second of the moment's day: contracts are known by the day, as in training."""
    return datetime.combine(moment.date(), time(23, 59, 59))


def frame(rows: Sequence[Sequence[Any]], schema: Schema) -> pl.DataFrame:
    """The rows as a frame."""
    return pl.DataFrame(rows, schema=schema, orient="row")
