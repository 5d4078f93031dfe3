import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import chunks, text_buffer


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=20)), st.integers(1, 30))
def test_chunks_are_the_column_in_order(texts: list[str], size: int) -> None:
    column = pl.Series("text", texts, pl.String)
    found = list(chunks(column, size))
    assert [text for _, part in found for text in part] == texts
    assert [start for start, _ in found] == np.cumsum([0] + [len(p) for _, p in found])[
        :-1
    ].tolist()
    assert all(len(part) == 1 or part.str.len_bytes().sum() <= size for _, part in found)


def test_a_slice_of_a_column_has_its_own_bytes() -> None:
    text = text_buffer(pl.Series(["first", "zweite", "", "dritte"]).slice(1, 3))
    assert bytes(text.buffer) == b"zweitedritte"
    assert text.offsets.tolist() == [0, 6, 6, 12]


def test_a_null_text_is_refused() -> None:
    with pytest.raises(ValueError, match="1 null"):
        text_buffer(pl.Series("text", ["a", None]))
