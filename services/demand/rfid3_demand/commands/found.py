"""What was detected in each series, on the terminal and as a table? For `rfid3 demand forecast`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from rfid3_demand import findings
from rfid3_shared.series import KEY

if TYPE_CHECKING:
    from rfid3_demand.model.own_series import OwnSeries

MOST_PRINTED = 20
SCHEMA = {
    KEY: pl.String, "kind": pl.String, "seasons": pl.String, "trend_per_step": pl.Float64, "last_shift": pl.String,
    "shift_ratio": pl.Float64, "level_shifts": pl.Int64, "text": pl.String,
}  # fmt: skip


def detected(parts: Sequence[OwnSeries], written: str | None) -> pl.DataFrame:
    """One row a series, sorted by name, columns as in SCHEMA; written: how the input writes time stamps, None = as they are."""
    rows = [row for part in parts for row in _rows(part, written)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort(KEY, maintain_order=True)


def _rows(part: OwnSeries, written: str | None) -> list[tuple[Any, ...]]:
    from rfid3_demand.model import diagnosis
    from rfid3_demand.model.own_series import stamp_before

    panel, frequency = part.panel, part.panel.frequency
    found = diagnosis.diagnose(panel.y, frequency.step, (panel.season,))
    rows = []
    for row, (name, last) in enumerate(zip(panel.ids, part.last, strict=True)):

        def stamp(at: int, last: Any = last) -> str:
            one = stamp_before(last, frequency, found.length - 1 - at)
            return str(one) if written is None or isinstance(one, int) else str(one.strftime(written))

        said = findings.told(diagnosis.values(found, row, stamp), frequency.step)
        seasons = "; ".join(f"{one['name']} {one['share_of_variation']:.0%}" for one in said["seasons"])
        shifts = said["level_shifts"]
        newest = (shifts[-1]["at"], shifts[-1]["ratio"]) if shifts else (None, None)
        rows.append((name, said["kind"], seasons, said["trend_per_step"], *newest, len(shifts), said["text"]))
    return rows


def lines(table: pl.DataFrame) -> list[str]:
    """The first series in words, and how many more there are."""
    said = [f"{name}: {text}" for name, text in table.select(KEY, "text").head(MOST_PRINTED).iter_rows()]
    more = len(table) - MOST_PRINTED
    return [*said, f"… and {more} more: --diagnosis writes them all."] if more > 0 else said
