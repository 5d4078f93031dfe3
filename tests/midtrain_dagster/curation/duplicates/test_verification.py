import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from midtrain_dagster.curation.duplicates.candidates import PAIRS
from midtrain_dagster.curation.duplicates.clusters import choose
from midtrain_dagster.curation.duplicates.methods.minhash import signatures
from midtrain_dagster.curation.duplicates.shingles import shingles
from midtrain_dagster.curation.duplicates.verification import (
    EDGES,
    PAIR_BYTES,
    VERIFIED,
    VERSION,
    Batch,
    batches,
    edges,
    unverified,
)
from midtrain_dagster.curation.duplicates.verification import verify as verify_lazily

from .conftest import candidate_pairs

SHINGLE = 2
SIGNATURE = {"shingle": SHINGLE, "bands": 6, "rows": 2, "seed": 1}
NEAR = st.lists(st.sampled_from(["one", "two", "three", "four"]), max_size=8).map(" ".join)


def table(texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"id": [f"{number:02d}" for number in range(len(texts))], "text": texts})


def verify(pairs: pl.DataFrame, documents: pl.DataFrame, shingle: int | None) -> pl.DataFrame:
    return verify_lazily(documents.lazy(), pairs=pairs, shingle=shingle)["verified"]


def signed(documents: pl.DataFrame) -> pl.DataFrame:
    return signatures(documents, **SIGNATURE)["signatures"]


