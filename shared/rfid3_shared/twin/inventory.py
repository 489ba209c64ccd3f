"""What do RFID3's item master, POS equipment and mapping tables hold of the company?

Every function returns plain rows for `db.insert_rows`. No personal column is ever written.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from rfid3_shared.twin.catalogue import KINDS
from rfid3_shared.twin.dirt import MISSPELT, TEST_CLASS, TEST_MAPPINGS, TEST_NAME
from rfid3_shared.twin.labels import (
    GARBLED_EVERY,
    NULL_TEXT_EVERY,
    SPACED_EVERY,
    Labels,
    contract_numbers,
    random_tag_ids,
    stamps,
)
from rfid3_shared.twin.materials import MATERIALS
from rfid3_shared.twin.pos import MONTH_FACTOR, WEEK_FACTOR, day_rates
from rfid3_shared.twin.randomness import Array, Purpose, stream
from rfid3_shared.twin.scans import MISSING, SOLD, STATUSES
from rfid3_shared.twin.state import State
from rfid3_shared.twin.world import STORES, World

Row = tuple[Any, ...]

TAG_COLUMNS = (
    "tag_id", "status", "last_contract_num", "date_last_scanned", "quality", "bin_location", "rental_class_num", "common_name",
    "identifier_type", "quantity", "current_store", "data_source",
)  # fmt: skip
POS_ITEM_COLUMNS = (
    "tag_id", "item_num", "common_name", "identifier_type", "department", "manufacturer", "sell_price", "retail_price",
    "home_store", "current_store", "quantity", "rental_rates", "repair_cost_ltd", "data_source",
)  # fmt: skip
EQUIPMENT_COLUMNS = (
    "item_num", "name", "category", "turnover_ytd", "turnover_ltd", "repair_cost_ytd", "sell_price", "current_store", "inactive",
)  # fmt: skip
BURST_MATERIALS = ("linen", "tent")
"""Materials whose retired units are written off as burst; others are sold."""
MAPPING_COLUMNS = ("rental_class_id", "category", "subcategory", "short_common_name")
SEED_COLUMNS = ("rental_class_id", "common_name", "bin_location")
STORE_COLUMNS = ("pos_store_code", "store_id", "store_name", "location", "is_active")
FIRST_PART_NUM, MOST_PARTS = 1_000, 50_000
PART_NAMES = ("AIR FILTER", "SPARK PLUG", "BATT. CABLE", "GASKET", "THROTTLE ASSY.", "HOSE CLAMP", "BELT", "CASTER")


def listed_tags(world: World) -> Array:
    """Tags that the item master knows."""
    return np.flatnonzero(world.classes.scanned[world.pools.cls[world.tags.pool]] & ~world.tags.unlisted)


def tag_changes(world: World, labels: Labels, state: State, tag: Array) -> Iterator[Row]:
    """What changes about tags as the company lives; the first six of TAG_COLUMNS."""
    gone = world.tags.gone_word[tag]
    status = np.where(gone == 1, SOLD, np.where(gone == 2, MISSING, state.status[tag]))
    words = np.array(STATUSES, object)[status]
    garbled = tag % GARBLED_EVERY == 5
    words[garbled] = labels.tag_id[(tag[garbled] + 1) % len(labels.tag_id)]
    ids = labels.tag_id[tag]
    spaced = tag % SPACED_EVERY == 3
    ids[spaced] = np.array([" " + name for name in ids[spaced]], object)
    contract = contract_numbers(state.contract[tag])
    last = ["00000" if code == -1 else number for code, number in zip(state.contract[tag].tolist(), contract, strict=True)]
    scanned = stamps(world.spec.start, state.last_scan_s[tag])
    seen = [moment if second >= 0 else None for moment, second in zip(scanned, state.last_scan_s[tag].tolist(), strict=True)]
    grades = labels.grade[state.wear.shown_grade[tag]].tolist()
    return zip(ids.tolist(), words.tolist(), last, seen, grades, _bins(world, labels, state, tag), strict=True)


def _bins(world: World, labels: Labels, state: State, tag: Array) -> list[str | None]:
    """Where each tag lives: where its class does, until it is written off."""
    bins = labels.class_bin[world.tag_class_of(tag)]
    bins[(tag % NULL_TEXT_EVERY == 0) & np.array([name is None for name in bins], bool)] = "null"
    written_off = (state.wear.gone[tag] == 1) & (state.status[tag] == SOLD)
    burst = np.isin(world.tags.material[tag], [k for k, m in enumerate(MATERIALS) if m.name in BURST_MATERIALS])
    bins[written_off & burst], bins[written_off & ~burst] = "burst", "sold"
    words: list[str | None] = bins.tolist()
    return words


def tag_rows(world: World, labels: Labels, state: State, tag: Array) -> Iterator[Row]:
    """Item master rows of scanned tags; TAG_COLUMNS."""
    cls = world.tag_class_of(tag)
    store_ids = np.array([store.store_id for store in STORES], object)[world.pools.store[world.tags.pool[tag]]]
    store_ids[~world.tags.own_store[tag]] = None
    columns = (
        labels.class_num[cls].tolist(), labels.class_name[cls].tolist(),
        ["None"] * len(tag), [1] * len(tag), store_ids.tolist(), ["RFID_API"] * len(tag),
    )  # fmt: skip
    changes = tag_changes(world, labels, state, tag)
    return (change + rest for change, rest in zip(changes, zip(*columns, strict=True), strict=True))


def pos_item_rows(world: World, labels: Labels, state: State) -> Iterator[Row]:
    """Item master rows from the POS: one per class, then spare parts; POS_ITEM_COLUMNS."""
    classes = world.classes
    parts = list(_parts(world))
    ids = random_tag_ids(len(classes.stock) + len(parts), stream(world.spec.seed, Purpose.TAGS, 2))
    for k, rate in enumerate(day_rates(world, max(state.day - 1, 0)).tolist()):
        usd = rate / 100
        rates = {"24": f"{usd:.2f}", "168": f"{usd * WEEK_FACTOR:.2f}", "672": f"{usd * MONTH_FACTOR:.2f}"}
        kind, store = KINDS[int(classes.kind[k])], STORES[int(labels.main_store[k])].store_id
        sell = _sell_price_usd(world, k)
        word = "QR" if classes.scanned[k] else "Bulk"
        yield (ids[k], int(classes.item_num[k]), classes.name[k], word, kind.pos_category, None, sell, sell, store, store,
               int(classes.stock[k]), None if classes.resale[k] else json.dumps(rates),
               int(state.repair_cents[k]) / 100, "RFID_API")  # fmt: skip
    stores = [*(store.store_id for store in STORES), "000"]
    for at, (number, name, price, home) in enumerate(parts, len(classes.stock)):
        store, word = stores[home], "Sticker" if number % 20 == 0 else "QR"
        yield ids[at], number, name, word, "Parts", "ORE", price, price, store, store, 1, None, None, "RFID_API"


def equipment_rows(world: World, labels: Labels, state: State) -> Iterator[Row]:
    """POS equipment: one row per class with its turnover and the cost of its repairs; EQUIPMENT_COLUMNS."""
    for k, number in enumerate(labels.class_num.tolist()):
        kind = KINDS[int(world.classes.kind[k])]
        year, ever = int(state.revenue_year_cents[k]) / 100, int(state.revenue_cents[k]) / 100
        sell, store = _sell_price_usd(world, k), f"{labels.main_store[k] + 1}.0"
        repairs = int(state.repair_year_cents[k]) / 100
        yield number, world.classes.name[k], kind.pos_category, year, ever, repairs, sell, store, 0


def part_equipment_rows(world: World) -> Iterator[Row]:
    """POS equipment: spare parts, many of them no longer used; EQUIPMENT_COLUMNS."""
    for number, name, price, home in _parts(world):
        unused = number % 3 == 0
        yield (str(number), name, "UNUSED" if unused else "Parts - Internal Repair/Maint Order", 0.0, 0.0, 0.0, price,
               None if home == len(STORES) else f"{home + 1}.0", int(unused))  # fmt: skip


def _sell_price_usd(world: World, cls: int) -> float:
    """Price of a new unit: about nine days' rent; it does not follow the yearly rise of the rates."""
    return round(int(world.classes.day_rate_cents[cls]) / 100 * (1.2 if world.classes.resale[cls] else 9), 2)


