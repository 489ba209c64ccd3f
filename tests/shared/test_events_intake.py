"""Is each event kept once, whoever sends it again, in whatever order and whoever sends it at the same time?"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from eventlife import after, line, noon, scan
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from sqlalchemy import delete, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.db import create_tables, open_engine, transaction
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.events.intake import Receipt, Rules, take_in
from rfid3_shared.events.read import newest_seq
from rfid3_shared.events.stream import STREAM
from rfid3_shared.events.tables import shop_events
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.source.business_day import simulated_day
from rfid3_shared.source.tables import items, source_metadata, stores

BEGUN = datetime(2026, 5, 8, 23, 58, 0)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of the run's Redis."""
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """RFID3's tables with two tags, one of them written with a space before it, and a store."""
    opened = open_engine(f"sqlite:///{tmp_path / 'source.db'}")
    await create_tables(opened, source_metadata)
    async with transaction(opened) as connection:
        await connection.execute(insert(items), [{"tag_id": "TAG1"}, {"tag_id": " TAG2"}])
        await connection.execute(insert(stores).values(pos_store_code="001", store_id="3607"))
    yield opened
    await opened.dispose()


async def taken(engine: AsyncEngine, redis: Redis, rows: list[Any], **given: Any) -> Receipt:
    """Rows taken in at noon."""
    return await take_in(engine, given.pop("source", None), redis, noon(), rows, given.pop("origin", "http"), **given)


