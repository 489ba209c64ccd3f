"""Does an export end up in the embedded source, whole and once, however often it comes?"""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from exports import SCANS, counts, load, rows, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SOME_SCAN = st.tuples(st.integers(0, 6), st.sampled_from(["T1", " T1", "T2"]), st.sampled_from(["", "Wet", "Wash"]))


class TestLoadExport:
    async def test_brings_values_into_rfid3s_shape(self, store_dsn: str, tmp_path: Path) -> None:
        """Tags are trimmed, the text null and empty fields are NULL, dates and truths have one form, zero dates are NULL."""
        items = (
            "tag_id,rental_class_num,bin_location,date_last_scanned,date_created,item_num,sell_price,rental_rates\n"
            ' T1 ,61825,null,2025-05-20T09:35:29,0000-00-00 00:00:00,,12.50,"{""24"": ""132""}"\n'
            "T2,,NR4x1,2025-05-20,2025-05-20T14:00:00Z,42.0,,\n"
        )
        scans = f"{SCANS}\n1,C1, T1,Rental,2025-05-20 09:35:29,On Rent,true,61825\n2,,T2,Return,2025-05-21 10:00:00,,,\n"

        report = await load(store_dsn, write(tmp_path / "e", id_item_master=items, id_transactions_gz=scans))

        columns = "tag_id, bin_location, date_last_scanned, date_created, item_num, sell_price, rental_rates"
        assert rows(store_dsn, f"SELECT {columns} FROM id_item_master ORDER BY 1") == [
            ("T1", None, "2025-05-20 09:35:29", None, None, 12.5, '{"24": "132"}'),
            ("T2", "NR4x1", "2025-05-20 00:00:00", "2025-05-20 09:00:00", 42, None, None),
        ]  # fmt: skip
        assert rows(store_dsn, "SELECT tag_id, wet, status FROM id_transactions ORDER BY id") == [
            ("T1", 1, "On Rent"),
            ("T2", None, None),
        ]
        assert [(one.tags_trimmed, one.zero_dates) for one in report.files] == [(1, 1), (1, 0)]

    async def test_the_same_export_again_changes_nothing(self, store_dsn: str, tmp_path: Path) -> None:
        """A second import finds every row unchanged; a newer export updates and adds, and doubles nothing."""
        folder = write(
            tmp_path / "e",
            id_transactions=f"{SCANS}\n1,C1,T1,Rental,2025-05-20 09:00:00,On Rent,0,1\n2,C1,T2,Rental,2025-05-20,On Rent,0,1\n",
            pos_transactions="contract_no,store_no,rent_amt\nC1,001,10.00\nC1,002,20\n",
            external_factors="date,factor_type,factor_name,value\n2025-05-20,weather,temperature,21.5\n",
        )
        first = counts(await load(store_dsn, folder))
        second = counts(await load(store_dsn, folder))
        write(
            folder,
            id_transactions=f"{SCANS}\n2,C1,T2,Rental,2025-05-20 09:35:29,Wash,0,1\n3,C1,T3,Rental,2025-05-21 09:00:00,,0,1\n",
        )
        third = counts(await load(store_dsn, folder))

        assert first == {
            "id_transactions": (2, 2, 0, 0, 0, 0),
            "pos_transactions": (2, 2, 0, 0, 0, 0),
            "external_factors": (1, 1, 0, 0, 0, 0),
        }
        assert second == {
            "id_transactions": (2, 0, 0, 2, 0, 0),
            "pos_transactions": (2, 0, 0, 2, 0, 0),
            "external_factors": (1, 0, 0, 1, 0, 0),
        }
        assert third["id_transactions"] == (2, 1, 1, 0, 0, 0)
        assert rows(store_dsn, "SELECT id, status FROM id_transactions ORDER BY id") == [(1, "On Rent"), (2, "Wash"), (3, None)]

    async def test_the_last_of_two_rows_with_one_key_is_kept(self, store_dsn: str, tmp_path: Path) -> None:
        """A tag that comes twice once trimmed, or a POS number that moves to another tag, leaves one row: the newest."""
        await load(store_dsn, write(tmp_path / "e", id_item_master="tag_id,status,item_num\nOLD,,7\nT1,Wet,\n T1,Wash,\n"))

        report = await load(store_dsn, write(tmp_path / "e", id_item_master="tag_id,status,item_num\nNEW,,7\n"))

        assert rows(store_dsn, "SELECT tag_id, status, item_num FROM id_item_master ORDER BY 1") == [
            ("NEW", None, 7),
            ("T1", "Wash", None),
        ]
        assert report.files[0].rows_replaced == 1

    async def test_columns_the_file_lacks_keep_their_values(self, store_dsn: str, tmp_path: Path) -> None:
        """An export with fewer columns updates those it has."""
        await load(store_dsn, write(tmp_path / "e", pos_equipment="item_num,name,category\n1,Tent,Tents\n"))

        report = await load(store_dsn, write(tmp_path / "e", pos_equipment="item_num,name\n1,Big tent\n"))

        assert rows(store_dsn, "SELECT name, category FROM pos_equipment") == [("Big tent", "Tents")]
        assert "category" in report.files[0].missing_columns

    async def test_personal_columns_stay_outside(self, store_dsn: str, tmp_path: Path) -> None:
        """Names, notes and positions are named in the report and are nowhere in the file of the source."""
        text = "tag_id,client_name,notes,latitude,colour\nT1,Jane Roe,call her,44.97,red\n"

        report = await load(store_dsn, write(tmp_path / "e", id_item_master=text))

        assert report.files[0].personal_columns == ["client_name", "notes", "latitude"]
        assert report.files[0].ignored_columns == ["colour"]
        assert b"Jane Roe" not in Path(store_dsn.removeprefix("sqlite:///")).read_bytes()
        assert "Jane" not in str(report.as_json())

    async def test_unknown_words_are_kept_and_counted(self, store_dsn: str, tmp_path: Path) -> None:
        """Words nobody knows are loaded as they are, and named with their counts."""
        text = f"{SCANS}\n1,C1,T1,Lent,2025-05-20,On Rent,0,1\n2,C1,T1,Lent,2025-05-20,{'AB' * 12},0,1\n"
        equipment = "item_num,current_store\n1,9.0\n2,3.0\n"

        report = await load(store_dsn, write(tmp_path / "e", id_transactions=text, pos_equipment=equipment))

        assert report.unknown_words == {
            "id_transactions.scan_type": {"Lent": 2},
            "id_transactions.status": {"(a tag number)": 1},
            "pos_equipment.current_store": {"9.0": 1},
        }

    async def test_an_export_without_scans_loads_and_says_so(self, store_dsn: str, tmp_path: Path) -> None:
        """Items alone are loaded; the report says what cannot be said, and guesses what a misspelt file was meant to be."""
        folder = write(tmp_path / "e", id_item_master="tag_id\nT1\n", id_transaction=f"{SCANS}\n", pos_customers="name\nJane\n")

        report = await load(store_dsn, folder)

        assert "id_transactions" in report.missing_tables
        assert "no scans" in report.warnings[0]
        assert report.unknown_files == {"id_transaction.csv": "id_transactions"}
        assert report.unread_files == ["pos_customers.csv"]

    @given(
        first=st.lists(SOME_SCAN, min_size=1, max_size=8),
        second=st.lists(SOME_SCAN, min_size=1, max_size=8),
    )  # fmt: skip
    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_importing_is_idempotent(self, tmp_path: Path, first: list, second: list) -> None:
        """After any two exports the source holds the last row of each key, and importing the last again changes nothing."""
        dsn = f"sqlite:///{tmp_path / f'{abs(hash(str((first, second))))}.db'}"

        def export(some: Iterable[tuple]) -> Path:
            lines = [f"{n},C,{tag},Rental,2025-05-20,{status},0,1" for n, tag, status in some]
            return write(tmp_path / "e", id_transactions="\n".join([SCANS, *lines]))

        for some in (first, second):
            asyncio.run(load(dsn, export(some)))
        again = asyncio.run(load(dsn, export(second))).files[0]

        expected = {n: (tag.strip(), status or None) for n, tag, status in [*first, *second]}
        assert {n: rest for n, *rest in rows(dsn, "SELECT id, tag_id, status FROM id_transactions")} == {
            n: list(v) for n, v in expected.items()
        }
        assert (again.rows_new, again.rows_updated) == (0, 0)


class TestOnTheRealExport:
    async def test_loads_every_row(self, rfid3_export: Path, store_dsn: str) -> None:
        """65,942 items (two of them twice once trimmed), 10,343 scans, 909 classes, 25,000 POS rows; twice is once."""
        first = counts(await load(store_dsn, rfid3_export))
        second = counts(await load(store_dsn, rfid3_export))

        assert first == {
            "id_item_master": (65_942, 65_940, 0, 0, 2, 0), "id_transactions": (10_343, 10_343, 0, 0, 0, 0),
            "user_rental_class_mappings": (909, 909, 0, 0, 0, 0), "seed_rental_classes": (909, 909, 0, 0, 0, 0),
            "store_mappings": (4, 4, 0, 0, 0, 0), "pos_equipment": (25_000, 25_000, 0, 0, 0, 0),
        }  # fmt: skip
        assert {table: (read, 0, 0, read - repeated, repeated, 0) for table, (read, *_, repeated, _) in first.items()} == second
