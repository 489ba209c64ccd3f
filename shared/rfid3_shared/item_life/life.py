"""What do we know of all units' lives? The frames that every reader of a life shares. Pure."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl


@dataclass(frozen=True)
class Life:
    """The rebuilt lives of all units. tag_id is trimmed everywhere; times are naive shop time (µs); days are float days.

    units, one row a unit: tag_id, rental_class, name, category, subcategory, store (`000` = unassigned), store_inferred, status (a word
    we know, or null), condition (what it means), grade (0 … 10, the newest reading, or null), for_sale (resale goods: they leave for
    good and do not wear), pack (belongs to a pack: its rentals are not scanned one by one), listed (in the item master), gone (null,
    retirement or loss), gone_at, created_at (mostly null), first_seen, last_seen (null = never scanned), purchase_usd, day_rate_usd,
    rental_usd (of one rental by the rate card), repair_cost_usd (ever, by the item master), contract (the last), under_watch_to (how far
    an event of it would have been seen; null = never seen).
    stays, one row a rental: tag_id, begun_at (first out scan of it: from then on the rental was known), left_at (its departure), contract,
    rental_class, back_lower, back_upper (null = not seen since), back_at (best guess, null = still out as far as anybody knows),
    seen_back (a return was scanned), due_at, days_out (best; to data_to when still out), rain_in (while out, null = not known),
    meter_hours.
    absences, the same spans cut at every out scan, each with the moment from which on it was known: tag_id, left_at, known_at, days,
    rain_in, meter_hours. What they say does not change with what is scanned later, so features add them up.
    visits, one row a stay in the shop: tag_id, kind (the gravest of repair, wash, wet, inspect), begun_at, ready_lower (last seen not
    ready), ready_upper (first known to be ready, null = not ready at the end of data), seen_ready (by a scan; else only the item master
    says so), said_ready (a scan at home said Ready to Rent: then it was ready at that moment, not before), returned_at (the end of the
    rental that brought it in, or null).
    steps, one row a kind of work inside a visit: tag_id, kind, begun_at, last_at (last seen in it).
    faults: tag_id, at, kind (repair | cleaning), defects (names), defects_at (when each was first seen), source (scan | report), cost_usd.
    services: tag_id, at, kind (repair | cleaning): the first sign that a repair was over, or a report. inspections: tag_id, at.
    grades: tag_id, at, grade (0 … 10), source (scan | report | item; the item master's grade is as of data_to).
    sightings: tag_id, at: every moment at which a unit was seen.
    lines: rental_class, contract, units, hours, due_at, price_usd, day_usd of priced POS lines.
    counts: what was read and what was left out, by reason.
    """

    units: pl.DataFrame
    stays: pl.DataFrame
    absences: pl.DataFrame
    visits: pl.DataFrame
    steps: pl.DataFrame
    faults: pl.DataFrame
    services: pl.DataFrame
    inspections: pl.DataFrame
    grades: pl.DataFrame
    sightings: pl.DataFrame
    lines: pl.DataFrame
    data_from: datetime
    data_to: datetime
    counts: dict[str, int]
