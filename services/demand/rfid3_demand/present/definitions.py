"""Which features of the present does demand declare? One entity is a class in a store: `class:61825@3607`."""

from datetime import timedelta

from rfid3_demand.settings import SERVICE
from rfid3_shared.feature_store.definition import FeatureDefinition, FeatureView, Window

FRESH_FOR = timedelta(minutes=15)
"""Three missed looks at the source."""
SCANS = "id_transactions, pos_transaction_items, events"
ITEMS = "id_item_master, events"

LIVE = FeatureView(
    "demand", (
        FeatureDefinition(
            "units_left_week", SERVICE, "departures", "sum", Window.week_to_date(), "units", FRESH_FOR, SCANS,
            "Units that left since Monday; of the class's POS lines where it is never scanned.",
        ),
        FeatureDefinition(
            "units_in_service", SERVICE, "fleet", "latest", Window.always(), "units", FRESH_FOR, ITEMS,
            "Tagged units neither sold, missing nor for sale.", past="kept",
        ),
        FeatureDefinition(
            "units_unavailable", SERVICE, "unavailable", "latest", Window.always(), "units", FRESH_FOR, ITEMS,
            "Of those the ones that are out, committed or being turned around.", past="kept",
        ),
        FeatureDefinition(
            "units_booked_week", SERVICE, "booked", "latest", Window.always(), "units", FRESH_FOR, "pos_transactions, events",
            "Units on contracts promised for the moment's week, cancelled ones left out.", past="kept",
        ),
        FeatureDefinition(
            "units_left_1_hour", SERVICE, "departures", "sum", Window.rolling(hours=1), "units", FRESH_FOR, SCANS,
            "Units that left in the last hour that is known of.",
        ),
        FeatureDefinition(
            "units_left_1_day", SERVICE, "departures", "sum", Window.rolling(days=1), "units", FRESH_FOR, SCANS,
            "Units that left in the last day that is known of.",
        ),
        FeatureDefinition(
            "units_back_1_day", SERVICE, "returns", "sum", Window.rolling(days=1), "units", FRESH_FOR, SCANS,
            "Units that came back in the last day that is known of.",
        ),
    ),
)  # fmt: skip


def entity(rental_class: str, store: str) -> str:
    """The entity's name in the feature store."""
    return f"class:{rental_class}@{store}"


def pack(rental_class: str) -> str:
    """The key under which the entities of a class are served together."""
    return f"class:{rental_class}"
