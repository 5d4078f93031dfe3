"""Paired differences against naïve versions, golden values, and what is told of them."""

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.evaluation.comparison import (
    COMPARISONS,
    FEW,
    comparisons,
    holm,
    interval,
    items_needed,
    paired_difference,
    sign_flip_p,
    spread_of_seeds,
)
from midtrain_dagster.evaluation.harness import BY_ITEM, SCORES
from midtrain_dagster.evaluation.method import BITS

ITEMS = st.lists(
    st.tuples(st.floats(0, 9), st.floats(0, 9), st.integers(1, 5), st.integers(0, 5)),
    min_size=1,
    max_size=30,
)


@given(ITEMS)
def test_a_paired_difference_is_the_mean_s_and_its_error_that_of_groups(
    items: list[tuple[float, float, int, int]],
) -> None:
    one, other, counts, group = (np.array(column) for column in zip(*items, strict=True))
    found = paired_difference((one, other), (counts, counts), group)
    differences, total = one - other, counts.sum()
    mean = differences.sum() / total
    assert found.difference == pytest.approx(mean, abs=1e-9)
    names = sorted(set(group.tolist()))
    assert found.groups == len(names)
    if len(names) < 2:
        assert (found.stderr, found.p) == (None, None)
        return
    squares = sum((differences - mean * counts)[group == name].sum() ** 2 for name in names)
    expected = (squares * len(names) / (len(names) - 1)) ** 0.5 / total
    assert found.stderr == pytest.approx(expected, abs=1e-9)
    assert found.p is not None
    assert 0 <= found.p <= 1
    back = paired_difference((other, one), (counts, counts), group)
    assert back.difference == pytest.approx(-mean, abs=1e-9)
    assert back.p == pytest.approx(found.p, abs=1e-9)


