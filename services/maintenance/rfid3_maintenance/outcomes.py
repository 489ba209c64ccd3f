"""What happened to the targets that were predicted? A wear failure in the window before a day, or how many in a category's week. Pure."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl

from rfid3_maintenance.kinds import WEAR, window_of
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.snapshot import UNMAPPED
from rfid3_shared.item_life.watch import events_of, observed
from rfid3_shared.ledger import Outcome, Target

RESTATED_DAYS = 21
"""Scans come in late: for so many days an outcome is looked at again."""


def restated_since(last_day: date) -> date:
    """The first day whose outcome may still change."""
    return last_day - timedelta(days=RESTATED_DAYS)


def of_targets(life: Life, targets: Sequence[Target]) -> list[Outcome]:
    """The outcome of each target whose window is over and known.

    An item: 1 when a repair or its retirement was seen in the days before the target's day, 0 when it was watched through them and was
    whole; a lost item or one that is out has no outcome. A total: failing units of the category in the week that begins on its day.
    """
    events = pl.concat([events_of(life, kind) for kind in WEAR])
    return [*_of_items(life, events, targets), *_of_totals(life, events, targets)]


def never_known(life: Life, targets: Sequence[Target]) -> dict[Target, str]:
    """The items' targets whose window is over and whose outcome nobody will learn, with why.

    An item that got lost, or was gone before, was watched to its last sight only: whether it would have failed is not known, and to call it
    whole would flatter low chances. One that is out waits: it may come back and tell.
    """
    gone = dict(life.units.filter(pl.col("gone").is_not_null()).select("tag_id", "gone").iter_rows())
    here = set(life.units["tag_id"].to_list())
    over = {"loss": "lost before its window was over", "retirement": "retired, and not watched through its window"}
    return {
        one: over[gone[one.target_item_id]] if one.target_item_id in gone else "no longer in RFID3"
        for one in targets
        if window_of(one.target_category) is not None and one.prediction_date < life.data_to.date()
        and (one.target_item_id in gone or one.target_item_id not in here)
    }  # fmt: skip


def _of_items(life: Life, events: pl.DataFrame, targets: Sequence[Target]) -> list[Outcome]:
    asked = [(one, days) for one in targets if (days := window_of(one.target_category)) is not None]
    wanted = {one.target_item_id for one, _ in asked}
    at: dict[str, np.ndarray] = {}
    for (tag,), part in events.filter(pl.col("tag_id").is_in(sorted(wanted))).group_by("tag_id"):
        at[str(tag)] = part["at"].sort().to_numpy()
    watched = {tag: (entered, left) for tag, entered, left in observed(life).filter(pl.col("tag_id").is_in(sorted(wanted))).select(
        "tag_id", "entered_at", "left_at").iter_rows()}  # fmt: skip
    found = []
    for one, days in asked:
        end = datetime.combine(one.prediction_date, time.max)
        begin = end - timedelta(days=days)
        times = at.get(one.target_item_id, np.empty(0, "datetime64[us]"))
        failed = bool(((times > np.datetime64(begin)) & (times <= np.datetime64(end))).any())
        seen = watched.get(one.target_item_id)
        if failed or (
            seen is not None
            and seen[0] <= begin
            and seen[1] >= min(end, life.data_to)
            and life.data_to.date() > one.prediction_date
        ):
            found.append(Outcome(one, 1.0 if failed else 0.0))
    return found


def _of_totals(life: Life, events: pl.DataFrame, targets: Sequence[Target]) -> list[Outcome]:
    placed = events.join(life.units.select("tag_id", category=pl.col("category").fill_null(UNMAPPED)), on="tag_id", how="left")
    weekly = placed.with_columns(day=pl.col("at").dt.date()).with_columns(
        week=pl.col("day") - pl.duration(days=pl.col("day").dt.weekday() - 1)
    )
    counts = {(category, week): float(units) for category, week, units in
              weekly.group_by("category", "week").agg(pl.col("tag_id").n_unique()).iter_rows()}  # fmt: skip
    over = life.data_to.date()
    return [
        Outcome(one, counts.get((one.target_category, one.prediction_date), 0.0))
        for one in targets
        if not one.target_item_id and one.target_category and one.prediction_date + timedelta(days=6) < over
    ]  # fmt: skip
