"""Which of the flaws of a real export does a day's scans carry?

Duplicates in the same second, sightings of tags nobody knows, statuses holding tag numbers, leading spaces, test rows.
The flaws never hide or invent a departure: a reader that trims, collapses duplicates and drops what it cannot place finds
the truth.
"""

import numpy as np

from rfid3_shared.twin.columns import Columns, join, pick
from rfid3_shared.twin.contracts import draw_seconds
from rfid3_shared.twin.randomness import Purpose, stream
from rfid3_shared.twin.scans import ON_RENT, READY, RENTAL, REPAIR, TAG_AS_STATUS, TOUCH, scan_columns
from rfid3_shared.twin.world import World

ALIEN_TAG, TEST_TAG = -1, -2
"""Stand-ins for a tag nobody knows, and for the tag of somebody's test."""
DUPLICATE_SHARE, ALIEN_SHARE, TAG_AS_STATUS_SHARE, SPACED_SHARE = 0.02, 0.02, 0.002, 0.001
TEST_DAYS_SHARE = 0.04
MISSPELT = {"Beverage Dispensers": "Beverage Dispeners"}
"""Categories that the mapping also spells wrongly."""
TEST_CLASS, TEST_NAME = "A1001", "Test5"
TEST_MAPPINGS = (
    ("1", "testing", "sub testing", "N/A"),
    ("A1001", "Test Category A", "Test Subcategory A", "N/A"),
    ("B1001", "Test Category B", "Test Subcategory B", "N/A"),
)


def soil(world: World, day: int, scans: Columns) -> Columns:
    """The day's scans with flaws; columns as in `scans.scan_columns`."""
    rng = stream(world.spec.seed, Purpose.DIRT, day)
    count = len(scans["tag"])
    spaced = rng.random(count) < SPACED_SHARE
    garbled = (scans["kind"] == TOUCH) & (rng.random(count) < TAG_AS_STATUS_SHARE)
    scans = {**scans, "spaced": spaced, "status": np.where(garbled, TAG_AS_STATUS, scans["status"]).astype(np.int8)}
    doubled = pick(scans, np.flatnonzero(rng.random(count) < DUPLICATE_SHARE))
    aliens = int(rng.poisson(ALIEN_SHARE * count))
    strange = scan_columns(day, draw_seconds(aliens, rng), TOUCH, np.full(aliens, ALIEN_TAG), -1, READY)
    tests = 2 if rng.random() < TEST_DAYS_SHARE else 0
    tried = scan_columns(day, draw_seconds(tests, rng), np.array([TOUCH, RENTAL])[:tests], np.full(tests, TEST_TAG), -1,
                         np.array([REPAIR, ON_RENT])[:tests])  # fmt: skip
    return join([scans, doubled, strange, tried])
