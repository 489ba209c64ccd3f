"""How do a day's scans, contracts and surroundings read as rows of RFID3's tables?"""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import repeat
from typing import Any

import numpy as np

from rfid3_shared.source.tables import DEFECT_COLUMNS
from rfid3_shared.twin.calendar import public_holidays, season_flags
from rfid3_shared.twin.columns import Columns
from rfid3_shared.twin.dirt import TEST_CLASS, TEST_NAME, TEST_TAG
from rfid3_shared.twin.labels import DAY_S, Labels, contract_numbers, pos_store_code, stamps
from rfid3_shared.twin.materials import MATERIALS
from rfid3_shared.twin.pos import MONTH_FACTOR, WEEK_FACTOR
from rfid3_shared.twin.randomness import Array
from rfid3_shared.twin.scans import KINDS_OF_SCAN, REPAIR, RETURN, STATUSES, TAG_AS_STATUS
from rfid3_shared.twin.weather import Weather
from rfid3_shared.twin.world import World

Row = tuple[Any, ...]

SCAN_COLUMNS = (
    "id", "contract_number", "tag_id", "scan_type", "scan_date", "common_name", "bin_location", "status", "quality",
    "location_of_repair", "rental_class_num", "date_created", "date_updated", *DEFECT_COLUMNS, "service_required",
)  # fmt: skip
CONTRACT_COLUMNS = (
    "id", "contract_no", "store_no", "status", "contract_date", "close_date", "billed_date", "completed_date", "rent_amt",
    "sale_amt", "total", "promised_delivery_date", "actual_delivery_date", "promised_pickup_date", "actual_pickup_date", "type",
)  # fmt: skip
LINE_COLUMNS = (
    "id", "contract_no", "line_number", "item_num", "qty", "hours", "due_date", "line_status", "price", "discount_percent",
    "discount_amt", "daily_amt", "weekly_amt", "monthly_amt",
)  # fmt: skip
FACTOR_COLUMNS = ("date", "factor_type", "factor_name", "value", "source")
RESERVED, OUT, CLOSED = ("Reservation", "R"), ("Open", "O"), ("Closed", "C")
"""Status of a contract and of its lines."""
SALES_TAX = 0.075
DELIVERY_FEE_USD = 65.0
HOLIDAYS_AHEAD_DAYS = 56


def scan_rows(world: World, labels: Labels, scans: Columns) -> list[Row]:
    """Rows of id_transactions, SCAN_COLUMNS; `scans` as simulate.step returns them."""
    tag, status = scans["tag"], scans["status"]
    own = np.maximum(tag, 0)
    cls = world.tag_class_of(own)
    ids, names, numbers = labels.tag_id[own], labels.class_name[cls], labels.class_num[cls]
    bins = labels.class_bin[cls]
    bins[scans["kind"] != RETURN] = None
    grades = labels.grade[scans["grade"]]
    words = np.array(STATUSES, object)[np.where(status == TAG_AS_STATUS, 0, status)]
    words[status == TAG_AS_STATUS] = ids[status == TAG_AS_STATUS]
    for at in np.flatnonzero(tag < 0).tolist():
        ids[at] = f"{int(scans['id'][at]) * 0x9E3779B97F4A7C15F39CC0605 % 2**96:024X}"
        names[at], numbers[at], bins[at], grades[at] = None, None, None, None
    tests = tag == TEST_TAG
    ids[tests], names[tests], numbers[tests] = "7E57" * 6, TEST_NAME, TEST_CLASS
    for at in np.flatnonzero(scans["spaced"] & (tag >= 0)).tolist():
        ids[at] = " " + ids[at]
    moments = stamps(world.spec.start, scans["second"])
    rows = list(zip(
        scans["id"].tolist(), contract_numbers(scans["contract"]), ids.tolist(),
        np.array(KINDS_OF_SCAN, object)[scans["kind"]].tolist(), moments, names.tolist(), bins.tolist(), words.tolist(),
        grades.tolist(), repeat(None), numbers.tolist(), moments, moments, *[repeat(0)] * (len(DEFECT_COLUMNS) + 1),
        strict=False,
    ))  # fmt: skip
    for at in np.flatnonzero(scans["defects"]).tolist():
        places = MATERIALS[int(world.tags.material[tag[at]])].places if status[at] == REPAIR else ()
        rows[at] = _with_defects(rows[at], int(scans["defects"][at]), places)
    return rows