@given(st.lists(st.integers(-3, 3), max_size=8))
def test_every_sign_is_tried(differences: list[int]) -> None:
    ways = [
        abs(sum(sign * each for sign, each in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    expected = np.mean([way >= abs(sum(differences)) for way in ways])
    assert sign_flip_p(np.array(differences, float)) == pytest.approx(expected)


def test_of_right_and_wrong_answers_few_signs_are_mcnemar_s_exact_test() -> None:
    from scipy.stats import binomtest

    one = np.array([1.0] * 9 + [0.0] * 2 + [1.0] * 40)
    other = np.array([0.0] * 9 + [1.0] * 2 + [1.0] * 40)
    ones = np.ones(51, np.int64)
    found = paired_difference((one, other), (ones, ones), np.arange(51))
    assert found.p == pytest.approx(binomtest(9, 11).pvalue)


def test_of_many_that_differ_the_test_is_student_s() -> None:
    from scipy.stats import ttest_rel

    draws = np.random.default_rng(3)
    one, other = draws.normal(0.2, 1, 60), draws.normal(0, 1, 60)
    ones = np.ones(60, np.int64)
    found = paired_difference((one, other), (ones, ones), np.arange(60))
    expected = ttest_rel(one, other)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.difference is not None
    assert found.stderr is not None
    bounds = expected.confidence_interval()
    assert interval(found.difference, found.stderr, 60) == pytest.approx((bounds.low, bounds.high))


@pytest.mark.parametrize("groups", [FEW, FEW + 40])
def test_chance_is_called_a_difference_as_often_as_the_level_says(groups: int) -> None:
    draws = np.random.default_rng(11)
    ones = np.ones(groups, np.int64)
    tries = [
        paired_difference(
            (draws.normal(size=groups), draws.normal(size=groups)), (ones, ones), np.arange(groups)
        ).p
        for _ in range(200)
    ]
    # Of 200 at 5 %, 10 ± 3.1 (binomial): four of these deviations are no accident.
    assert sum(p < 0.05 for p in tries if p is not None) <= 10 + 4 * 3.1


def test_nothing_counted_has_no_difference() -> None:
    none, one = np.zeros(2), np.ones(2, np.int64)
    found = paired_difference((none, none), (np.zeros(2, np.int64), one), np.arange(2))
    assert found == (None, None, None, 2)


def test_holm_s_correction_is_that_by_hand() -> None:
    # By hand: 4 x 0.005, 3 x 0.01, 2 x 0.03, and 1 x 0.04, which is no less than the one before.
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([])).tolist() == []
    assert holm(np.array([0.6, 0.9])).tolist() == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_none_and_bonferroni(p_values: list[float]) -> None:
    given_, corrected = np.array(p_values), holm(np.array(p_values))
    assert (corrected >= given_).all()
    assert (corrected <= np.minimum(1, given_ * len(given_)) + 1e-12).all()
    assert (np.diff(corrected[np.argsort(given_, kind="stable")]) >= 0).all()


def test_items_for_a_point_are_those_of_the_usual_formula() -> None:
    # (1.95996 + 0.84162)² · 0.25 / 0.01² of a paired variance of 0.25.
    assert items_needed(0.05, 100) == 19623
    assert items_needed(0.0, 100) is None


def test_so_many_items_show_the_difference_in_four_of_five_cases() -> None:
    deviation, difference = 0.5, 0.2
    needed = items_needed(deviation / 10, 100, difference=difference)
    assert needed is not None
    draws = np.random.default_rng(5).normal(difference, deviation, (300, needed))
    ones, zeros = np.ones(needed, np.int64), np.zeros(needed)
    shown = [paired_difference((each, zeros), (ones, ones), np.arange(needed)).p for each in draws]
    power = np.mean([p is not None and p < 0.05 for p in shown])
    assert power == pytest.approx(0.8, abs=4 * (0.8 * 0.2 / 300) ** 0.5)


def tables(right: dict[str, str], *, at_chance: bool = False) -> tuple[pl.DataFrame, pl.DataFrame]:
    """By item and scores of checkpoints, from their right (1) and wrong (0) answers."""
    by_item, scores = [], []
    for checkpoint, answers in right.items():
        for metric, unit, is_headline in (
            ("acc", "accuracy", True),
            ("bits_per_byte", BITS, False),
        ):
            sums = [float(answer) for answer in answers]
            sums = sums if is_headline else [2 - each for each in sums]
            for number, each in enumerate(sums):
                by_item.append((checkpoint, "quiz", str(number), metric, each, 1))
            guessed = at_chance if is_headline else None
            value = sum(sums) / len(sums)
            scores.append(
                (
                    checkpoint,
                    "quiz",
                    metric,
                    value,
                    None,
                    len(sums),
                    0.5,
                    guessed,
                    unit,
                    is_headline,
                )
            )
    named = {"checkpoint": pl.String}
    return (
        pl.DataFrame(by_item, schema={**named, **BY_ITEM}, orient="row"),
        pl.DataFrame(scores, schema={**named, **SCORES}, orient="row"),
    )


RIGHT = {"base": "0" * 12 + "1" * 4, "annealed": "1" * 16, "annealed/control": "0" * 11 + "1" * 5}


def test_pairs_are_compared_and_decided_after_holm() -> None:
    by_item, scores = tables(RIGHT)
    pairs = [("annealed", "base"), ("annealed/control", "base"), ("base", "annealed")]
    found = comparisons(by_item, scores, pairs)
    assert found.schema == COMPARISONS
    assert found["outcome"].to_list() == [*["better"] * 2, *["undecided"] * 2, *["worse"] * 2]
    first = found.row(0, named=True)
    assert (first["items"], first["groups"], first["unpaired"]) == (16, 16, 0)
    assert first["difference"] == pytest.approx(12 / 16)
    assert first["p"] == pytest.approx(2 / 2**12)
    assert first["p_holm"] == pytest.approx(4 / 2**12)
    assert first["low"] < first["difference"] < first["high"]
    undecided = found.row(2, named=True)
    assert (undecided["difference"], undecided["p"]) == (pytest.approx(1 / 16), 1.0)
    assert undecided["items_for_point"] == items_needed(undecided["stderr"], 16)


def test_a_group_is_one_observation() -> None:
    by_item, scores = tables(RIGHT)
    groups = pl.DataFrame(
        {
            "benchmark": ["quiz"] * 12,
            "item": [str(number) for number in range(12)],
            "group": ["one passage"] * 12,
        }
    )
    row = comparisons(by_item, scores, [("annealed", "base")], groups).row(0, named=True)
    assert (row["groups"], row["p"], row["outcome"]) == (5, 1.0, "undecided")


def test_between_two_that_guess_nothing_is_decided() -> None:
    by_item, scores = tables(RIGHT, at_chance=True)
    found = comparisons(by_item, scores, [("annealed", "base")])
    assert found.select("at_chance", "outcome").rows() == [(True, "undecided"), (False, "better")]


def test_items_that_one_alone_was_asked_are_counted() -> None:
    by_item, scores = tables({**RIGHT, "base": "0" * 12})
    found = comparisons(by_item, scores, [("annealed", "base"), ("annealed", "nobody")])
    assert found.select("items", "unpaired", "difference").rows() == [(12, 4, 1.0), (12, 4, -1.0)]


def test_seeds_spread_by_themselves() -> None:
    right = {"annealed": "1100", "annealed/seed_7": "1000", "annealed/seed_8": "1110"}
    _, scores = tables({**right, "annealed/control": "0000", "base": "0000"})
    found = spread_of_seeds(scores).filter(metric="acc")
    assert found.drop("unit").rows() == [
        ("annealed", "quiz", "acc", 3, 0.5, 0.25, 0.25, 0.75),
    ]
    assert spread_of_seeds(scores.filter(checkpoint="base")).is_empty()
    tuned = {f"{name}/fine_tuned": right[name] for name in right}
    _, scores = tables({**right, **tuned, "annealed/control/fine_tuned": "0000"})
    found = spread_of_seeds(scores).filter(metric="acc")
    assert found["stage"].to_list() == ["annealed", "annealed/fine_tuned"]
    assert found["seeds"].to_list() == [3, 3]
