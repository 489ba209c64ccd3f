"""Is the effect of quality on price what a regression with dummies says, does its interval hold, and is it silent where it must be?"""

import gzip
from pathlib import Path

import numpy as np
import pytest

from rfid3_quality.decisions.price_effect import LEAST_CLASSES, PriceEffect, price_effect
from rfid3_shared.source.vocabulary import grade_score


def shop(
    rng: np.random.Generator, slopes: dict[str, float], classes: int = 12, units: int = 8
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Units of classes whose price level is their own and goes with their grade (confounded); errors shared inside classes."""
    rows = []
    for category, slope in slopes.items():
        for k in range(classes):
            level = rng.normal(3, 1)
            shared = rng.normal(0, 0.3)  # this class's own slope differs
            score = np.clip(rng.normal(0.5 + 0.1 * level / 3, 0.2, units), 0, 1)
            price = np.exp(level + (slope + shared) * score + rng.normal(0, 0.05, units))
            rows += [(f"{category}{k}", category, s, p) for s, p in zip(score, price, strict=True)]
    name, category_, score_, price_ = zip(*rows, strict=True)
    return np.array(name), np.array(category_), np.array(score_), np.array(price_)


class TestPriceEffect:
    def test_equals_a_regression_with_dummies(self) -> None:
        """The slope is that of least squares with a dummy per class; its error that of Bell and McCaffrey's sandwich, in full matrices."""
        name, category, score, price = shop(np.random.default_rng(1), {"Linen": 0.6})
        found = price_effect(name, category, score, price).overall
        assert found is not None
        classes, code = np.unique(name, return_inverse=True)
        dummies = np.eye(len(classes))[code]
        beta = np.linalg.lstsq(np.column_stack([score, dummies]), np.log(price), rcond=None)[0]
        residual = np.log(price) - np.column_stack([score, dummies]) @ beta
        x = (score - dummies @ np.linalg.lstsq(dummies, score, rcond=None)[0])[:, None]
        bread = np.linalg.inv(x.T @ x)
        meat = np.zeros((1, 1))
        for k in range(len(classes)):
            own = x[code == k]
            values, vectors = np.linalg.eigh(np.eye(len(own)) - own @ bread @ own.T)
            term = own.T @ (vectors * values**-0.5) @ vectors.T @ residual[code == k]
            meat += np.outer(term, term)
        assert found.value == pytest.approx(beta[0])
        assert found.standard_error == pytest.approx(np.sqrt(bread @ meat @ bread)[0, 0])
        assert (found.classes, found.units) == (len(classes), len(score))

    def test_intervals_hold(self) -> None:
        """Simulated truth, categories with effects of their own: 80 % intervals cover 80 %, pooled estimates are closer than raw ones."""
        rng = np.random.default_rng(0)
        inside, overall, raw, pooled = [], [], [], []
        for _ in range(250):
            truth = {name: rng.normal(0.4, 0.15) for name in "ABCDEF"}
            given = shop(rng, truth, classes=8, units=6)
            found = price_effect(*given)
            assert found.overall is not None
            overall.append(found.overall.lower <= np.mean(list(truth.values())) <= found.overall.upper)
            for name, slope in found.by_category.items():
                rows = given[1] == name
                alone = price_effect(*(part[rows] for part in given)).overall
                assert alone is not None
                inside.append(slope.lower <= truth[name] <= slope.upper)
                raw.append((alone.value - truth[name]) ** 2)
                pooled.append((slope.value - truth[name]) ** 2)
        assert np.mean(inside) == pytest.approx(0.8, abs=0.05)
        assert np.mean(overall) == pytest.approx(0.8, abs=0.09)
        assert np.mean(pooled) < 0.95 * np.mean(raw)

    def test_is_not_misled_by_dear_classes(self) -> None:
        """Dear classes are kept better and price does not depend on the grade: the raw slope is steep, the estimate is not."""
        name, category, score, price = shop(np.random.default_rng(2), {"Linen": 0.0}, classes=60)
        found = price_effect(name, category, score, price).overall
        assert found is not None
        assert np.polyfit(score, np.log(price), 1)[0] > 0.3
        assert found.lower < 0.05 < found.upper + 0.1

    def test_a_category_without_variation_has_the_mean_of_all(self) -> None:
        """Where a category has too few classes of its own it gets the others' mean, and an interval at least as wide as theirs differ."""
        given = shop(np.random.default_rng(3), {"A": 0.2, "B": 0.8, "C": 0.5, "D": 0.4})
        few = [np.concatenate([part, extra]) for part, extra in zip(
            given, (np.array(["z", "z"]), np.array(["Z", "Z"]), np.array([0.2, 0.9]), np.array([10.0, 30.0])), strict=True
        )]  # fmt: skip
        found = price_effect(*few)
        assert found.by_category["Z"].classes == 1
        assert 0.2 < found.by_category["Z"].value < 0.8
        assert found.by_category["Z"].upper - found.by_category["Z"].lower > 2 * found.between


class TestTime:
    """Prices rise while units wear: a period has an effect of its own."""

    def test_a_rise_of_all_prices_is_no_effect_of_wear(self) -> None:
        """Grades that fall and prices that rise with the months look like a negative effect; with periods the true one is found."""
        rng = np.random.default_rng(11)
        month = np.tile(np.arange(24), 30)
        name = np.repeat([f"class {k}" for k in range(30)], 24)
        score = np.clip(0.9 - 0.02 * month + rng.normal(0, 0.05, len(month)), 0, 1)
        price = np.exp(2 + 0.03 * month + 0.4 * score + rng.normal(0, 0.02, len(month)))
        category = np.full(len(month), "Linen")

        blind, found = (price_effect(name, category, score, price, when).overall for when in (None, month))

        assert blind is not None
        assert found is not None
        assert blind.value < 0
        assert found.value == pytest.approx(0.4, abs=4 * found.standard_error)

    def test_equals_a_regression_with_dummies_of_both(self) -> None:
        """The slope is that of least squares with a dummy per class and per period."""
        rng = np.random.default_rng(5)
        name, when = rng.integers(0, 8, 200), rng.integers(0, 6, 200)
        score = rng.uniform(0, 1, 200)
        price = np.exp(0.3 * score + 0.1 * when + 0.2 * name + rng.normal(0, 0.1, 200))

        found = price_effect(name.astype(str), np.full(200, "all"), score, price, when).overall

        full = np.column_stack([score, np.eye(8)[name], np.eye(6)[when]])
        assert found is not None
        assert found.value == pytest.approx(np.linalg.lstsq(full, np.log(price), rcond=None)[0][0])

    def test_grades_that_move_with_time_alone_tell_nothing(self) -> None:
        """Where every unit of a month has the same grade, nothing can be told apart from the month."""
        when = np.tile(np.arange(6), 5)
        name, score = np.repeat([f"class {k}" for k in range(5)], 6), 1 - when / 10

        found = price_effect(name, np.full(30, "all"), score, np.exp(score + when / 20), when)

        assert found.overall is None
        assert "time alone" in found.missing[0]


class TestAbstains:
    @pytest.mark.parametrize("case", ["one price a class", "one grade a class", "too few classes", "nothing"])
    def test_says_what_is_missing(self, case: str) -> None:
        """No class with several prices at several grades, or fewer than needed: no number, but counts."""
        name, category, score, price = shop(np.random.default_rng(1), {"A": 0.5}, classes=4)
        keep = {"too few classes": name == "A0", "nothing": np.zeros(len(name), dtype=bool)}.get(
            case, np.ones(len(name), dtype=bool)
        )
        if case == "one price a class":
            price = np.array([float(int(each[1:]) + 10) for each in name])
        if case == "one grade a class":
            score = np.array([int(each[1:]) / 10 for each in name])
        found = price_effect(name[keep], category[keep], score[keep], price[keep])
        assert (found.overall, found.by_category) == (None, {})
        assert str(LEAST_CLASSES) in found.missing[0]

    def test_leaves_out_what_is_no_price(self) -> None:
        """Free, negative and unknown prices and unknown grades are no observations."""
        wrong = np.array([0.0, -1.0, np.nan, 5.0])
        found = price_effect(np.full(4, "a"), np.full(4, "A"), np.array([0.1, 0.2, 0.3, np.nan]), wrong)
        assert found == PriceEffect(None, missing=found.missing)

    def test_on_a_real_export(self, rfid3_export: Path) -> None:
        """In a real export graded items have their class's price: none varies within a class, and nothing is said."""
        import polars as pl

        with gzip.open(next(rfid3_export.glob("id_item_master*.csv.gz"))) as file:
            rows = pl.read_csv(file.read(), infer_schema_length=0)
        priced = rows.with_columns(pl.col("sell_price").cast(pl.Float64, strict=False)).filter(pl.col("sell_price") > 0)
        of_class = priced.select(rental_class_num="item_num", class_price="sell_price").unique("rental_class_num")
        rows = rows.join(of_class, on="rental_class_num", how="left").filter(pl.col("class_price").is_not_null())
        grades = [grade_score(word) for word in rows["quality"].to_list()]
        score = np.array([np.nan if each is None else each / 10 for each in grades])
        found = price_effect(
            rows["rental_class_num"].to_numpy(), np.full(len(rows), "all"), score, rows["class_price"].to_numpy()
        )
        assert np.isfinite(score).sum() > 1000
        assert found.overall is None
        assert "several prices: 0" in found.missing[0]
