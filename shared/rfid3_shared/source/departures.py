"""Which of these scans are departures, and which are returns? The rule of `movements.select_departures` on frames. Pure.

RFID3's own scans are sorted out in SQL; scans that RFID3 has not written yet stand beside them in a frame, and the same rule must
find the same departures there. A tag leaves at most once a business day, and the last out scan of the day counts; an out scan that
names the same contract as the tag's next one, with no back scan between, is that same departure. A tag comes back at most once a
day, and the last back scan of the day counts.
"""

import polars as pl

from rfid3_shared.source.vocabulary import BACK_SCAN_TYPES, OUT_SCAN_TYPES

ORDER = ("tag_id", "scan_date", "arrival")
"""Scans of one second keep the order in which they arrived."""


def departures(scans: pl.DataFrame) -> pl.DataFrame:
    """The scans that are departures, with all their columns, sorted by tag and time.

    Columns in (at least): tag_id (trimmed), scan_type, scan_date (naive shop time), arrival (Int64: RFID3's id or any order that tells
    scans of one second apart), contract_number (null where none is named). Whether a scan is a departure depends on what comes after
    it alone, so earlier scans may be missing. Scans without tag or time are no departures.
    """
    moves = _known(scans).filter(pl.col("scan_type").is_in(OUT_SCAN_TYPES + BACK_SCAN_TYPES)).sort(ORDER)
    is_back = pl.col("scan_type").is_in(BACK_SCAN_TYPES)
    # a running count of back scans: equal on two out scans exactly when nothing came back between them
    outs = moves.with_columns(_backs=is_back.cast(pl.Int64).cum_sum().over("tag_id")).filter(~is_back)
    following = {name: pl.col(name).shift(-1).over("tag_id") for name in ("scan_date", "contract_number", "_backs")}
    another_day = following["scan_date"].dt.date() != pl.col("scan_date").dt.date()
    same_contract = (following["contract_number"] == pl.col("contract_number")).fill_null(False)
    same_rental = same_contract & (following["_backs"] == pl.col("_backs"))
    return outs.filter(following["scan_date"].is_null() | (another_day & ~same_rental)).drop("_backs")


def returns(scans: pl.DataFrame) -> pl.DataFrame:
    """The scans with which a tag came back: the last back scan of each tag and day. Columns as in `departures`."""
    backs = _known(scans).filter(pl.col("scan_type").is_in(BACK_SCAN_TYPES)).sort(ORDER)
    return backs.unique(["tag_id", pl.col("scan_date").dt.date()], keep="last", maintain_order=True)


def _known(scans: pl.DataFrame) -> pl.DataFrame:
    return scans.filter((pl.col("tag_id") != "") & pl.col("scan_date").is_not_null())
