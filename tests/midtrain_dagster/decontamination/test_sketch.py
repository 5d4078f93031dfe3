from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.decontamination.minimisers import new_runs
from midtrain_dagster.decontamination.sketch import (
    CELL,
    REACH,
    VERSION,
    cells_of,
    read_sketch,
    scaled,
    sketch_documents,
    sketched,
)
from midtrain_dagster.decontamination.words import read_words

GOLDEN = (2, "4d18d5654a82d47f")


def test_a_sketch_is_read_as_it_was_written(tmp_path: Path, pages: list[str]) -> None:
    made = sketched(pl.Series(pages[:50]))
    (tmp_path / "sketch").write_bytes(
        sketch_documents(pl.DataFrame({"text": pages[:50]}))["sketch"]
    )
    read = read_sketch(tmp_path / "sketch")
    for ours, theirs in zip([*made.keys, *made[1:]], [*read.keys, *read[1:]], strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("texts", [[], [None], ["too few words"], ["", None, "a " * 7]])
def test_texts_without_a_window_leave_nothing(tmp_path: Path, texts: list[str | None]) -> None:
    documents = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
    (tmp_path / "sketch").write_bytes(sketch_documents(documents)["sketch"])
    read = read_sketch(tmp_path / "sketch")
    assert (read.keys.total, len(read.words)) == (0, len(texts))
    cells, begins, ends = cells_of(read, np.array([0, 5, 2**64 - 1], np.uint64))
    assert (len(cells), begins.tolist(), ends.tolist()) == (0, [0, 0, 0], [0, 0, 0])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=40),
    st.integers(0, 2**32),
    st.integers(0, 3 * CELL),
    st.integers(1, 300),
)
def test_every_run_is_found_where_it_begins(
    others: list[int], seed: int, words: int, vocabulary: int
) -> None:
    """And in the cell before, if it begins shortly after that ends; nothing else by its hash."""
    random = np.random.default_rng(seed)
    said = [f"w{number}" for number in random.integers(0, vocabulary, words)]
    cut = sorted(random.integers(0, words + 1, 3).tolist())
    pieces = [said[a:b] for a, b in zip([0, *cut], [*cut, words], strict=True)]
    texts = pl.Series([" ".join(piece) for piece in pieces], dtype=pl.String)
    sketch = sketched(texts)
    assert sketch.words.tolist() == [len(piece) for piece in pieces]
    hashes, places = new_runs(read_words(texts))
    expected: dict[int, set[int]] = {}
    for number, place in zip(scaled(hashes, sketch.hashes).tolist(), places.tolist(), strict=True):
        own = expected.setdefault(number, set())
        own.add(place // CELL)
        if place >= CELL and place % CELL < REACH:
            own.add(place // CELL - 1)
    asked = np.sort(np.r_[hashes, np.array(others, np.uint64)])
    cells, begins, ends = cells_of(sketch, asked)
    for number, begin, end in zip(scaled(asked, sketch.hashes).tolist(), begins, ends, strict=True):
        assert cells[begin:end].tolist() == sorted(expected.get(number, set()))


def test_golden_values(pages: list[str]) -> None:
    """Of words' normal form, too: what changes it raises the version, or sketches miss."""
    texts = [*pages[:20], "Ça &amp; là, l\u2019été — يوم ١٢ naïve co\u00adoperation " * 3]
    made = sketched(pl.Series(texts))
    bits = made.keys.low.tobytes() + made.keys.high.tobytes()
    assert (VERSION, blake2b(bits, digest_size=8).hexdigest()) == GOLDEN
