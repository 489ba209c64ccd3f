"""What has happened, when RFID3's rows and the events are laid side by side? Each scan and each POS line once. Pure.

A scan that RFID3 has written itself is told from an event's by tag, kind, second and contract, a line by contract and number; RFID3's
row stands. Of several events of one line the latest stands. A contract is as RFID3 says where it knows the number; else each of its
facts is what its events said last.
"""

import polars as pl

from rfid3_demand.taking_in.shapes import CONTRACTS, LINES

SCAN_KEY = ("tag_id", "scan_type", "scan_date", pl.col("contract_number").fill_null(""))
LINE_KEY = ["contract_no", "line_number"]
IN_ORDER = ("occurred_at", "seq")
CONTRACT_FACTS = ("status", "contract_date", "promised", "delivered")


def new_scans(scans: pl.DataFrame, event_scans: pl.DataFrame) -> pl.DataFrame:
    """The event's scans that RFID3 has not written, each once: the one that arrived last, as it may say more."""
    each = event_scans.sort("arrival").unique(SCAN_KEY, keep="last", maintain_order=True)
    return each.join(scans, on=list(SCAN_KEY), how="anti")


def all_lines(lines: pl.DataFrame, event_lines: pl.DataFrame) -> pl.DataFrame:
    """RFID3's lines, and the events' that RFID3 does not have."""
    latest = event_lines.sort(IN_ORDER).unique(LINE_KEY, keep="last", maintain_order=True)
    return pl.concat([lines.unique(LINE_KEY, keep="any"), latest.join(lines, on=LINE_KEY, how="anti").select(list(LINES))])


def all_contracts(contracts: pl.DataFrame, event_lines: pl.DataFrame) -> pl.DataFrame:
    """RFID3's contracts, and those of the events whose number RFID3 does not have.

    Without a contract date the contract was written when its first event happened; without a store it is that of another event of the
    contract, else none.
    """
    known = contracts.unique(["contract_no", "store_no"], keep="any")
    fresh = event_lines.join(contracts, on="contract_no", how="anti").sort(IN_ORDER)
    only = pl.col("store_no").min().over("contract_no")
    fresh = fresh.with_columns(store_no=pl.coalesce("store_no", only, pl.lit("")))
    said = fresh.group_by("contract_no", "store_no", maintain_order=True).agg(
        *(pl.col(name).drop_nulls().last() for name in CONTRACT_FACTS), pl.col("occurred_at").min().alias("_first")
    )  # fmt: skip
    said = said.with_columns(contract_date=pl.coalesce("contract_date", "_first"))
    return pl.concat([known, said.select(list(CONTRACTS))])


def contract_stores(contracts: pl.DataFrame) -> pl.DataFrame:
    """contract_no, contract_store: the code of the contract's store, no row where two stores use the number."""
    codes = contracts.group_by("contract_no").agg(
        pl.col("store_no").min().alias("contract_store"), pl.col("store_no").max().alias("_other")
    )
    return codes.filter(pl.col("contract_store") == pl.col("_other")).drop("_other")
