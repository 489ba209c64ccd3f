"""Does the vocabulary map every word RFID3 uses, and refuse to guess the others?"""

from hypothesis import given
from hypothesis import strategies as st

from rfid3_shared.source import vocabulary as v

ANY_WORD = st.one_of(
    st.none(), st.text(max_size=40), st.sampled_from([*v.OUT_SCAN_TYPES, *v.GRADES, "pack", " null ", "NR4x1"])
)


class TestMovement:
    def test_maps_the_words_of_the_live_data(self) -> None:
        """Rental and Delivery go out, Return and Pickup come back, Touch Scan is a sighting."""
        words = ["Rental", "Delivery", "Return", "Pickup", "Touch Scan"]

        assert [v.movement(word) for word in words] == ["out", "out", "back", "back", "seen"]

    def test_does_not_guess(self) -> None:
        """A word that only looks like a known one is unknown, an empty one is nothing."""
        assert v.movement("rentals") is v.Movement.UNKNOWN
        assert v.movement("out") is v.Movement.UNKNOWN
        assert v.movement("  ") is None
        assert v.movement("null") is None

    @given(ANY_WORD)
    def test_is_total(self, word: str | None) -> None:
        """Every text has an answer, and only an empty one has none."""
        for mapping in (v.movement, v.condition, v.bin_kind):
            answer = mapping(word)
            assert (answer is None) == (v.trimmed(word) is None)


class TestCondition:
    def test_maps_the_words_of_the_live_data(self) -> None:
        """Each status RFID3 writes has one condition."""
        expected = {
            "Ready to Rent": "available", "On Rent": "out", "Delivered": "out", "Staged": "committed",
            "Needs to be Inspected": "turnaround", "Wet": "turnaround", "Wash": "turnaround", "Repair": "turnaround",
            "Missing": "gone", "Sold": "gone",
        }  # fmt: skip

        assert {word: v.condition(word) for word in expected} == expected
        assert v.condition("3F8469D0AEE24297317E551D") is v.Condition.UNKNOWN


class TestGradeScore:
    def test_orders_the_grades(self) -> None:
        """Scores fall one step a grade from A+ to F, so two grades down is a difference of two."""
        scores = [v.grade_score(grade) for grade in ["A+", "A", "A-", "B+", "B", "B-", "C+", "C", "C-", "D", "F"]]

        assert scores == list(range(10, -1, -1))

    @given(ANY_WORD)
    def test_scores_only_grades(self, word: str | None) -> None:
        """What is no grade has no score."""
        score = v.grade_score(word)

        assert (score is not None) == (v.trimmed(word) in v.GRADES)


class TestBinKind:
    def test_tells_kinds_from_rack_positions(self) -> None:
        """resale, pack, sold and burst are kinds; NR4x1 and MR4J2 are racks; other words are unknown."""
        found = [v.bin_kind(word) for word in ["resale", "pack", "sold", "burst", "NR4x1", "MR4J2", "tent room", "null", ""]]

        assert found == ["resale", "pack", "sold", "burst", "rack", "rack", "unknown", None, None]


class TestCategoryName:
    def test_repairs_the_known_misspelling_only(self) -> None:
        """Beverage Dispeners becomes Beverage Dispensers; any other name stays as it is."""
        assert v.category_name("Beverage Dispeners") == "Beverage Dispensers"
        assert v.category_name(" Round Linen ") == "Round Linen"
        assert v.category_name("null") is None


class TestIsTestCategory:
    def test_flags_what_was_typed_in_as_a_trial(self) -> None:
        """Rows such as testing and Test Category A are trials; real categories are not."""
        assert all(map(v.is_test_category, ["testing", "Test Category A", "Test Category B", "Added New Category"]))
        assert not any(map(v.is_test_category, ["Round Linen", "Contest Tables", None, "Testimonials"]))


class TestUnknownWords:
    def test_counts_strangers_most_frequent_first(self) -> None:
        """Known and empty words are left out; stray tag numbers count together."""
        counts = [("On Rent", 5), (None, 9), ("null", 2), ("Lost", 1), ("3F8469D0AEE24297317E551D", 2), ("A" * 24, 1)]

        assert v.unknown_words(counts, v.known_status) == {"(a tag number)": 3, "Lost": 1}
