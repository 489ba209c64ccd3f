"""Which rows of RFID3 and of our store is a unit's life rebuilt from? The frames that `reading` fills. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from rfid3_shared.source.vocabulary import DEFECTS

SERVICE_REQUIRED, PLACE_NAMED = 1 << len(DEFECTS), 1 << (len(DEFECTS) + 1)
"""Bits of a scan's flags after those of the defects: service_required is set, location_of_repair names a place."""
TIME = pl.Datetime("us")
SCANS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.Int64, "tag_id": pl.String, "scan_type": pl.String, "scan_date": TIME, "status": pl.String, "quality": pl.String,
    "contract_number": pl.String, "rental_class": pl.String, "flags": pl.Int64,
}  # fmt: skip
TAGS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "tag_id": pl.String, "rental_class": pl.String, "name": pl.String, "quality": pl.String, "bin_location": pl.String,
    "status": pl.String, "last_contract": pl.String, "scanned_at": TIME, "created_at": TIME, "current_store": pl.String,
    "home_store": pl.String, "repair_cost_usd": pl.Float64,
}  # fmt: skip
CLASSES: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "rental_class": pl.String, "class_name": pl.String, "category": pl.String, "subcategory": pl.String,
    "purchase_usd": pl.Float64, "day_rate_usd": pl.Float64, "rental_usd": pl.Float64, "resale": pl.Boolean,
}  # fmt: skip
CONTRACTS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "contract": pl.String, "contract_store": pl.String, "promised_at": TIME,
}  # fmt: skip
LINES: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "contract": pl.String, "rental_class": pl.String, "units": pl.Int64, "hours": pl.Int64, "due_at": TIME, "price_usd": pl.Float64,
    "day_usd": pl.Float64, "meter_out": pl.Float64, "meter_in": pl.Float64,
}  # fmt: skip
RAIN: Mapping[str, pl.DataType | type[pl.DataType]] = {"day": pl.Date, "rain_in": pl.Float64}
EVENTS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "tag_id": pl.String, "at": TIME, "event": pl.String, "kind": pl.String, "cost_usd": pl.Float64,
}  # fmt: skip
INSPECTIONS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "tag_id": pl.String, "at": TIME, "grade": pl.String, "defects": pl.List(pl.String),
}  # fmt: skip


def _none(schema: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(schema))


@dataclass(frozen=True)
class Sources:
    """Everything as it was read, in no order; times are naive shop time, texts are not yet trimmed.

    scans: SCANS; flags are bits in the order of DEFECTS, then SERVICE_REQUIRED and PLACE_NAMED. tags: TAGS, the scanned units of
    the item master. classes: CLASSES, one row a rental class. contracts: CONTRACTS; contract_store null when two stores use the number.
    lines: LINES of the POS. rain: RAIN of measured days. events, inspections: what people reported. until: nothing after it is
    believed. class_stores, store_codes: as `source.stores.place` wants them.
    """

    scans: pl.DataFrame
    until: datetime
    tags: pl.DataFrame = field(default_factory=lambda: _none(TAGS))
    classes: pl.DataFrame = field(default_factory=lambda: _none(CLASSES))
    contracts: pl.DataFrame = field(default_factory=lambda: _none(CONTRACTS))
    lines: pl.DataFrame = field(default_factory=lambda: _none(LINES))
    rain: pl.DataFrame = field(default_factory=lambda: _none(RAIN))
    events: pl.DataFrame = field(default_factory=lambda: _none(EVENTS))
    inspections: pl.DataFrame = field(default_factory=lambda: _none(INSPECTIONS))
    class_stores: Mapping[str, str] = field(default_factory=dict)
    store_codes: Mapping[str, str] = field(default_factory=dict)
