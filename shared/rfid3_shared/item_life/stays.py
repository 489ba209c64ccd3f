"""When was each unit out, and when did it come back? A return is mostly an interval: a third of them leave no scan. Pure.

Departures are those of `source.departures`. An absence is what lies between an out scan and the first sign that the unit is home again:
a return, a sighting an hour or more later that does not say it is out, or its next departure. What an absence says rests on scans up
to that sign and on POS contracts, never on later ones: so features of the past stay what they were. Of an unscanned return the best
guess is the last return scanned of the same contract, else the day it was due, else USUAL_DAYS after it left.
"""

from datetime import timedelta

import polars as pl

from rfid3_shared.source.departures import departures
from rfid3_shared.source.vocabulary import Condition, Movement

SIGHTING_WAIT = timedelta(hours=1)
"""A sighting sooner than that after an out scan is the loading of the truck."""
USUAL_DAYS = 5.0
"""Out to back takes 4.6 days at the median of a real export; used only where neither companions nor a due date tell."""
MASTER_WAIT = timedelta(days=1)
"""The item master's last scan is that of the departure itself, or of its delivery, when it is not later than that."""
DAY_S = 86_400.0


def out_scans(scans: pl.DataFrame, dues: pl.DataFrame, promises: pl.DataFrame) -> pl.DataFrame:
    """Every out scan with what is known of the absence that it begins, by tag and time.

    scans: as `sightings`. dues: contract, rental_class, due_at (of POS lines). promises: contract, promised_at.
    Columns: tag_id, left_at, arrival, contract, rental_class, departs (whether it is a departure), starts (whether it is the first out
    scan of its rental), next_at (next out scan), known_at (first sign that it was over, null = none), home_at (the sighting that was it,
    else null), seen_back, back_at (best guess; null while known_at is), due_at.
    """
    named = scans.rename({"at": "scan_date"})
    found = departures(named.select("tag_id", "scan_type", "scan_date", "arrival", "contract_number"))
    outs = named.filter(pl.col("move") == Movement.OUT.value).select(
        "tag_id", "arrival", "rental_class", left_at="scan_date", contract="contract_number",
        next_at=pl.col("scan_date").shift(-1).over("tag_id"),
    )  # fmt: skip
    marked = outs.join(found.select("tag_id", left_at="scan_date", arrival="arrival", departs=True),
                       on=["tag_id", "left_at", "arrival"], how="left", maintain_order="left")  # fmt: skip
    marked = marked.with_columns(pl.col("departs").fill_null(False))
    marked = marked.with_columns(starts=pl.col("departs").shift(1).over("tag_id").fill_null(True))
    seen = _with_first_sign(marked, scans)
    due = seen.join(dues, on=["contract", "rental_class"], how="left", maintain_order="left")
    due = due.join(promises, on="contract", how="left", maintain_order="left")
    said = pl.coalesce("due_at", "promised_at")
    due = due.with_columns(due_at=pl.when(said > pl.col("left_at")).then(said)).drop("promised_at")
    return _with_best_guess(due).sort("tag_id", "left_at", "arrival")


def absences(outs: pl.DataFrame) -> pl.DataFrame:
    """Absences that are known to be over: tag_id, left_at, known_at, back_at, contract, rental_class, days.

    An out scan that is followed by another of the same rental without a sign between ends nothing and is left out.
    """
    over = pl.col("known_at").is_not_null() & (pl.col("home_at").is_not_null() | pl.col("departs"))
    days = (pl.col("back_at") - pl.col("left_at")).dt.total_seconds() / DAY_S
    return outs.filter(over).select("tag_id", "left_at", "known_at", "back_at", "contract", "rental_class", days=days)


