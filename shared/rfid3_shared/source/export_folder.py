"""Which files of an RFID3 export lie in a folder, and what are the others?"""

import difflib
from dataclasses import dataclass
from pathlib import Path

from rfid3_shared.errors import InvalidParameters, NotFound
from rfid3_shared.source.tables import source_metadata

SUFFIXES = (".csv", ".csv.gz")
UNREAD_TABLES = frozenset(
    {
        "inventory_config", "inventory_health_alerts", "item_usage_history", "laundry_contract_status", "id_hand_counted_items",
        "pos_customers", "refresh_state", "id_rfidtag", "feedback",
    }
)  # fmt: skip
"""Tables RFID3 has and the suite does not read, some of them because they hold people's names."""
NEEDED_FOR = {
    "id_item_master": "units on hand, stores and prices: no fleet, no availability, no stock-out risk, no revenue",
    "id_transactions": "scans: no departures, returns, sightings, defects or grades over time",
    "pos_transactions": "POS contracts: no store by contract, no promised dates, no contract revenue",
    "pos_transaction_items": "POS lines: no demand for classes without tags, no prices paid",
    "pos_equipment": "POS equipment: fewer stores and sell prices",
    "user_rental_class_mappings": "the shop's categories",
    "rental_class_mappings": "RFID3's default categories",
    "seed_rental_classes": "class names",
    "store_mappings": "store codes: RFID3's four known stores are used",
    "external_factors": "weather, holidays and economy: forecasts use the calendar only",
}
"""What cannot be said without each table."""


@dataclass(frozen=True)
class ExportFolder:
    """The files of one export."""

    path: Path
    files: dict[str, Path]
    """Table name to file, in the order they are loaded."""
    unknown: dict[str, str | None]
    """Other CSV files, each with the table name that was probably meant."""
    unread: list[str]
    """Files of tables the suite does not read."""

    @property
    def missing(self) -> list[str]:
        """Tables without a file."""
        return [name for name in NEEDED_FOR if name not in self.files]


def find_export(path: Path) -> ExportFolder:
    """The export in a folder.

    Raises NotFound when there is no such folder, InvalidParameters when it is a file, holds no file of RFID3's, or holds one
    table twice.
    """
    if not path.exists():
        raise NotFound(f"There is no folder {path}.", folder=str(path))
    if not path.is_dir():
        raise InvalidParameters(
            f"{path} is a file. Give the folder that holds <table>.csv or <table>.csv.gz.", folder=str(path)
        )
    found: dict[str, Path] = {}
    unknown: dict[str, str | None] = {}
    unread: list[str] = []
    for file in sorted(path.iterdir()):
        table = table_of(file.name)
        if table is None or not file.is_file():
            continue
        if table in found:
            raise InvalidParameters(f"{path} holds {table} twice. Keep one.", files=[found[table].name, file.name])
        if table in source_metadata.tables:
            found[table] = file
        elif table in UNREAD_TABLES:
            unread.append(file.name)
        else:
            unknown[file.name] = closest(table)
    if not found:
        raise InvalidParameters(
            f"{path} holds no file of an RFID3 export. Expected files such as id_transactions.csv or id_transactions.csv.gz.",
            folder=str(path), other_files=sorted(unknown) or None, expected=[f"{name}.csv" for name in NEEDED_FOR],
        )  # fmt: skip
    return ExportFolder(path, {name: found[name] for name in source_metadata.tables if name in found}, unknown, unread)


def table_of(file_name: str) -> str | None:
    """The table a file is named after, in lower case; None when it is no CSV."""
    lower = file_name.lower()
    for suffix in reversed(SUFFIXES):
        if lower.endswith(suffix) and not lower.startswith("."):
            return lower.removesuffix(suffix).strip()
    return None


def closest(name: str) -> str | None:
    """The table name that looks most like this one, if any does."""
    matches = difflib.get_close_matches(name, list(source_metadata.tables), n=1, cutoff=0.6)
    return matches[0] if matches else None
