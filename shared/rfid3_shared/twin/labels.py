"""What are tags, classes and contracts called in RFID3's tables?"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from rfid3_shared.source.vocabulary import GRADES as GRADE_NAMES
from rfid3_shared.source.vocabulary import grade_score
from rfid3_shared.twin.randomness import Array, Purpose, stream
from rfid3_shared.twin.world import GRADES, STORES, World

GRADE_WORDS = (*GRADES, "D", "F")
"""Grades by code; those of the first day, then the ones that only wear brings."""
SCORE_OF_CODE = np.array([11 if grade == "" else grade_score(grade) for grade in GRADE_WORDS], np.int8)
"""Score of each grade code, 0 (F) to 10 (A+); not graded counts as better than any, so that a first grade is always written."""
CODE_OF_SCORE = np.array([GRADE_WORDS.index(GRADE_NAMES[10 - score]) for score in range(11)], np.int8)
SPACED_EVERY, GARBLED_EVERY, NULL_TEXT_EVERY = 997, 1999, 19
"""Every so many tags the item master has a leading space in the id, a tag number as status, or `null` as text for a bin."""
DAY_S = 86_400


@dataclass(frozen=True)
class Labels:
    """Arrays of strings (objects), by tag or by class."""

    tag_id: Array
    class_num: Array
    class_name: Array
    class_bin: Array
    grade: Array
    """By grade code; None for not graded."""
    main_store: Array
    """Index of the store with the largest stock, by class."""


def label(world: World) -> Labels:
    """The names of everything the company owns."""
    classes, pools = world.classes, world.pools
    main = np.zeros(len(classes.stock), np.int64)
    main[pools.cls[np.argsort(pools.stock, kind="stable")]] = pools.store[np.argsort(pools.stock, kind="stable")]
    return Labels(
        tag_id=_objects(random_tag_ids(len(world.tags.pool), stream(world.spec.seed, Purpose.TAGS, 1))),
        class_num=_objects([str(number) for number in classes.item_num.tolist()]), class_name=_objects(classes.name),
        class_bin=_objects(classes.bin), grade=_objects([grade or None for grade in GRADE_WORDS]), main_store=main,
    )  # fmt: skip


def random_tag_ids(count: int, rng: np.random.Generator) -> list[str]:
    """Tag ids of 24 hexadecimal digits."""
    text = rng.bytes(12 * count).hex().upper()
    return [text[k : k + 24] for k in range(0, len(text), 24)]


def contract_numbers(seq: Array) -> list[str | None]:
    """Contract numbers as RFID3 writes them, distinct for each sequence number; None below 0."""
    known, at = np.unique(seq, return_inverse=True)
    names = _objects([f"C{(k * 48_271 + 1_234_567) % 10**8:08d}" if k >= 0 else None for k in known.tolist()])
    numbers: list[str | None] = names[at].tolist()
    return numbers


def stamps(start: date, second: Array) -> list[str]:
    """Shop time as `YYYY-MM-DD HH:MM:SS`, from seconds since the company's first midnight."""
    moments = np.datetime64(start.isoformat(), "s") + np.asarray(second, np.int64).astype("timedelta64[s]")
    text = np.ascontiguousarray(np.datetime_as_string(moments, unit="s"))
    if len(text):
        text.view(np.uint32).reshape(len(text), -1)[:, 10] = ord(" ")
    stamped: list[str] = text.tolist()
    return stamped


def pos_store_code(store: int, turn: int) -> str:
    """A store as the POS writes it: mostly 001 … 004, sometimes 1.0 … 4.0."""
    return f"{store + 1}.0" if turn % 10 < 3 else STORES[store].pos_code


def _objects(values: list[str] | list[str | None]) -> Array:
    array = np.empty(len(values), object)
    array[:] = values
    return array
