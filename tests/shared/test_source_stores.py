"""Does each spelling of a store lead to the store, and each unit to its own?"""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_shared.source.stores import DEFAULT_CODES, class_stores, place, store_codes, store_id


class TestStoreId:
    @pytest.mark.parametrize(
        ("code", "store"),
        [
            ("001", "3607"), ("1", "3607"), ("1.0", "3607"), (1, "3607"), (2.0, "6800"), ("003", "8101"), (" 4 ", "728"),
            ("3607", "3607"), ("8101.0", "8101"), (728, "728"), ("000", "000"), ("0.0", "000"), (0, "000"), (None, "000"),
            ("", "000"), ("null", "000"), ("005", None), ("9999", None), ("Fridley", None), ("1.5", None), ("-1", None),
        ],
    )  # fmt: skip
    def test_reads_both_ways_of_writing(self, code: object, store: str | None) -> None:
        """POS codes and store ids lead to the id, nothing leads to 000, strangers to None."""
        assert store_id(code) == store

    @given(st.one_of(st.none(), st.text(max_size=12), st.integers(-10, 10_000), st.floats(allow_nan=True)))
    def test_never_guesses(self, code: object) -> None:
        """Whatever is asked, the answer is a known store, 000 or None; and an answer maps to itself."""
        answer = store_id(code)

        assert answer in {*DEFAULT_CODES.values(), "000", None}
        assert answer is None or store_id(answer) == answer


class TestStoreCodes:
    def test_follows_the_table(self) -> None:
        """A company with other stores is read as its own table says; the row 000 is no store."""
        codes = store_codes([("001", "4242"), ("7.0", "5151"), ("000", "000"), (None, "1")])

        assert codes == {"001": "4242", "007": "5151"}
        assert store_id("7", codes) == "5151"
        assert store_id("3607", codes) is None

    def test_falls_back_to_the_four_known_stores(self) -> None:
        """An empty table means RFID3's own mapping."""
        assert store_codes([]) == DEFAULT_CODES


class TestPlace:
    def test_takes_the_best_evidence(self) -> None:
        """A tag's own store beats its contract's, which beats its class's; only the last is marked inferred."""
        frame = pl.DataFrame(
            [
                ("10", "8101", "3607", "2.0"), ("10", "000", "3607", "2.0"), ("10", None, None, "2.0"), ("10", None, "", None),
                ("99", None, None, None), ("10", "9999", None, "000"), (None, None, None, None),
            ],
            schema=["rental_class", "current_store", "home_store", "contract_store"], orient="row",
        )  # fmt: skip

        placed = place(frame, {"10": "728"})

        assert placed["store"].to_list() == ["8101", "3607", "6800", "728", "000", "728", "000"]
        assert placed["store_rule"].to_list() == ["tag", "tag", "contract", "class", "none", "class", "none"]
        assert placed["store_inferred"].to_list() == [False, False, False, True, False, True, False]
        assert placed.columns == ["rental_class", "store", "store_rule", "store_inferred"]


class TestClassStores:
    def test_prefers_the_item_master_and_its_current_store(self) -> None:
        """The current store of the POS item comes first, then its home store, then pos_equipment; 000 counts as none."""
        found = class_stores(
            [(61825, "8101", "6800"), (61826, "000", "6800"), (61827, None, None), (61828, "555", None)],
            [("61825", "1.0"), ("61827", "4.0"), ("61829", "0.0")],
        )

        assert found == {"61825": "8101", "61826": "6800", "61827": "728"}
