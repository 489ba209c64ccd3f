"""Which features of a unit are there? Declared once; training frames and served values are computed from the same declarations. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from rfid3_shared.feature_store.definition import FeatureDefinition, FeatureView, Measure, Window

CATEGORY = "item"
FRESH_FOR = timedelta(days=7)
"""A unit's life changes with its rentals, a few times a month at most."""
EVER, YEAR, QUARTER = Window.always(), Window.rolling(days=365), Window.rolling(days=90)
SCANS, STATUS, POS, WEATHER, REPORTS = (
    "id_transactions", "id_transactions.status", "pos_transaction_items", "external_factors", "id_transactions, reports",
)  # fmt: skip


def _feature(
    name: str, facts: str, measure: Measure, window: Window, unit: str, source: str, meaning: str
) -> FeatureDefinition:  # fmt: skip
    return FeatureDefinition(name, CATEGORY, facts, measure, window, unit, FRESH_FOR, source, meaning)


def _use() -> Iterator[FeatureDefinition]:
    for name, window, when in (("total", EVER, "ever"), ("365_days", YEAR, "in a year"), ("90_days", QUARTER, "in a quarter")):
        yield _feature(f"rentals_{name}", "rentals", "count", window, "rentals", SCANS, f"Rentals begun, {when}.")
    for name, window, when in (("total", EVER, "ever"), ("365_days", YEAR, "in a year")):
        meaning = f"Days out of absences that are over, {when}; an unscanned return at its best guess."
        yield _feature(f"days_out_{name}", "absences", "sum", window, "days", SCANS, meaning)
    yield _feature("rain_in_total", "rain", "sum", EVER, "inches", WEATHER, "Rain while out; null where it is not known.")
    yield _feature(
        "rain_unknown_total", "rain_unknown", "count", EVER, "absences", WEATHER, "Absences whose rain is not known."
    )
    yield _feature("meters_total", "meters", "count", EVER, "readings", POS, "Rentals of which a meter was read.")
    yield _feature(
        "meter_hours_total", "meters", "sum", EVER, "hours", POS, "Hours run while out; null where none was ever read."
    )


def _care() -> Iterator[FeatureDefinition]:
    yield _feature("washes_total", "washes", "count", EVER, "washes", STATUS, "Times it went to be washed.")
    for name, window, when in (("total", EVER, "ever"), ("365_days", YEAR, "in a year")):
        yield _feature(f"repairs_{name}", "repairs", "count", window, "faults", REPORTS, f"Faults that needed repair, {when}.")
    yield _feature("cleanings_total", "cleanings", "count", EVER, "faults", REPORTS, "Times it came back dirty.")
    yield _feature(
        "inspections_total", "inspections", "count", EVER, "inspections", REPORTS, "Times it was, or had to be, looked at."
    )
    yield _feature("defects_total", "defects", "count", EVER, "defects", REPORTS, "Defects flagged, each once a fault.")
    yield _feature(
        "grade", "grades", "latest", EVER, "grade 0-10", "id_transactions.quality, reports", "The newest grade: F 0, A+ 10."
    )


def _ages() -> Iterator[FeatureDefinition]:
    for name, facts, meaning in (
        ("first_seen", "first_seen", "Days since it was created or, where that is not known, first seen: its age as far as known."),
        ("last_seen", "sightings", "Days since anybody saw it."), ("last_rental", "rentals", "Days since its last rental began."),
        ("last_repair", "repairs", "Days since its last fault that needed repair."),
        ("last_service", "services", "Days since it was last repaired or serviced."),
        ("last_inspection", "inspections", "Days since it was last looked at."), ("grade", "grades", "Age of the newest grade."),
    ):  # fmt: skip
        yield _feature(f"days_since_{name}", facts, "days_since", EVER, "days", SCANS, meaning)


ITEM = FeatureView("item", (*_use(), *_care(), *_ages()))
"""What is known of one unit at a moment. Every value rests on what was scanned or reported up to that moment alone."""


NOBODYS = ("rain", "rain_unknown", "first_seen")
"""Facts that say nothing of how a shop behaves: the weather, and since when there are records."""


def _watched() -> Iterator[FeatureDefinition]:
    known: set[tuple[str, Measure]] = set()
    for one in ITEM.features:
        # on which of a quarter's days something happened last, a few large contracts decide; how often it did, the shop
        measure: Measure = "count" if one.measure == "days_since" else one.measure
        if one.facts not in NOBODYS and (one.facts, measure) not in known:
            known.add((one.facts, measure))
            name, window = f"{one.facts}_{measure}", one.window if measure == "latest" else QUARTER
            yield replace(one, name=name, measure=measure, window=window)


WATCHED = FeatureView("item_quarter", tuple(_watched()))
"""What every fact of ITEM brought in the quarter before a moment, which drift is looked for in. A total, or the time since something that
happened once, grows as long as there are records, in a shop that never changes too; what a quarter brings does not. A grade is the newest
there is."""
