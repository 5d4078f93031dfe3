"""Gaps, weights and quotas: against what they are by hand, and what has to hold of any."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.probe.knowledge import ANSWERS, by_topic, changes, gaps, quotas, weights


def answers(*rows: tuple[str, str, int, bool]) -> pl.DataFrame:
    table = [(name, document, topic, [0.0], right) for name, document, topic, right in rows]
    return pl.DataFrame(table, schema=ANSWERS, orient="row")


def test_a_gap_is_what_is_not_known_and_few_questions_say_little() -> None:
    rows = [("base", f"k{n}", 0, True) for n in range(190)]
    rows += [("base", f"g{n}", 1, n % 4 == 0) for n in range(200)]
    rows += [("base", "one", 2, False)]
    gap = gaps(answers(*rows), topics=4, chance=0.25)
    overall = 240 / 391
    assert gap[0] == pytest.approx((1 - (190 + 10 * overall) / 200) / 0.75)
    assert gap[1] == pytest.approx((1 - (50 + 10 * overall) / 210) / 0.75)
    assert gap[2] == pytest.approx((1 - 10 * overall / 11) / 0.75)
    assert gap[3] == pytest.approx((1 - overall) / 0.75)


def test_weights_lie_between_the_floor_and_one() -> None:
    assert weights(np.array([0.0, 0.5, 1.0]), 0.2).tolist() == pytest.approx([0.2, 0.6, 1.0])


sizes = st.lists(st.integers(0, 40), min_size=1, max_size=8)


@given(sizes, st.data())
def test_quotas_are_whole_full_and_leave_no_topic_out(
    sizes: list[int], data: st.DataObject
) -> None:
    weight = data.draw(
        st.lists(st.floats(0.05, 1), min_size=len(sizes), max_size=len(sizes)), label="weight"
    )
    count = data.draw(st.integers(0, 120), label="count")
    given = quotas(sizes, weight, count)
    assert sum(given) == min(count, sum(sizes))
    assert all(0 <= each <= size for each, size in zip(given, sizes, strict=True))
    if count >= sum(size > 0 for size in sizes):
        assert all(each >= 1 for each, size in zip(given, sizes, strict=True) if size)


@given(st.lists(st.integers(50, 90), min_size=2, max_size=5), st.integers(10, 40))
def test_a_topic_of_more_weight_gets_its_part(sizes: list[int], count: int) -> None:
    weight = [0.2 + 0.1 * number for number in range(len(sizes))]
    part = np.array(sizes) * np.array(weight)
    expected = part / part.sum() * count
    given = np.array(quotas(sizes, weight, count))
    assert np.abs(given - np.maximum(expected, 1)).max() < len(sizes)


def test_changes_are_of_the_same_questions() -> None:
    rows = [("base", "a", 0, False), ("base", "b", 0, True), ("base", "c", 1, False)]
    rows += [("after", "a", 0, True), ("after", "b", 0, True), ("after", "c", 1, False)]
    table = answers(*rows)
    found = {row["topic"]: row for row in changes(table, before="base").iter_rows(named=True)}
    assert found[0]["change"] == 0.5 and found[0]["stderr"] == pytest.approx(0.5)
    assert found[1]["change"] == 0 and found[None]["change"] == pytest.approx(1 / 3)
    shares = by_topic(table).select("checkpoint", "topic", "share").rows()
    assert ("after", 0, 1.0) in shares and ("base", 0, 0.5) in shares