def located(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Which part holds each document, and the bytes of its text."""
    return pl.concat(
        part.select("id", part=pl.lit(number), bytes=pl.col("text").str.len_bytes())
        for number, part in enumerate(parts)
    )


def by_increments(
    parts: list[pl.DataFrame], limit: int, bucket_limit: int, threshold: float
) -> tuple[pl.DataFrame, list[tuple]]:
    """Edges of a corpus whose parts come one after the other, and every comparison made for them.

    A batch sees only the parts that it names.
    """
    verified = [VERIFIED.to_frame()]
    for known in range(1, len(parts) + 1):
        there = parts[:known]
        candidates = candidate_pairs(
            pl.concat(signed(part) for part in reversed(there)), bucket_limit=bucket_limit
        )
        new = unverified(candidates, pl.concat(verified))
        for batch in batches(new, located(there), limit=limit):
            documents = pl.concat(there[number] for number in batch.parts)
            verified.append(verify(batch.pairs, documents, shingle=SHINGLE))
    everything = pl.concat(verified)
    return edges(candidates, everything, threshold=threshold), everything.select("a", "b").rows()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(NEAR, min_size=2, max_size=14),
    st.integers(1, 4),
    st.integers(0, 99),
    st.integers(100, 2000),
    st.integers(2, 6),
    st.sampled_from([0.3, 0.6]),
)
def test_increments_give_what_one_run_gives(
    texts: list[str], increments: int, seed: int, limit: int, bucket_limit: int, threshold: float
) -> None:
    documents = table(texts)
    candidates = candidate_pairs(signed(documents), bucket_limit=bucket_limit)
    whole = edges(candidates, verify(candidates, documents, shingle=SHINGLE), threshold=threshold)
    chance = random.Random(seed)
    part_of = pl.Series("part", [chance.randrange(increments) for _ in texts])
    shuffled = documents.sample(fraction=1, shuffle=True, seed=seed).with_columns(part_of)
    parts = shuffled.partition_by("part", include_key=False)
    grown, compared = by_increments(parts, limit, bucket_limit, threshold)
    assert_frame_equal(grown, whole)
    assert len(set(compared)) == len(compared)
    summary = documents.select("id", characters=pl.col("text").str.len_chars())
    assert_frame_equal(
        choose(grown, summary.reverse(), keep="longest"), choose(whole, summary, keep="longest")
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(NEAR, min_size=2, max_size=10), st.integers(0, 99))
def test_measures_belong_to_their_pairs_whatever_the_order(texts: list[str], seed: int) -> None:
    documents = table(texts)
    candidates = candidate_pairs(signed(documents), bucket_limit=8)
    pairs = candidates.sample(fraction=1, shuffle=True, seed=seed)
    found = verify(pairs, documents.sample(fraction=1, shuffle=True, seed=seed), shingle=SHINGLE)
    assert found.schema == VERIFIED
    assert_frame_equal(found.drop("jaccard"), pairs)
    sets = {number: set(shingles(text, SHINGLE)) for number, text in documents.iter_rows()}
    for row in found.iter_rows(named=True):
        a, b = sets[row["a"]], sets[row["b"]]
        expected = 1.0 if row["method"] == "exact" else len(a & b) / len(a | b)
        assert row["jaccard"] == expected


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20),
    st.lists(st.integers(0, 3), min_size=10, max_size=10),
    st.lists(st.integers(0, 500), min_size=10, max_size=10),
    st.integers(1, 3000),
)
def test_batches_hold_every_pair_once_and_keep_the_limit(
    numbers: list[tuple[int, int]], parts: list[int], sizes: list[int], limit: int
) -> None:
    rows = {(str(min(pair)), str(max(pair))) for pair in numbers if pair[0] != pair[1]}
    pairs = pl.DataFrame([(a, b, "minhash", 1, 2) for a, b in rows], PAIRS, orient="row")
    documents = pl.DataFrame({"id": list("0123456789"), "part": parts, "bytes": sizes})
    made = batches(pairs, documents, limit=limit)
    found = [pair for batch in made for pair in batch.pairs.select("a", "b").rows()]
    assert sorted(found) == sorted(rows)
    for batch in made:
        members = sorted({*batch.pairs["a"], *batch.pairs["b"]})
        assert batch.parts == sorted({parts[int(each)] for each in members})
        weight = sum(sizes[int(each)] for each in members) + PAIR_BYTES * batch.pairs.height
        assert weight <= limit or batch.pairs.height == 1
        assert batch.pairs.schema == PAIRS
    shuffled = pairs.sample(fraction=1, shuffle=True, seed=1)
    for one, two in zip(made, batches(shuffled, documents.reverse(), limit=limit), strict=True):
        assert_frame_equal(one.pairs, two.pairs)
        assert one.parts == two.parts


def test_a_batch_keeps_together_what_belongs_together() -> None:
    """Three groups over two parts: each group has a batch, and reads only its own parts."""
    pairs = pl.DataFrame(
        [("a", "d"), ("b", "e"), ("c", "f"), ("a", "g"), ("d", "g")], ["a", "b"], orient="row"
    ).with_columns(method=pl.lit("minhash"), text_a=1, text_b=2)
    documents = pl.DataFrame(
        {"id": list("abcdefg"), "part": [0, 0, 1, 1, 0, 1, 1], "bytes": [1000] * 7}
    )
    made = batches(pairs.cast(dict(PAIRS)), documents, limit=4000)
    assert [(batch.pairs.select("a", "b").rows(), batch.parts) for batch in made] == [
        ([("a", "d"), ("a", "g"), ("d", "g")], [0, 1]),
        ([("b", "e")], [0]),
        ([("c", "f")], [1]),
    ]


def pair(a: str, b: str, texts: pl.DataFrame, method: str = "minhash") -> pl.DataFrame:
    """One pair of documents, with the hashes of their texts as they are."""
    hashes = dict(signed(texts).select("id", "text_hash").rows())
    return pl.DataFrame([(a, b, method, hashes[a], hashes[b])], PAIRS, orient="row")


def test_a_false_exact_pair_is_not_believed() -> None:
    documents = table(["one two", "one three"])
    pairs = pair("00", "01", documents, "exact")
    found = verify(pairs, documents, shingle=1)
    assert found["jaccard"].to_list() == [0.0]
    assert edges(pairs, found, threshold=0.1).is_empty()


def test_exact_pairs_need_no_shingle_and_others_do() -> None:
    documents = table(["one two", "ONE  two"])
    found = verify(pair("00", "01", documents, "exact"), documents, shingle=None)
    assert found["jaccard"].to_list() == [1.0]
    with pytest.raises(ValueError, match="1 pairs are not exact"):
        verify(pair("00", "01", documents), documents, shingle=None)


def test_the_threshold_comes_late() -> None:
    documents = table(["one two three", "one two four", "ONE  two three"])
    pairs = pl.concat([pair("00", "01", documents), pair("00", "02", documents, "exact")])
    found = verify(pairs, documents, shingle=1)
    assert edges(pairs, found, threshold=0.5).select("a", "b", "jaccard").rows() == [
        ("00", "01", 0.5),
        ("00", "02", 1.0),
    ]
    assert edges(pairs, found, threshold=0.51).select("a", "b").rows() == [("00", "02")]


def test_a_changed_text_is_compared_again() -> None:
    before, after = table(["one two", "one two!"]), table(["one two", "one four!"])
    known = verify(pair("00", "01", before), before, shingle=1)
    new = pair("00", "01", after)
    assert_frame_equal(unverified(new, known), new)
    assert unverified(pair("00", "01", before), known).is_empty()
    with pytest.raises(ValueError, match=r"1 candidate pairs were not verified.*'00' and '01'"):
        edges(new, known, threshold=0.5)


def test_verification_needs_the_documents_that_were_signed() -> None:
    documents = table(["one two", "one three"])
    pairs = pair("00", "01", documents)
    for lacking in (documents.head(1), documents.with_columns(text=pl.Series(["one two", None]))):
        with pytest.raises(ValueError, match=r"1 documents.*'01'"):
            verify(pairs, lacking, shingle=1)
    with pytest.raises(ValueError, match=r"other texts.*'00' and '01'"):
        verify(pairs, table(["one two", "another"]), shingle=1)
    with pytest.raises(ValueError, match=r"1 documents.*'01'"):
        batches(pairs, located([documents.head(1)]))


def test_nothing_gives_nothing() -> None:
    nothing = PAIRS.to_frame()
    found = verify(nothing, table(["x"]), shingle=5)
    assert found.schema == VERIFIED
    assert edges(nothing, found, threshold=0.7).schema == EDGES
    assert batches(nothing, located([table(["x"])])) == []


def test_one_pair_larger_than_the_limit_is_a_batch() -> None:
    documents = table(["one " * 500, "one " * 501])
    (batch,) = batches(pair("00", "01", documents), located([documents]), limit=10)
    assert isinstance(batch, Batch)
    assert (batch.pairs.height, batch.parts) == (1, [0])


def test_golden(passages: pl.DataFrame) -> None:
    documents = pl.concat(
        [passages.select("id", "text"), passages.select(pl.col("id") + "-copy", text="copy")]
    )
    made = signatures(documents, shingle=5, bands=14, rows=8, seed=1)["signatures"]
    candidates = candidate_pairs(made, bucket_limit=64)
    verified = verify(candidates, documents, shingle=5)
    found = edges(candidates, verified, threshold=0.7)
    assert (VERSION, verified.height, found.height) == (2, 1339, 1178)
    assert verified["jaccard"].sum() == pytest.approx(1053.1354672399)
