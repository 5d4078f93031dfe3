"""Held-out text that was trained on is found: contained, nearly the same, or in pieces."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.decontamination.leaks import (
    CLEAN,
    COMMON,
    HELD_OUT,
    HeldOutLeaks,
    find_pairs,
    held_out_texts,
    leaks,
)
from midtrain_dagster.tokens.held_out import is_held_out

SEED, SHARE = 3, 0.5
SIDES: dict[str, Any] = {"share": SHARE, "seed": SEED}
DEFAULT = HeldOutLeaks()

_IDS = pl.Series([f"d{number}" for number in range(4000)])
_APART = is_held_out(_IDS, SHARE, SEED)
TRAINED, APART = _IDS.filter(~_APART).to_list(), _IDS.filter(_APART).to_list()


def part(texts: dict[str, str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Documents of a part with their decisions, all kept and none edited."""
    ids = pl.Series("id", list(texts), pl.String)
    documents = pl.DataFrame(
        {"id": ids, "domain": ["web"] * len(ids), "text": list(texts.values())}
    )
    edits = pl.List(pl.Struct({"start": pl.UInt64, "stop": pl.UInt64, "text": pl.String}))
    decisions = pl.DataFrame({"id": ids}).with_columns(
        keep=pl.lit(True), copies=pl.lit(1), edits=pl.lit([], edits)
    )
    return documents.cast({"text": pl.String, "domain": pl.String}), decisions


def pairs(
    apart: dict[str, str], trained: dict[str, str], ngram: int = DEFAULT.ngram, overlap: float = 0.5
) -> pl.DataFrame:
    held_out = held_out_texts(*part(apart), **SIDES)["held_out"]
    assert held_out.schema == HELD_OUT and held_out["id"].to_list() == list(apart)
    return find_pairs(*part(trained), held_out, **SIDES, ngram=ngram, overlap=overlap)["pairs"]


def naive(apart: str, trained: str, ngram: int) -> tuple[int, float]:
    """Words of ``apart`` in n-grams that ``trained`` has too, and their share of the shorter."""
    left, right = apart.split(), trained.split()
    known = {tuple(right[at : at + ngram]) for at in range(len(right) - ngram + 1)}
    seen = {
        place
        for at in range(len(left) - ngram + 1)
        if tuple(left[at : at + ngram]) in known
        for place in range(at, at + ngram)
    }
    return len(seen), min(1.0, len(seen) / max(1, min(len(left), len(right))))


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from("abcde"), max_size=30).map(" ".join), min_size=1, max_size=4),
    st.lists(st.lists(st.sampled_from("abcde"), max_size=30).map(" ".join), min_size=1, max_size=4),
    st.integers(2, 4),
    st.sampled_from([0.3, 0.5, 1.0]),
)
def test_pairs_are_those_of_a_naive_search(
    apart: list[str], trained: list[str], ngram: int, overlap: float
) -> None:
    ours, theirs = dict(zip(APART, apart, strict=False)), dict(zip(TRAINED, trained, strict=False))
    found = {
        (row["held_out"], row["id"]): (row["common"], row["overlap"])
        for row in pairs(ours, theirs, ngram, overlap).iter_rows(named=True)
    }
    expected = {
        (left, right): judged
        for left, ours_text in ours.items()
        for right, theirs_text in theirs.items()
        if (judged := naive(ours_text, theirs_text, ngram))[0] and judged[1] >= overlap
    }
    assert found == {key: (each[0], pytest.approx(each[1])) for key, each in expected.items()}


@pytest.fixture(scope="module")
def long(pages: list[str]) -> list[str]:
    return [page for page in pages if 150 < len(page.split()) < 400][:60]


def judged(apart: dict[str, str], trained: dict[str, str]) -> pl.DataFrame:
    return leaks(pairs(apart, trained))


def test_a_page_inside_a_book_is_a_leak(long: list[str]) -> None:
    book = "\n\n".join(long[1:30])
    found = judged(
        {APART[0]: long[7], APART[1]: long[40]}, {TRAINED[0]: book, TRAINED[1]: long[50]}
    )
    assert found["held_out"].to_list() == [APART[0]] and found["id"].to_list() == [TRAINED[0]]
    assert found["overlap"][0] == 1.0 and found["seen"][0] == 1.0


def test_a_digest_of_what_is_trained_on_is_a_leak_by_all_of_them_together(long: list[str]) -> None:
    digest = "\n\n".join(long[10:14])
    found = judged({APART[0]: digest}, dict(zip(TRAINED, long[10:14], strict=False)))
    assert found["id"].sort().to_list() == TRAINED[:4]
    assert found["seen"].unique().to_list() == [1.0]
    assert (found["overlap"] > 0.99).all()


def test_a_tenth_of_a_held_out_document_is_no_leak(long: list[str]) -> None:
    digest = "\n\n".join(long[20:40])
    found = pairs({APART[0]: digest}, {TRAINED[0]: long[20]})
    assert found.height == 1 and found["common"][0] / found["words"][0] < CLEAN
    assert leaks(found).is_empty()


def test_a_copy_with_every_fifteenth_word_changed_is_found(long: list[str]) -> None:
    words = long[5].split()
    changed = [f"w{at}" if at % 15 == 7 else word for at, word in enumerate(words)]
    found = judged({APART[0]: long[5]}, {TRAINED[0]: " ".join(changed)})
    assert found["id"].to_list() == [TRAINED[0]] and 0.5 < found["overlap"][0] < 1


def test_what_every_page_has_is_no_evidence(long: list[str]) -> None:
    licence = long[0]
    apart = {identity: f"{licence} {each}" for identity, each in zip(APART, long[1:], strict=False)}
    assert len(apart) > COMMON
    assert judged(apart, {TRAINED[0]: licence}).is_empty()
    few = dict(list(apart.items())[:COMMON])
    assert pairs(few, {TRAINED[0]: licence}).height == COMMON


@pytest.mark.parametrize("apart", [{}, {APART[0]: ""}, {APART[0]: "five words are too few"}])
def test_nothing_is_found_where_there_is_nothing(apart: dict[str, str], long: list[str]) -> None:
    assert judged(apart, {TRAINED[0]: long[0]}).is_empty()
    assert judged({APART[1]: long[0]}, {}).is_empty()


def test_words_in_several_documents_are_counted_once(long: list[str]) -> None:
    words = long[3].split()
    first, second = " ".join(words[:100]), " ".join(words[50:150])
    found = judged({APART[0]: long[3]}, {TRAINED[0]: first, TRAINED[1]: second})
    assert found["common"].sum() > 150
    assert found["seen"][0] == pytest.approx(150 / found["words"][0], abs=0.05)
