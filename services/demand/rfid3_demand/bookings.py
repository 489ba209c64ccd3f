"""How many units stood on contracts, for which week, and how long before? From contract rows to arrays; pure.

What was on hand at a past moment is rebuilt from the days on which contracts were written, so nothing known later enters. A
contract that was cancelled counts until the day the POS closed it; without such a day it counts as the POS says at the end:
not at all, and units booked ahead are lowered by the share of units that went this way.
"""

from datetime import date

import numpy as np
import polars as pl

from rfid3_demand.model.booking_curve import Bookings

MOST_LEAD_WEEKS = 17
"""Weeks ahead looked at: 120 days."""
NEVER = 10**6
"""A day number after all others."""


def of_panel(booked: pl.DataFrame, labels: pl.DataFrame, weeks: list[date], as_of: date, horizon: int) -> Bookings | None:
    """Bookings per series of the panel; None when no contract known on `as_of` leaves after it.

    booked: rental_class, store, leaves, written, closed (dates), cancelled, reserved (bool), units. labels: rental_class, store in
    the panel's order. weeks: its Mondays. as_of: the data's last day, on or after the last week's Sunday. Lead k (from 0) of
    a week is as many days before its Monday as the k-th week ahead is from `as_of`.
    """
    known = booked.filter(pl.col("written") <= as_of)
    # what closed after `as_of` was open then, as far as anybody could know
    later = (pl.col("closed") > as_of).fill_null(False)
    known = known.with_columns(closed=pl.when(~later).then(pl.col("closed")), cancelled=pl.col("cancelled") & ~later)
    if not weeks or known.filter((pl.col("leaves") > as_of) & ~pl.col("cancelled")).is_empty():
        return None
    first, leads = weeks[0], min(MOST_LEAD_WEEKS, horizon)
    gap_days = 7 * len(weeks) - (as_of - first).days
    positions = labels.select("rental_class", "store").with_row_index("row")
    rows = known.join(positions, on=["rental_class", "store"], how="inner").with_columns(
        week=(pl.col("leaves") - first).dt.total_days() // 7
    )
    dated = ~pl.col("cancelled") | pl.col("closed").is_not_null()
    rows = rows.filter(pl.col("week").is_between(0, len(weeks) + horizon - 1) & dated)
    day = first.toordinal() - date(1970, 1, 1).toordinal()
    at, week = rows["row"].to_numpy(), rows["week"].to_numpy()
    written, closed = (rows[name].cast(pl.Int64).fill_null(NEVER).to_numpy() - day for name in ("written", "closed"))
    standing = np.zeros((labels.height, len(weeks), leads), np.float32)
    units = rows["units"].to_numpy().astype(np.float32)
    _add(standing, at, week, (7 * week - gap_days - written) // 7, units)
    gone = rows["cancelled"].to_numpy()
    _add(standing, at[gone], week[gone], (7 * week - gap_days - closed)[gone] // 7, -units[gone])
    standing = np.maximum(np.cumsum(standing[:, :, ::-1], axis=2)[:, :, ::-1], 0.0)
    ahead = np.zeros((labels.height, horizon))
    open_now = (week >= len(weeks)) & ~gone
    np.add.at(ahead, (at[open_now], week[open_now] - len(weeks)), units[open_now])
    lost, undated = _lost_shares(known, as_of)
    return Bookings(
        past=standing, ahead=ahead,
        begun=int(gap_days <= 0), lost_share=lost, undated_share=undated,
    )  # fmt: skip


def _add(standing: np.ndarray, row: np.ndarray, week: np.ndarray, lead: np.ndarray, units: np.ndarray) -> None:
    """Units that stand at every lead up to `lead`, entered there once; summed over leads afterwards."""
    ok = (lead >= 0) & (week < standing.shape[1])
    np.add.at(standing, (row[ok], week[ok], np.minimum(lead[ok], standing.shape[2] - 1).astype(int)), units[ok])


def _lost_shares(known: pl.DataFrame, as_of: date) -> tuple[float, float]:
    """Share of the units booked for days up to `as_of` that never left; and of those, the cancelled ones without a day."""
    due = known.filter((pl.col("leaves") <= as_of) & (pl.col("written") < pl.col("leaves")))
    units = due["units"].to_numpy().astype(float)
    if units.sum() <= 0:
        return 0.0, 0.0
    cancelled, undated = due["cancelled"].to_numpy(), due["closed"].is_null().to_numpy()
    lost = cancelled | due["reserved"].to_numpy()
    return float(units[lost].sum() / units.sum()), float(units[cancelled & undated].sum() / units.sum())
