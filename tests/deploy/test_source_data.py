"""What is loaded into the embedded source before a start, and what never is."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from rfid3_deploy.plan import Plan
from rfid3_deploy.source_data import Origin, OtherData, fill_source, read_origin
from rfid3_shared.db import open_engine
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.settings import Settings
from rfid3_shared.source.tables import scans

SMALL = Plan(items=200, months=1, seed=3)
SCANS = "id,tag_id,scan_type,scan_date\n1,A1,Rental,2025-06-02 08:00:00\n2,A1,Return,2025-06-05 16:00:00\n"


def report(step: str, done: int, total: int) -> None:
    """Nobody watches."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that exists, the one the settings name."""
    folder = tmp_path / "var"
    folder.mkdir()
    return folder


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A folder with two scans."""
    folder = tmp_path / "june"
    folder.mkdir()
    (folder / "id_transactions.csv").write_text(SCANS)
    return folder


async def count_scans(settings: Settings) -> int:
    """Rows of RFID3's scan table."""
    engine = open_engine(settings.source_dsn)
    async with engine.connect() as connection:
        count = (await connection.execute(select(func.count()).select_from(scans))).scalar_one()
    await engine.dispose()
    return int(count)


class TestFillSource:
    async def test_creates_the_demo_once(self, home: Path) -> None:
        """The first start founds the company, the second keeps it."""
        settings = Settings()

        first, _ = await fill_source(SMALL, settings, report)
        rows = await count_scans(settings)
        second, words = await fill_source(SMALL, settings, report)

        assert (first, second, words) == (True, False, "kept as it is")
        assert await count_scans(settings) == rows > 100

    async def test_makes_a_demo_anew_that_was_interrupted(self, home: Path) -> None:
        """Half a company is never served."""
        settings = Settings()
        await fill_source(SMALL, settings, report)
        rows = await count_scans(settings)
        Origin("demo", False).write(home)

        changed, _ = await fill_source(SMALL, settings, report)

        assert changed
        assert await count_scans(settings) == rows
        assert read_origin(home) == Origin("demo", True)

    async def test_loads_an_export_once_and_again_when_it_changed(self, home: Path, export: Path) -> None:
        """A second start with the same folder loads nothing; a newer export is merged into what is there."""
        settings, plan = Settings(), Plan(data=str(export))

        first, _ = await fill_source(plan, settings, report)
        second, _ = await fill_source(plan, settings, report)
        (export / "id_transactions.csv").write_text(SCANS + "3,A1,Rental,2025-06-09 08:00:00\n")
        third, _ = await fill_source(plan, settings, report)

        assert (first, second, third) == (True, False, True)
        assert await count_scans(settings) == 3

    async def test_keeps_an_export_without_being_told_again(self, home: Path, export: Path) -> None:
        """A later start without DATA never mixes the demo into a real source."""
        settings = Settings()
        await fill_source(Plan(data=str(export)), settings, report)

        changed, _ = await fill_source(SMALL, settings, report)

        assert not changed
        assert await count_scans(settings) == 2

    async def test_never_mixes_an_export_into_the_demo(self, home: Path, export: Path) -> None:
        """A home that holds the demo company refuses real data."""
        settings = Settings()
        await fill_source(SMALL, settings, report)
        rows = await count_scans(settings)

        with pytest.raises(OtherData, match="demo company"):
            await fill_source(Plan(data=str(export)), settings, report)

        assert await count_scans(settings) == rows

    async def test_never_mixes_two_exports(self, home: Path, export: Path, tmp_path: Path) -> None:
        """Another folder is another company's, or another time's: it needs a home of its own."""
        other = tmp_path / "july"
        other.mkdir()
        settings = Settings()
        await fill_source(Plan(data=str(export)), settings, report)

        with pytest.raises(OtherData, match="june"):
            await fill_source(Plan(data=str(other)), settings, report)

    async def test_writes_nothing_into_rfid3s_own_database(self, home: Path, export: Path, store_dsn: str) -> None:
        """With a source given the embedded one is not filled, and an export has nowhere to go."""
        settings = Settings(source_url=store_dsn)

        changed, _ = await fill_source(SMALL, settings, report)
        with pytest.raises(InvalidParameters, match="RFID3_SOURCE_URL"):
            await fill_source(Plan(data=str(export)), settings, report)

        assert not changed
        assert not settings.embedded_db.exists()