async def kept(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    """Everything there is, but for when it arrived."""
    c = shop_events.c
    async with engine.connect() as connection:
        query = select(c.seq, c.event_id, c.kind, c.tag_id, c.occurred_at, c.contract, c.facts).order_by(c.seq)
        return [tuple(row) for row in await connection.execute(query)]


def counts(receipt: Receipt) -> tuple[int, int, int, int]:
    return receipt.accepted, receipt.duplicates, receipt.repeated, len(receipt.refused)


class TestTakeIn:
    async def test_good_rows_are_kept_and_bad_ones_told(self, engine: AsyncEngine, redis: Redis) -> None:
        """Each with its place, id, field and reason; the others are there, in their order, and announced once."""
        rows = [scan(1), scan(2, scan_type="Rentl"), "nonsense", line(1), scan(3, occurred_at="2027-01-01T00:00:00")]

        receipt = await taken(engine, redis, rows)

        assert counts(receipt) == (2, 0, 0, 3)
        told = [(one["row"], one["event_id"], one["parameter"], one.get("suggestion")) for one in receipt.refused]
        assert told == [(1, "e2", "scan_type", "Rental"), (2, None, None, None), (4, "e3", "occurred_at", None)]
        assert [row[1] for row in await kept(engine)] == ["e1", "l1"]
        announced = await redis.xrange(STREAM)
        numbers = [row[0] for row in await kept(engine)]
        assert [{k.decode(): int(v) for k, v in fields.items()} for _, fields in announced] == [
            {"first_seq": numbers[0], "last_seq": numbers[-1], "count": 2}
        ]
        assert (receipt.last_seq, receipt.degraded) == (numbers[-1], [])

    async def test_sent_again_nothing_changes(self, engine: AsyncEngine, redis: Redis) -> None:
        """The same batch, its rows one by one and backwards: all of it is known, nothing is announced."""
        rows = [scan(1), scan(2), scan(1, event_id="e1b", occurred_at="2026-05-09T11:30:20"), line(1), line(2)]
        first = await taken(engine, redis, rows)
        before = await kept(engine)

        again = [await taken(engine, redis, batch) for batch in (rows, rows[::-1], *([row] for row in rows))]

        assert counts(first) == (4, 0, 1, 0)
        assert [counts(receipt) for receipt in again[:2]] == [(0, 4, 1, 0)] * 2
        assert sum((Counter(dict(enumerate(counts(receipt)))) for receipt in again[2:]), Counter()) == {1: 4, 2: 1}
        assert await kept(engine) == before
        assert await redis.xlen(STREAM) == 1

    async def test_the_same_fact_under_another_id_is_known(self, engine: AsyncEngine, redis: Redis) -> None:
        """In the table and within a batch."""
        await taken(engine, redis, [scan(1)])

        receipt = await taken(
            engine, redis, [scan(1, event_id="x"), scan(2), scan(2, event_id="y"), scan(2, event_id="z", quality="B")]
        )

        assert counts(receipt) == (1, 3, 0, 0)

    async def test_an_id_names_one_event_for_ever(self, engine: AsyncEngine, redis: Redis) -> None:
        """Another content under it is refused, whether it comes later or in the same batch; ids differ in case and in accents."""
        await taken(engine, redis, [scan(1)])

        receipt = await taken(
            engine, redis, [scan(2, event_id="e1"), scan(3, event_id="E1"), scan(4, event_id="é1"), scan(5, event_id="é1")]
        )

        assert counts(receipt) == (2, 0, 0, 2)
        assert [(one["row"], one["event_id"], one["parameter"], one["reason"]) for one in receipt.refused] == [
            (0, "e1", "event_id", "this id names another event"), (3, "é1", "event_id", "this id names another event"),
        ]  # fmt: skip

    async def test_a_batch_of_thousands(self, engine: AsyncEngine, redis: Redis) -> None:
        """More rows than one statement names."""
        rows = [scan(number) for number in range(1_203)]

        receipts = [await taken(engine, redis, batch) for batch in (rows[:700], rows, rows)]

        assert [counts(receipt) for receipt in receipts] == [(700, 0, 0, 0), (503, 700, 0, 0), (0, 1_203, 0, 0)]


class TestRepeats:
    @pytest.mark.parametrize(
        ("second", "is_repeat"),
        [
            ({"occurred_at": "2026-05-09T11:31:00"}, True), ({"occurred_at": "2026-05-09T11:29:00"}, True),
            ({"occurred_at": "2026-05-09T11:31:01"}, False), ({"scan_type": "Return"}, False), ({"status": "Wash"}, False),
            ({"quality": "B"}, False), ({"contract_number": "5"}, False), ({"tag_id": "TAG9"}, False), ({"bin_location": "pack"}, True),
        ],
    )  # fmt: skip
    async def test_a_tag_read_again_in_the_same_way(
        self, engine: AsyncEngine, redis: Redis, second: dict[str, Any], is_repeat: bool
    ) -> None:
        """Within a minute it says nothing new; anything else about it does. In one batch as in two."""
        rows = [scan(1), scan(1, **{"event_id": "again", "occurred_at": "2026-05-09T11:30:10", **second})]

        together = await taken(engine, redis, rows)
        async with transaction(engine) as connection:
            await connection.execute(delete(shop_events))
        apart = [await taken(engine, redis, [row]) for row in rows]

        assert counts(together) == ((1, 0, 1, 0) if is_repeat else (2, 0, 0, 0))
        assert (apart[1].accepted, apart[1].repeated) == ((0, 1) if is_repeat else (1, 0))

    async def test_another_day_is_no_repeat(self, engine: AsyncEngine, redis: Redis) -> None:
        """Ten seconds later, but after midnight."""
        rows = [scan(1, occurred_at="2026-05-08T23:59:55"), scan(1, event_id="x", occurred_at="2026-05-09T00:00:05")]

        assert counts(await taken(engine, redis, rows)) == (2, 0, 0, 0)

    async def test_counts_from_a_read_that_is_kept(self, engine: AsyncEngine, redis: Redis) -> None:
        """A tag that lies before a reader for hours is kept once a minute or so, not once for ever."""
        rows = [
            scan(1, event_id=f"r{s}", occurred_at=(BEGUN - timedelta(hours=2) + timedelta(seconds=s)).isoformat())
            for s in range(0, 300, 20)
        ]

        receipt = await taken(engine, redis, rows[::-1])

        assert [row[1] for row in sorted(await kept(engine), key=lambda row: row[4])] == ["r0", "r80", "r160", "r240"]
        assert counts(receipt) == (4, 0, 11, 0)

    async def test_the_span_is_a_setting(self, engine: AsyncEngine, redis: Redis) -> None:
        """Without one, only the same second is the same read."""
        rows = [scan(1), scan(1, event_id="x", occurred_at="2026-05-09T11:30:01")]

        assert counts(await taken(engine, redis, rows, rules=Rules(repeat=timedelta(0)))) == (2, 0, 0, 0)


READS = st.tuples(st.integers(1, 2), st.sampled_from(["Rental", "Return"]), st.integers(0, 240), st.sampled_from(["", "Wash"]))
BATCHES = st.lists(st.lists(st.tuples(READS, st.integers(0, 30)), max_size=8), min_size=1, max_size=4)


def rows_of(batch: list[Any]) -> list[dict[str, Any]]:
    """Reads of two tags within four minutes around midnight, under few ids."""
    return [
        scan(tag, event_id=f"i{name}", scan_type=kind, status=status, occurred_at=(BEGUN + timedelta(seconds=second)).isoformat())
        for (tag, kind, second, status), name in batch
    ]  # fmt: skip


class Plain:
    """What is kept, by the rules as they are told: one list, looked through from end to end."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []

    def take(self, rows: list[dict[str, Any]]) -> tuple[int, int, int, int]:
        """Counts of one batch."""
        known, fresh, duplicates, refused = list(self.kept), [], 0, 0
        for row in rows:
            if any(one["event_id"] == row["event_id"] and not self.same(one, row) for one in known):
                refused += 1
            elif any(self.same(one, row) for one in known):
                known.append(row)
                duplicates += 1
            else:
                known.append(row)
                fresh.append(row)
        new = []
        for row in sorted(fresh, key=lambda row: (row["occurred_at"], rows.index(row))):
            if not any(self.repeats(one, row) for one in self.kept + new):
                new.append(row)
        self.kept += [row for row in fresh if row in new]
        return len(new), duplicates, len(fresh) - len(new), refused

    @staticmethod
    def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
        return all(one[name] == other[name] for name in ("tag_id", "scan_type", "occurred_at"))

    @staticmethod
    def repeats(one: dict[str, Any], other: dict[str, Any]) -> bool:
        first, second = (datetime.fromisoformat(each["occurred_at"]) for each in (one, other))
        alike = all(one[name] == other[name] for name in ("tag_id", "scan_type", "status"))
        return alike and abs(first - second) <= timedelta(seconds=60) and first.date() == second.date()


class TestByTheRules:
    @settings(max_examples=30)
    @given(batches=BATCHES)
    def test_whatever_comes_in(self, batches: list[Any]) -> None:
        """Counts and what is kept are those of the plain rules, batch after batch; and all of it once more changes nothing."""

        async def check(folder: str) -> None:
            engine, redis, plain = open_engine(f"sqlite:///{folder}/store.db"), Redis(port=1), Plain()
            try:
                await ensure_schema(engine)
                for batch in batches:
                    assert counts(await taken(engine, redis, rows_of(batch))) == plain.take(rows_of(batch))
                before = await kept(engine)
                assert [row[1] for row in before] == [row["event_id"] for row in plain.kept]
                for batch in batches:
                    assert (await taken(engine, redis, rows_of(batch))).accepted == 0
                assert await kept(engine) == before
            finally:
                await engine.dispose()

        with TemporaryDirectory() as folder:
            asyncio.run(check(folder))


class TestAtTheSameTime:
    async def test_the_same_batch_from_many_sides(self, engine: AsyncEngine, redis: Redis) -> None:
        """Nobody fails, each event is accepted by exactly one of them, and is there once."""
        rows = [scan(number) for number in range(40)] + [line(number) for number in range(10)]
        others = [open_engine(engine.url.render_as_string(hide_password=False)) for _ in range(3)]

        batches = [rows, rows[::-1], rows[20:] + rows[:20]] * 3
        receipts = await asyncio.gather(*(taken(each, redis, batch) for each in (engine, *others) for batch in batches))
        for each in others:
            await each.dispose()

        assert [counts(receipt)[2:] for receipt in receipts] == [(0, 0)] * 36
        assert sum(receipt.accepted for receipt in receipts) == 50
        assert sum(receipt.duplicates for receipt in receipts) == 35 * 50
        assert len(await kept(engine)) == 50

    async def test_who_follows_the_numbers_misses_none(self, engine: AsyncEngine, redis: Redis) -> None:
        """Numbers become visible in their order: after a higher one no lower one appears."""
        seen: list[int] = []

        async def follow() -> None:
            while len(seen) < 200:
                async with engine.connect() as connection:
                    seen.extend(event.seq for event in await after(connection, seen[-1] if seen else 0))

        async with asyncio.timeout(60):
            await asyncio.gather(
                follow(), *(taken(engine, redis, [scan(4 * batch + n) for n in range(4)]) for batch in range(50))
            )

        assert seen == [row[0] for row in await kept(engine)]


class TestFaults:
    async def test_redis_is_gone(self, engine: AsyncEngine) -> None:
        """Events are kept, and it is told that readers will be late."""
        receipt = await taken(engine, Redis(port=1), [scan(1)])

        assert (receipt.accepted, receipt.degraded) == (1, ["redis"])
        assert len(await kept(engine)) == 1

    async def test_the_store_is_gone(self, redis: Redis) -> None:
        """Then nothing is kept and nothing announced."""
        gone = open_engine("mysql://root@127.0.0.1:1/nothing")

        with pytest.raises(StoreUnavailable):
            await taken(gone, redis, [scan(1)])

        assert await redis.exists(STREAM) == 0
        await gone.dispose()

    async def test_a_fault_in_the_middle_keeps_nothing(self, engine: AsyncEngine, redis: Redis) -> None:
        """Half a batch is none: what fails after the rows were written takes them along."""
        if engine.dialect.name == "sqlite":
            async with engine.begin() as connection:
                await connection.execute(text(
                    "CREATE TRIGGER broken BEFORE INSERT ON shop_events WHEN NEW.event_id = 'e1500' BEGIN SELECT RAISE(ABORT, 'no'); END"
                ))  # fmt: skip
        else:
            async with engine.begin() as connection:
                await connection.execute(text(
                    "CREATE TRIGGER broken BEFORE INSERT ON shop_events FOR EACH ROW "
                    "BEGIN IF NEW.event_id = 'e1500' THEN SIGNAL SQLSTATE '45000'; END IF; END"
                ))  # fmt: skip

        with pytest.raises((StoreUnavailable, DBAPIError)):
            await taken(engine, redis, [scan(number) for number in range(1_600)])

        assert await kept(engine) == []
        assert await redis.exists(STREAM) == 0

    async def test_rfid3s_database_is_gone(self, engine: AsyncEngine, redis: Redis) -> None:
        """Events are kept; which tags are unknown cannot be told, and that is told."""
        gone = open_engine("mysql://root@127.0.0.1:1/nothing")

        receipt = await taken(engine, redis, [scan(1, rental_class=None)], source=gone)

        assert (receipt.accepted, receipt.unknown_tags, receipt.degraded) == (1, None, ["source"])
        await gone.dispose()


class TestSource:
    async def test_tags_that_nobody_knows_are_counted_and_kept(
        self, engine: AsyncEngine, redis: Redis, source: AsyncEngine
    ) -> None:
        """Neither in the item master, with or without a space before them, nor with a class of their own; each once."""
        rows = [scan(1, rental_class=None), scan(2, rental_class=None), scan(3), scan(4, rental_class=None), scan(5, rental_class=" "),
                scan(5, event_id="x", rental_class=None, scan_type="Return"), line(1)]  # fmt: skip

        receipt = await taken(engine, redis, rows, source=source)

        assert (receipt.accepted, receipt.unknown_tags) == (7, 2)

    async def test_stores_are_those_of_the_shop(self, engine: AsyncEngine, redis: Redis, source: AsyncEngine) -> None:
        """A code that is none of them is refused."""
        receipt = await taken(
            engine, redis, [line(1, store_no="1.0"), line(2, store_no="3607"), line(3, store_no="004")], source=source
        )

        assert [(one["row"], one["suggestion"]) for one in receipt.refused] == [(2, "001, 3607")]

    async def test_a_simulated_company_may_live_ahead(self, engine: AsyncEngine, redis: Redis, source: AsyncEngine) -> None:
        """Up to the end of the last day that it has lived through; in a real one that is the future."""
        row = scan(1, occurred_at="2026-05-16T15:00:00")
        real = await taken(engine, redis, [row], source=source)
        async with transaction(source) as connection:
            await connection.run_sync(simulated_day.create)
            await connection.execute(insert(simulated_day).values(id=1, last_day=date(2026, 5, 16)))

        simulated = await taken(engine, redis, [row, scan(2, occurred_at="2026-05-17T00:00:00")], source=source)

        assert counts(real) == (0, 0, 0, 1)
        assert counts(simulated) == (1, 0, 0, 1)

    async def test_nothing_good_changes_nothing(self, engine: AsyncEngine, redis: Redis) -> None:
        """A batch of bad rows says so, and where the events stand."""
        await taken(engine, redis, [scan(1)])

        receipt = await taken(engine, redis, [1, 2])

        async with engine.connect() as connection:
            assert (receipt.is_all_bad, receipt.last_seq) == (True, await newest_seq(connection))
