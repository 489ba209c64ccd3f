"""How does a person bring RFID3's data in, and learn what can be said from it? `rfid3 import` and `rfid3 source check`."""

import asyncio
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, ping
from rfid3_shared.errors import InvalidParameters, NotFound, StoreUnavailable
from rfid3_shared.settings import Settings
from rfid3_shared.source.import_report import ImportReport
from rfid3_shared.source.import_view import progress_bars, show_import
from rfid3_shared.source.load import load_export
from rfid3_shared.source.quality_view import show_quality
from rfid3_shared.source.report import QualityReport, quality_report

app = typer.Typer(no_args_is_help=True, help="Look at the data the suite reads: RFID3's tables, embedded or live.")

AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of tables.")]


@app.callback()
def source() -> None:
    """Look at the data the suite reads: RFID3's tables, embedded or live."""


@app.command()
def check(as_json: AsJson = False) -> None:
    """Say how good the source's data is, and what each service can and cannot say from it.

    Reads the embedded source, or RFID3's own database when RFID3_SOURCE_URL is set. Changes nothing.

    Examples:  rfid3 source check  |  rfid3 source check --json > quality.json

    Exit code: 0 fine, 1 no forecast can be made from this data, 2 the source cannot be reached.
    """
    report = asyncio.run(_check(Settings()))
    if as_json:
        typer.echo(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2))
    else:
        show_quality(Console(), report)
    raise typer.Exit(0 if report.can_forecast else 1)


async def _check(settings: Settings) -> QualityReport:
    if settings.source_url is None and not settings.embedded_db.exists():
        raise NotFound(
            "There is no source yet. Load an export with `rfid3 import DIR`, or make a demo company with `rfid3 twin create`.",
            expected_file=str(settings.embedded_db),
        )
    engine = open_engine(settings.source_dsn, read_only=True)
    try:
        if not await ping(engine, timeout_s=5):
            raise StoreUnavailable("The source cannot be reached. Check RFID3_SOURCE_URL and that the server runs.")
        return await quality_report(engine, Clock(settings.time_zone))
    finally:
        await engine.dispose()


def import_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of <table>.csv or <table>.csv.gz files.")],
    as_json: AsJson = False,
) -> None:
    """Load an RFID3 export into the embedded source.

    DIR holds one CSV file per table, with RFID3's table and column names: id_item_master.csv, id_transactions.csv.gz, and
    so on. Rows are matched by key: importing the same export again changes nothing, a newer one updates. Names of people,
    notes and positions are never read. A bad row is named with line and column, the others are loaded.

    Examples:  rfid3 import ~/exports/2025-08  |  RFID3_HOME=/data/rfid3 rfid3 import exports --json

    Exit code: 0 loaded, 1 nothing to load or a file had to be refused, 2 the folder is no export.
    """
    settings = Settings()
    if settings.source_url is not None:
        raise InvalidParameters(
            "RFID3_SOURCE_URL is set: the suite reads that database and never writes to it. Unset it to import into the "
            "embedded source.", parameter="RFID3_SOURCE_URL",
        )  # fmt: skip
    console = Console(stderr=as_json)
    report = asyncio.run(_import(settings, folder.expanduser(), console))
    if as_json:
        typer.echo(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2))
    else:
        show_import(console, report)
    raise typer.Exit(0 if report.complete else 1)


async def _import(settings: Settings, folder: Path, console: Console) -> ImportReport:
    engine = open_engine(settings.source_dsn)
    try:
        with progress_bars(console) as progress:
            return await load_export(engine, folder, clock=Clock(settings.time_zone), progress=progress)
    finally:
        await engine.dispose()
