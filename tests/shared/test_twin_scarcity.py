"""Does a company with too little stock refuse about the wished share, ask for the same as before, and go on as it was founded?"""

import asyncio
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from rfid3_shared.db import open_engine
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.twin.build import TwinSummary, advance, create
from rfid3_shared.twin.scarcity import founded
from rfid3_shared.twin.state import load_state
from rfid3_shared.twin.world import TwinSpec, build_world

END = date(2026, 6, 30)


async def found(folder: Path, blocked_ratio: float, *, end: date = END, go_on_days: int = 0) -> TwinSummary:
    folder.mkdir()
    engine = open_engine(f"sqlite:///{folder / 'source.db'}")
    try:
        summary = await create(engine, folder / "truth.db", items=400, months=6, seed=3, end=end, blocked_ratio=blocked_ratio)
        return await advance(engine, folder / "truth.db", go_on_days) if go_on_days else summary
    finally:
        await engine.dispose()


def asked(folder: Path) -> list[tuple[str, str, str, int]]:
    with closing(sqlite3.connect(folder / "truth.db")) as connection:
        rows = connection.execute(
            "SELECT rental_class_num, store_id, date, demand_units FROM twin_truth_demand ORDER BY 1, 2, 3"
        )
        return list(rows)


class TestFounded:
    def test_without_a_wish_the_company_is_what_it_always_was(self) -> None:
        """The default changes nothing of an existing seed."""
        spec = TwinSpec(7, 500, date(2026, 1, 1))

        world, scarce = build_world(spec), founded(spec)

        assert (world.pools.stock == scarce.pools.stock).all()
        assert (world.tags.gone_word == scarce.tags.gone_word).all()

    def test_about_the_wished_share_is_refused_of_the_same_demand(self, tmp_path: Path) -> None:
        """Customers ask as if the shop were well stocked; a third of it meets an empty shelf, or next to nothing."""
        summaries = {ratio: asyncio.run(found(tmp_path / str(ratio), ratio)) for ratio in (0.0, 0.001, 0.3)}

        assert summaries[0.3].refused_ratio == pytest.approx(0.3, abs=0.05)
        assert summaries[0.001].refused_ratio < 0.02
        assert summaries[0.3].items < summaries[0.0].items < summaries[0.001].items
        assert asked(tmp_path / "0.3") == asked(tmp_path / "0.0") == asked(tmp_path / "0.001")

    def test_it_lives_on_with_the_stock_it_was_founded_with(self, tmp_path: Path) -> None:
        """The wish is saved with the company."""
        asyncio.run(found(tmp_path / "a", 0.3, go_on_days=5))

        spec, state = load_state(tmp_path / "a" / "truth.state.npz")

        assert spec.blocked_ratio == 0.3
        assert len(founded(spec).tags.pool) == len(state.back_day)

    def test_more_than_most_is_refused(self, tmp_path: Path) -> None:
        """A shop that blocks nine of ten requests is none."""
        with pytest.raises(InvalidParameters):
            asyncio.run(found(tmp_path / "a", 0.9))
