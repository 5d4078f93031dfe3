import random
from collections import defaultdict
from itertools import combinations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from midtrain_dagster.curation.duplicates.candidates import (
    PAIRS,
    VERSION,
    band_pairs,
    exact_pairs,
    union,
)
from midtrain_dagster.curation.duplicates.methods.minhash import band_columns, signatures

from .conftest import candidate_pairs

BANDS = 3
SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "bytes": pl.UInt64(),
        "text_hash": pl.UInt64(),
        **dict.fromkeys(band_columns(BANDS), pl.UInt64()),
        "error": pl.String(),
    }
)
DOCUMENTS = st.lists(
    st.tuples(st.integers(0, 4), st.lists(st.integers(0, 2), min_size=BANDS, max_size=BANDS)),
    max_size=14,
)


def signed(documents: list[tuple[int, list[int]]], seed: int) -> pl.DataFrame:
    """Signatures with few different hashes, in random order; equal texts have equal bands."""
    bands_of: dict[int, list[int]] = {}
    rows = [
        (f"d{number:02d}", 1, text, *bands_of.setdefault(text, bands), None)
        for number, (text, bands) in enumerate(documents)
    ]
    random.Random(seed).shuffle(rows)
    return pl.DataFrame(rows, SCHEMA, orient="row")


def naive(table: pl.DataFrame, limit: int) -> set[tuple[str, str, str]]:
    rows = sorted(table.iter_rows(named=True), key=lambda row: row["id"])
    first: dict[int, str] = {}
    found = set()
    for row in rows:
        if first.setdefault(row["text_hash"], row["id"]) != row["id"]:
            found.add((first[row["text_hash"]], row["id"], "exact"))
    buckets = defaultdict(list)
    for row in rows:
        if row["id"] in first.values():
            for band in range(BANDS):
                buckets[band, row[f"band_{band:02d}"]].append(row["id"])
    for members in buckets.values():
        reach = len(members) if len(members) <= limit else limit // 2
        for (i, a), (j, b) in combinations(enumerate(members), 2):
            if j - i <= reach:
                found.add((a, b, "minhash"))
    return found


@settings(max_examples=30, deadline=None)
@given(DOCUMENTS, st.integers(2, 6), st.integers(0, 9))
def test_candidates_as_found_by_hand(documents, limit: int, seed: int) -> None:
    table = signed(documents, seed)
    found = candidate_pairs(table, bucket_limit=limit)
    assert set(found.select("a", "b", "method").rows()) == naive(table, limit)
    texts = dict(table.select("id", "text_hash").rows())
    for row in found.iter_rows(named=True):
        assert row["a"] < row["b"]
        assert (row["text_a"], row["text_b"]) == (texts[row["a"]], texts[row["b"]])
    assert found.select("a", "b").is_unique().all()


@settings(max_examples=30, deadline=None)
@given(DOCUMENTS, st.integers(2, 6), st.integers(1, 9))
def test_neither_order_nor_division_changes_candidates(documents, limit: int, seed: int) -> None:
    expected = candidate_pairs(signed(documents, 0), bucket_limit=limit)
    shuffled = signed(documents, seed).lazy()
    bands = [
        band_pairs(shuffled, bands=[band], bucket_limit=limit)["pairs"]
        for band in reversed(band_columns(BANDS))
    ]
    assert_frame_equal(union([*bands, exact_pairs(shuffled)["pairs"]]), expected)


def test_a_band_is_read_from_files_by_itself(passages: pl.DataFrame, tmp_path) -> None:
    texts = pl.concat([passages["text"].head(60), passages["copy"].head(60)])
    documents = pl.DataFrame({"id": [f"{n:03d}" for n in range(120)], "text": texts})
    table = signatures(documents, shingle=5, bands=14, rows=8, seed=1)["signatures"]
    for number, part in enumerate(table.iter_slices(50)):
        part.select("id", "text_hash", "band_03").write_parquet(tmp_path / f"{number}.parquet")
    files = pl.scan_parquet(tmp_path / "*.parquet")
    asked = {"bands": ["band_03"], "bucket_limit": 8}
    found = band_pairs(files, **asked)["pairs"]
    assert found.height > 5
    assert_frame_equal(band_pairs(table.lazy(), **asked)["pairs"], found)


def test_documents_without_bands_or_text_are_left_out() -> None:
    documents = pl.DataFrame(
        {"id": list("abcde"), "text": ["What is 2+2?", "what is  2+2?", "What is 2-2?", None, None]}
    )
    table = signatures(documents, shingle=5, bands=14, rows=8, seed=1)["signatures"]
    found = candidate_pairs(table, bucket_limit=8)
    assert found.select("a", "b", "method").rows() == [("a", "b", "exact")]


def test_nothing_gives_nothing() -> None:
    found = candidate_pairs(SCHEMA.to_frame(), bucket_limit=8)
    assert found.schema == PAIRS
    assert found.is_empty()


def test_golden(passages: pl.DataFrame) -> None:
    documents = pl.concat(
        [passages.select("id", "text"), passages.select(pl.col("id") + "-copy", text="copy")]
    )
    table = signatures(documents, shingle=5, bands=14, rows=8, seed=1)["signatures"]
    found = candidate_pairs(table, bucket_limit=64)
    methods = found["method"].value_counts().sort("method").rows()
    assert (VERSION, methods) == (1, [("exact", 4), ("minhash", 1335)])
