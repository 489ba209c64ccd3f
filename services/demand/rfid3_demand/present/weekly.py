"""Which features of the last complete week does demand declare? The monitors hold them against what the model learned from.

One entity is a class: `class:61825`. They change on Mondays, are computed with the other monitors and kept, not served.
"""

from datetime import timedelta

from rfid3_demand.settings import SERVICE
from rfid3_shared.feature_store.definition import FeatureDefinition, FeatureView, Window

LONGEST_REST_WEEKS = 26
FRESH_FOR = timedelta(days=8)
"""Until a day after the next week has ended."""
SCANS = "id_transactions, pos_transaction_items"

WEEKLY = FeatureView(
    "demand_weekly", (
        FeatureDefinition(
            "units_week", SERVICE, "departures", "sum", Window.complete_weeks(1), "units", FRESH_FOR, SCANS,
            "Units that left in the week.",
        ),
        FeatureDefinition(
            "units_4_weeks", SERVICE, "departures", "sum", Window.complete_weeks(4), "units", FRESH_FOR, SCANS,
            "Units that left in the week and the three before.",
        ),
        FeatureDefinition(
            "weeks_since_departure", SERVICE, "departures", "weeks_since", Window.always(), "weeks", FRESH_FOR, SCANS,
            "Weeks since the last departure; 26 is that or longer, none before the first one.", most=LONGEST_REST_WEEKS,
        ),
    ),
)  # fmt: skip
