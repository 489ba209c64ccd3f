"""What does the embedded source hold, and what must be loaded into it before the suite starts?

`<home>/source.json` says what was loaded and whether it was finished. The demo company and a real export never share a home.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, inspect, select
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_deploy.plan import Plan
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine
from rfid3_shared.errors import Conflict, InvalidParameters
from rfid3_shared.settings import Settings
from rfid3_shared.source.tables import source_metadata

Report = Callable[[str, int, int], None]
FIRST_LOOKED_AT = ("id_transactions", "pos_transaction_items", "id_item_master")


class OtherData(Conflict):
    """The home holds something else than what is to be loaded."""

    code = "OTHER_DATA"


@dataclass(frozen=True)
class Origin:
    """Where the embedded source's rows came from."""

    kind: Literal["demo", "export"]
    complete: bool
    """False while the demo company is made; an import happens whole or not at all."""
    folder: str = ""
    """The export's folder."""
    fingerprint: str = ""
    """Changes when a file of the export does."""

    def write(self, home: Path) -> None:
        """Record it in the home, whole or not at all."""
        fresh = home / "source.json.new"
        fresh.write_text(json.dumps(asdict(self)) + "\n")
        fresh.replace(home / "source.json")


def read_origin(home: Path) -> Origin | None:
    """What the home's source was filled with; None when nothing was recorded."""
    try:
        return Origin(**json.loads((home / "source.json").read_text()))
    except FileNotFoundError:
        return None


def fingerprint(folder: Path) -> str:
    """A digest of the names, sizes and times of an export's files; reading gigabytes at each start would take minutes."""
    facts = [f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in sorted(folder.glob("*.csv*"))]
    return sha256("\n".join(facts).encode()).hexdigest()[:16]


async def fill_source(plan: Plan, settings: Settings, report: Report) -> tuple[bool, str]:
    """Load what the plan asks for unless it is there; returns whether anything was loaded, and what came of it in words.

    Raises InvalidParameters when an export is to be loaded although RFID3's own database is given, OtherData when the home
    holds something else.
    """
    if settings.source_url:
        if plan.data:
            raise InvalidParameters("RFID3_SOURCE_URL names a database; an export can only be loaded where none is given.")
        return False, "RFID3's database"
    home, origin = settings.home, read_origin(settings.home)
    engine = open_engine(settings.source_dsn, pool_size=1, overflow=0)
    try:
        if plan.data:
            return await _fill_from_export(engine, home, origin, Path(plan.data), report)
        if origin.complete if origin else await holds_rows(engine):
            return False, "kept as it is"
        return True, await _create_demo(engine, home, plan, report)
    finally:
        await engine.dispose()


async def holds_rows(engine: AsyncEngine) -> bool:
    """Whether any of the tables everything rests on has a row."""
    async with engine.connect() as connection:
        return await connection.run_sync(_holds_rows)


def _holds_rows(connection: Connection) -> bool:
    there = set(inspect(connection).get_table_names())
    tables = [source_metadata.tables[name] for name in FIRST_LOOKED_AT if name in there]
    return any(connection.execute(select(table).limit(1)).first() is not None for table in tables)


async def _fill_from_export(
    engine: AsyncEngine, home: Path, origin: Origin | None, folder: Path, report: Report
) -> tuple[bool, str]:
    from rfid3_shared.source.load import load_export

    if (origin and origin.kind == "demo") or truth_path(home).exists():
        raise OtherData(f"{home} holds the demo company; an export needs a home of its own.", set_another="RFID3_HOME=DIR")
    wanted = fingerprint(folder)
    if origin and (origin.folder, origin.fingerprint) == (str(folder), wanted):
        return False, f"{folder.name} is loaded already"
    if origin and origin.folder != str(folder):
        raise OtherData(f"{home} holds the export {origin.folder}.", asked_for=str(folder), set_another="RFID3_HOME=DIR")
    loaded = await load_export(engine, folder, clock=Clock(), progress=report)
    Origin("export", True, str(folder), wanted).write(home)
    rejected = sum(file.rows_rejected for file in loaded.files)
    words = [f"{loaded.rows_loaded:,} rows from {folder.name}", f"{rejected:,} rejected" if rejected else "", *loaded.warnings]
    return True, "; ".join(word for word in words if word)


async def _create_demo(engine: AsyncEngine, home: Path, plan: Plan, report: Report) -> str:
    from rfid3_shared.twin.build import create

    Origin("demo", False).write(home)
    end = Clock().today() - timedelta(days=1)
    # replaces what a making that was interrupted has left
    await create(
        engine, truth_path(home), items=plan.items, months=plan.months, seed=plan.seed, end=end, replace=True,
        progress=lambda done, days: report("days lived", done, days),
    )  # fmt: skip
    Origin("demo", True).write(home)
    return f"a demo company with {plan.items:,} items and {plan.months} months of history, until {end}"


def truth_path(home: Path) -> Path:
    """Where the demo company's truth lies, apart from what RFID3 would know; `rfid3 twin` keeps it there too."""
    return home / "twin_truth.db"
