"""Which feature values would have been known at moments of the past? Point-in-time training frames from the same declarations. Pure.

Features of dated facts are computed as of each moment by the engine that serves; features that only the store remembers are joined as of
the moment they became known. Before the store knew one it is null: nobody can learn from what was not known.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from rfid3_shared.feature_store.compute import Facts, values_at
from rfid3_shared.feature_store.definition import FeatureView

Change = tuple[str, str, datetime, float | None]
"""Feature, entity, from when it was known (naive UTC), and the value or None: what `history.changes` reads."""
CHANGES = {"feature": pl.String(), "entity": pl.String(), "known_at": pl.Datetime("us"), "value": pl.Float64()}


def frame(
    view: FeatureView, facts: Mapping[str, Facts], asked: pl.DataFrame, changes: Iterable[Change], zone: ZoneInfo
) -> pl.DataFrame:
    """One row for each row asked for, in its order: entity, at, and a column (Float64) a feature of the view.

    asked: entity, at (naive shop time in `zone`). Null: `latest`, `weeks_since` and `days_since` without a fact, and what the store
    did not know then.
    An hour that occurs twice in autumn is the first of the two, so that nothing of the second is known in it.
    Raises KeyError when a kind of facts is not given, ValueError for times out of range.
    """
    wanted = asked.select("entity", pl.col("at").cast(pl.Datetime("us")))
    computed = [each for each in view.features if each.past == "facts"]
    entities = wanted["entity"].unique(maintain_order=True)
    rows = wanted["entity"].replace_strict(entities, list(range(len(entities))), return_dtype=pl.Int64).to_numpy()
    values = values_at(computed, facts, entities.to_list(), rows, wanted["at"].to_numpy())
    columns = {each.name: pl.Series(values[:, at]).fill_nan(None) for at, each in enumerate(computed)}
    kept = [each.name for each in view.features if each.past == "kept"]
    columns |= _as_of(kept, wanted, pl.DataFrame(list(changes), CHANGES, orient="row"), zone)
    return wanted.with_columns(columns[name].alias(name) for name in view.names)


def _as_of(names: list[str], wanted: pl.DataFrame, changes: pl.DataFrame, zone: ZoneInfo) -> dict[str, pl.Series]:
    """The newest value of each feature that was known at each moment."""
    in_utc = pl.col("at").dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null")
    moments = wanted.with_row_index().with_columns(at=in_utc.dt.convert_time_zone("UTC").dt.replace_time_zone(None)).sort("at")
    found = {}
    for name in names:
        said = (
            changes.filter(pl.col("feature") == name)
            .select("entity", "known_at", "value")
            .sort("known_at", maintain_order=True)
        )
        joined = moments.join_asof(said, left_on="at", right_on="known_at", by="entity", check_sortedness=False)
        found[name] = joined.sort("index")["value"]
    return found
