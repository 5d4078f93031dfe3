"""A hit is read as both texts, and what is marked is what they share."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.decontamination.methods.qwen_math import Config
from midtrain_dagster.decontamination.reading import (
    WORDS,
    common_subsequence,
    readings,
    side_by_side,
)
from midtrain_dagster.decontamination.scan import scan
from tests.midtrain_dagster.decontamination.conftest import document_table, item_table

LETTERS = st.lists(st.integers(0, 3), max_size=12)


def longest(left: list[int], right: list[int]) -> int:
    """The length of a longest common subsequence, naively."""
    if not left or not right:
        return 0
    if left[-1] == right[-1]:
        return 1 + longest(left[:-1], right[:-1])
    return max(longest(left[:-1], right), longest(left, right[:-1]))


@given(LETTERS, LETTERS)
def test_a_longest_common_subsequence_is_found(left: list[int], right: list[int]) -> None:
    first, second = (pl.Series(each, dtype=pl.UInt64).to_numpy() for each in (left, right))
    found = common_subsequence(first, second)
    assert found.shape == (2, longest(left, right))
    assert first[found[0]].tolist() == second[found[1]].tolist()
    for places in found:
        assert sorted(set(places.tolist())) == places.tolist()


def marked(pieces: tuple[tuple[str, bool], ...]) -> list[str]:
    return [text for text, is_marked in pieces if is_marked]


def test_the_changed_word_is_what_is_not_marked() -> None:
    passage = "Anna has <b>seventeen</b> brass&nbsp;lanterns, and lends five."
    text = "Tom has seventeen brass lanterns and lends five of them"
    left, right = side_by_side(passage, pl.Series([text]))
    assert "".join(text for text, _ in left) == passage
    assert "".join(text for text, _ in right) == text
    assert left[0] == ("Anna ", False)
    assert marked(right) == ["has seventeen brass lanterns and lends five"]
    assert marked(left)[0].startswith("has <b>seventeen")


def test_the_text_that_says_most_of_it_is_shown() -> None:
    texts = pl.Series(
        ["nothing of it", "a brass lantern at dusk", "a brass lantern at dusk and on"]
    )
    _, right = side_by_side("a brass lantern at dusk", texts)
    assert right == (("a brass lantern at dusk", True),)


def test_a_long_side_is_cut_at_a_word() -> None:
    words = " ".join(f"w{number}" for number in range(3 * WORDS))
    left, right = side_by_side(words, pl.Series(["w1 w2 w3"]))
    whole = "".join(text for text, _ in left)
    assert whole.endswith(f"w{WORDS - 1} …") and marked(left) == ["w1 w2 w3"]
    assert right == (("w1 w2 w3", True),)


def test_nothing_in_common_marks_nothing() -> None:
    left, right = side_by_side("", pl.Series(["a question"]))
    assert left == () and right == (("a question", False),)


def test_hits_of_a_scan_are_read_with_their_items(
    pages: list[str], benchmark_items: pl.DataFrame
) -> None:
    item = benchmark_items.row(3, named=True)
    documents = document_table(f"{pages[0]} {item['question'].upper()} {pages[1]}")
    hits = scan(documents, benchmark_items, config=Config())["hits"]
    hits = hits.with_columns(source=pl.lit("web"))
    (reading,) = readings(hits, benchmark_items)
    assert reading.hit["item"] == item["item"] and reading.hit["source"] == "web"
    (shared,) = marked(reading.passage)
    assert shared.casefold() in item["question"].casefold()
    assert marked(reading.item)


def test_a_hit_of_an_item_that_is_gone_is_an_error() -> None:
    hit = pl.DataFrame({"benchmark": ["quiz"], "item": ["7"], "found_by": ["question"], "text": ""})
    with pytest.raises(KeyError, match="'quiz' has no item '7'"):
        list(readings(hit, item_table()))