def _parts(world: World) -> Iterator[tuple[int, str, float, int]]:
    """Number, name, price in USD and home store (index; one beyond the stores = unassigned) of each spare part."""
    rng, count = stream(world.spec.seed, Purpose.PARTS), min(MOST_PARTS, world.spec.items // 10)
    prices, homes = rng.lognormal(2.8, 1.1, count).round(2).tolist(), rng.integers(0, len(STORES) + 1, count).tolist()
    for k in range(count):
        yield FIRST_PART_NUM + k, f"{PART_NAMES[k % len(PART_NAMES)]} #{100 + k}", prices[k], homes[k]


def mapping_rows(world: World, labels: Labels) -> tuple[list[Row], list[Row]]:
    """Mappings as shipped, and as users changed them (which count); MAPPING_COLUMNS each. One class in fifty is in neither."""
    shipped: list[Row] = []
    changed: list[Row] = list(TEST_MAPPINGS)
    spelt_wrongly: set[str] = set()
    for k, number in enumerate(labels.class_num.tolist()):
        kind = KINDS[int(world.classes.kind[k])]
        category = kind.category
        if category in MISSPELT and kind.subcategory not in spelt_wrongly:
            spelt_wrongly.add(kind.subcategory)
            category = MISSPELT[category]
        if k % 50 != 49:
            changed.append((number, category, kind.subcategory, "N/A"))
        if k % 50 != 49 and k % 3 == 0:
            shipped.append((number, "Uncategorized" if k % 15 == 0 else kind.category, kind.subcategory, "N/A"))
    return shipped, changed


def seed_rows(world: World, labels: Labels) -> list[Row]:
    """Seed classes; SEED_COLUMNS."""
    named = zip(labels.class_num.tolist(), world.classes.name, world.classes.bin, strict=True)
    return [("00001", "test resale", "resale"), (TEST_CLASS, TEST_NAME, None), *named]


def store_rows() -> list[Row]:
    """The four stores; STORE_COLUMNS."""
    return [(store.pos_code, store.store_id, store.name, f"{store.name}, MN", 1) for store in STORES]
