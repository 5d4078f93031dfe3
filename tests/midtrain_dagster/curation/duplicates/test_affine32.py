import numpy as np
import polars as pl
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.curation.duplicates.affine32 import band_hashes, minhash, permutations
from midtrain_dagster.curation.duplicates.shingles import shingle_hash, shingle_hashes, shingles
from midtrain_dagster.curation.text.normalisation import normalise

HASHES = st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=20), min_size=1, max_size=4)
TEXTS = st.lists(
    st.text(st.sampled_from("ab ") | st.characters(codec="utf-8"), max_size=30)
    | st.lists(st.sampled_from(["one", "Two", "naïve", "don't", "漢字"]), max_size=30).map(
        " ".join
    ),
    min_size=1,
    max_size=3,
)


def columns(documents: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0] + [len(document) for document in documents])
    return offsets, np.array([each for document in documents for each in document], np.uint64)


def signature_by_datasketch(text: str, size: int, count: int, seed: int) -> list[int]:
    """As the documentation says a user of datasketch makes it."""
    sketch = MinHash(num_perm=count, seed=seed, scheme="affine32", hashfunc=shingle_hash)
    for shingle in shingles(text, size):
        sketch.update(shingle)
    return sketch.hashvalues.tolist()


@settings(max_examples=75, deadline=None)
@given(TEXTS, st.integers(1, 6), st.integers(1, 120), st.integers(0, 2**32 - 1))
def test_signatures_of_texts_equal_datasketch(
    texts: list[str], size: int, count: int, seed: int
) -> None:
    ours = minhash(*shingle_hashes(normalise(pl.Series(texts)), size), count, seed)
    assert ours.tolist() == [signature_by_datasketch(text, size, count, seed) for text in texts]


def test_signatures_of_passages_equal_datasketch(passages: pl.DataFrame) -> None:
    texts = passages["text"].gather_every(100)
    ours = minhash(*shingle_hashes(normalise(texts), 5), 112, 1)
    assert ours.tolist() == [signature_by_datasketch(text, 5, 112, 1) for text in texts]


@settings(max_examples=50, deadline=None)
@given(HASHES, st.integers(1, 120), st.integers(0, 2**32 - 1))
def test_signatures_of_hashes_equal_datasketch(
    documents: list[list[int]], count: int, seed: int
) -> None:
    ours = minhash(*columns(documents), count, seed)
    for document, signature in zip(documents, ours, strict=True):
        theirs = MinHash(num_perm=count, seed=seed, scheme="affine32", hashfunc=lambda h: h >> 32)
        for each in document:
            theirs.update(each)
        assert signature.tolist() == theirs.hashvalues.tolist()


def test_permutations_equal_datasketch() -> None:
    assert np.array_equal(permutations(112, 7), MinHash(num_perm=112, seed=7).permutations)


def test_bands_are_equal_where_their_rows_are_and_never_across_bands() -> None:
    signatures = np.zeros((3, 12), np.uint32)
    signatures[1, 5] = 1
    signatures[2] = np.arange(12)
    found = band_hashes(signatures, 4, 3)
    assert (found[0] == found[1]).tolist() == [True, False, True, True]
    assert not (found[0] == found[2]).any()
    assert len(set(found[0].tolist())) == 4
