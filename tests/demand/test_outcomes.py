"""Is every outcome the number of units that left, for every kind of target?"""

from datetime import date, timedelta
from itertools import product

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from rfid3_demand import outcomes
from rfid3_shared.ledger import Target

WEEKS = [date(2025, 6, 2) + timedelta(days=7 * k) for k in range(4)]
CLASSES = {"1": ("Linen", "Round"), "2": ("Linen", "Square"), "3": ("Tables / Big", "Round"), "4": (None, None)}
STORES = ("3607", "8101", "000")
MAPPING = pl.DataFrame(
    [(number, category, sub) for number, (category, sub) in CLASSES.items() if category],
    schema={"rental_class": pl.String, "category": pl.String, "subcategory": pl.String}, orient="row",
)  # fmt: skip
rows = st.lists(
    st.tuples(st.sampled_from(list(CLASSES)), st.sampled_from(STORES), st.sampled_from(WEEKS), st.integers(1, 9)), max_size=30
)


def by_hand(units: list[tuple[str, str, date, int]], target: Target) -> float:
    """The outcome by looking at every row."""
    total = 0
    for number, store, week, count in units:
        category, sub = CLASSES[number] if CLASSES[number][0] else ("Unmapped", "Unmapped")
        about = number if target.target_item_id else category
        wanted = target.target_item_id or target.target_category
        fits = wanted in (about, "all") or (not target.target_item_id and wanted == f"{category} / {sub}")
        total += count if fits and target.store in (store, "all") and week == target.prediction_date else 0
    return float(total)


class TestOfTargets:
    @given(rows)
    def test_equals_a_count_by_hand(self, units: list[tuple[str, str, date, int]]) -> None:
        """Classes, subcategories, categories (one with a slash in its name) and everything, by store and overall."""
        frame = pl.DataFrame(
            units, schema={"rental_class": pl.String, "store": pl.String, "week": pl.Date, "units": pl.Int64}, orient="row"
        )
        names = [
            ("1", ""),
            ("4", ""),
            ("", "Linen"),
            ("", "Tables / Big"),
            ("", "Linen / Round"),
            ("", "Unmapped"),
            ("", "all"),
        ]
        # a category that never left is not in the frame, and its name then reads like a subcategory's: both are nothing
        targets = [Target(*name, store, week) for name, store, week in product(names, ("8101", "all"), WEEKS)]

        found = outcomes.of_targets(frame, MAPPING, WEEKS, targets)

        assert {outcome.target: outcome.actual_value for outcome in found} == {
            target: by_hand(units, target) for target in targets
        }

    def test_a_week_that_is_not_over_has_no_outcome(self) -> None:
        """Only complete weeks that the source knows are scored."""
        frame = pl.DataFrame(schema={"rental_class": pl.String, "store": pl.String, "week": pl.Date, "units": pl.Int64})
        targets = [
            Target("1", "", "all", day) for day in (WEEKS[0] - timedelta(days=7), WEEKS[0], WEEKS[-1] + timedelta(days=7))
        ]

        found = outcomes.of_targets(frame, MAPPING, WEEKS, targets)

        assert [(outcome.target.prediction_date, outcome.actual_value) for outcome in found] == [(WEEKS[0], 0.0)]