def _with_defects(row: Row, bits: int, places: tuple[str, ...]) -> Row:
    """The row with its defects; where there are places it is a repair, which asks for service and names one of them."""
    values, first = list(row), len(SCAN_COLUMNS) - len(DEFECT_COLUMNS) - 1
    for k in range(len(DEFECT_COLUMNS)):
        values[first + k] = bits >> k & 1
    if places:
        values[SCAN_COLUMNS.index("location_of_repair")] = places[int(values[0]) % len(places)]
        values[-1] = 1
    return tuple(values)


def contract_rows(start: date, table: Columns, state: tuple[str, str]) -> Iterator[Row]:
    """Rows of pos_transactions, CONTRACT_COLUMNS; `table` holds pos.CONTRACT_COLUMNS, all in one state."""
    seq, out_s = table["seq"], table["out_day"] * DAY_S + table["out_second"]
    booked = stamps(start, np.minimum(table["book_day"] * DAY_S + 9 * 3600 + seq * 37 % 28_000, out_s - 1800))
    leaving, due = stamps(start, out_s), stamps(start, table["due_day"] * DAY_S + 9 * 3600)
    closed = stamps(start, table["close_day"] * DAY_S + table["close_second"])
    numbers, delivered = contract_numbers(seq), table["delivered"].tolist()
    store, rent = table["store"].tolist(), (table["rent_cents"] / 100).tolist()
    for k, turn in enumerate(seq.tolist()):
        back = closed[k] if state is CLOSED else None
        total = round(rent[k] * (1 + SALES_TAX) + DELIVERY_FEE_USD * delivered[k], 2)
        yield (turn + 1, numbers[k], pos_store_code(store[k], turn), state[0], booked[k], back, back, back, rent[k], 0.0, total,
               leaving[k], None if state is RESERVED else leaving[k], due[k], back,
               "Delivery" if delivered[k] else "Pickup")  # fmt: skip


def line_rows(world: World, labels: Labels, table: Columns, lines: Columns, state: tuple[str, str]) -> Iterator[Row]:
    """Rows of pos_transaction_items, LINE_COLUMNS; every line's contract is in `table`, which is sorted by seq."""
    at = np.searchsorted(table["seq"], lines["seq"])
    due = stamps(world.spec.start, table["due_day"][at] * DAY_S + 9 * 3600)
    hours = (table["due_day"] - table["out_day"])[at] * 24
    price, rate, percent = lines["price_cents"] / 100, lines["day_rate_cents"] / 100, lines["discount_percent"]
    saved = np.round(price * percent / (100 - percent), 2)
    return zip(
        ((lines["seq"] + 1) * 64 + lines["line_number"]).tolist(), contract_numbers(lines["seq"]),
        lines["line_number"].tolist(), labels.class_num[lines["cls"]].tolist(), lines["units"].tolist(), hours.tolist(),
        due, repeat(state[1]), price.tolist(), percent.tolist(), saved.tolist(), rate.tolist(),
        np.round(rate * WEEK_FACTOR, 2).tolist(), np.round(rate * MONTH_FACTOR, 2).tolist(), strict=False,
    )  # fmt: skip


def factor_rows(world: World, weather: Weather, first: int, days: int) -> Iterator[Row]:
    """Rows of external_factors for `days` days from day `first`, FACTOR_COLUMNS: weather and season of these days, and holidays
    of the days eight weeks later (from the company's first day, of the weeks between as well)."""
    for day in range(first, first + days):
        today = world.spec.start + timedelta(days=day)
        for name, values in _weather_series(weather):
            yield today.isoformat(), "weather", name, float(values[day]), "twin"
        for name, value in season_flags(today).items():
            yield today.isoformat(), "seasonal", name, value, "twin"
    earliest = world.spec.start + timedelta(days=first + (HOLIDAYS_AHEAD_DAYS if first else 0))
    latest = world.spec.start + timedelta(days=first + days - 1 + HOLIDAYS_AHEAD_DAYS)
    for holiday, name in public_holidays(earliest.year, latest.year).items():
        if earliest <= holiday <= latest:
            yield holiday.isoformat(), "holiday", name[:100], 1.0, "twin"


def _weather_series(weather: Weather) -> tuple[tuple[str, Array], ...]:
    return (("temperature_mean_f", weather.mean_f), ("temperature_max_f", weather.max_f), ("temperature_min_f", weather.min_f),
            ("precipitation_in", weather.precipitation_in))  # fmt: skip