def stays(outs: pl.DataFrame, scans: pl.DataFrame, master: pl.DataFrame, data_to: pl.Expr) -> pl.DataFrame:
    """One row a departure, `Life.stays` without rain and meters.

    master: tag_id, condition, scanned_at (by the item master). data_to: end of the data. After a unit's last departure the item master
    may know more than the scans: that it was scanned since, or that its status says it is home.
    """
    begun = pl.when(pl.col("starts")).then("left_at").forward_fill().over("tag_id")
    rows = outs.with_columns(begun_at=begun).filter("departs")
    rows = rows.join(master, on="tag_id", how="left", maintain_order="left")
    last = pl.col("next_at").is_null() & pl.col("known_at").is_null()
    since = pl.when(last & (pl.col("scanned_at") > pl.col("left_at") + MASTER_WAIT)).then("scanned_at")
    rows = rows.with_columns(back_upper=pl.coalesce("known_at", since), data_to=data_to)
    home = pl.col("condition").is_in([Condition.AVAILABLE.value, Condition.TURNAROUND.value, Condition.COMMITTED.value])
    bound = pl.coalesce("back_upper", pl.when(home).then("data_to"))
    rows = rows.with_columns(back_at=pl.coalesce("back_at", _expected(bound)))
    lower = _last_seen_out(rows, scans)
    days = (pl.coalesce("back_at", "data_to") - pl.col("left_at")).dt.total_seconds() / DAY_S
    return rows.with_columns(back_lower=lower, days_out=days.clip(0)).select(
        "tag_id", "begun_at", "left_at", "contract", "rental_class", "back_lower", "back_upper", "back_at", "seen_back", "due_at",
        "days_out",
    )  # fmt: skip


def _with_first_sign(outs: pl.DataFrame, scans: pl.DataFrame) -> pl.DataFrame:
    """The outs with known_at, home_at and seen_back."""
    home = scans.filter((pl.col("move") != Movement.OUT.value) & (pl.col("condition") != Condition.OUT.value).fill_null(True))
    for move, name, wait in ((Movement.BACK, "return_at", timedelta(0)), (Movement.SEEN, "touch_at", SIGHTING_WAIT)):
        kind = home.filter(pl.col("move") == move.value).select("tag_id", pl.col("at").alias(name)).sort(name)
        # a return of the second of the out scan is the correction before it
        asked = outs.with_columns(_from=pl.col("left_at") + wait).sort("_from")
        outs = asked.join_asof(
            kind, left_on="_from", right_on=name, by="tag_id", strategy="forward", allow_exact_matches=False,
            check_sortedness=False, coalesce=False,
        ).drop("_from")  # fmt: skip
    sign = pl.min_horizontal("return_at", "touch_at")
    outs = outs.with_columns(home_at=pl.when(pl.col("next_at").is_null() | (sign <= pl.col("next_at"))).then(sign))
    return outs.with_columns(
        known_at=pl.coalesce("home_at", "next_at"),
        seen_back=(pl.col("home_at") == pl.col("return_at")).fill_null(False),
    ).drop("return_at", "touch_at")


def _with_best_guess(outs: pl.DataFrame) -> pl.DataFrame:
    """The outs with back_at: the scanned return, else what companions, the due date or custom say, at most known_at."""
    returned = outs.filter(pl.col("seen_back") & pl.col("contract").is_not_null())
    companions = returned.select("contract", companion_at="home_at").sort("companion_at")
    outs = outs.sort("known_at", nulls_last=True).join_asof(
        companions, left_on="known_at", right_on="companion_at", by="contract", strategy="backward", check_sortedness=False,
        coalesce=False,
    )  # fmt: skip
    together = pl.when(pl.col("companion_at") > pl.col("left_at")).then("companion_at")
    guess = pl.min_horizontal(pl.coalesce(together, _expected(pl.col("known_at"))), "known_at")
    best = pl.when("seen_back").then("home_at").when(pl.col("known_at").is_not_null()).then(guess)
    return outs.with_columns(back_at=best).drop("companion_at")


def _expected(bound: pl.Expr) -> pl.Expr:
    """When the unit was due, else USUAL_DAYS after it left; at most `bound`, null where that is."""
    usual = pl.coalesce("due_at", pl.col("left_at") + timedelta(days=USUAL_DAYS))
    return pl.when(bound.is_not_null()).then(pl.max_horizontal(pl.min_horizontal(usual, bound), "left_at"))


def _last_seen_out(rows: pl.DataFrame, scans: pl.DataFrame) -> pl.Series:
    """The last moment before back_upper at which a sighting still said that the unit was out; else its departure."""
    said = scans.filter((pl.col("move") == Movement.SEEN.value) & (pl.col("condition") == Condition.OUT.value))
    asked = rows.select("tag_id", "left_at", before=pl.coalesce("back_upper", "data_to")).with_row_index().sort("before")
    found = asked.join_asof(
        said.select("tag_id", out_at="at").sort("out_at"), left_on="before", right_on="out_at", by="tag_id", strategy="backward",
        allow_exact_matches=False, check_sortedness=False, coalesce=False,
    )  # fmt: skip
    return found.sort("index").select(pl.max_horizontal("left_at", "out_at"))["left_at"]
