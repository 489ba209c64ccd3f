"""What is an event, once it has been found to be one?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Kind = Literal["scan", "line"]
Origin = Literal["http", "mqtt"]


@dataclass(frozen=True, slots=True)
class ShopEvent:
    """One scan or one POS line as it is kept; times naive: `occurred_at` in shop time, `received_at` in UTC.

    facts of a scan: scan_type (always), status, quality, bin_location, store. facts of a line: line_number, store_no, qty (whole
    numbers but store_no), status (of its contract), contract_date, promised_delivery_date, actual_delivery_date, close_date (ISO
    text in shop time); what was not sent is absent.
    """

    seq: int
    event_id: str
    kind: Kind
    origin: Origin
    received_at: datetime
    occurred_at: datetime
    tag_id: str
    rental_class: str
    contract: str
    facts: Mapping[str, Any]
