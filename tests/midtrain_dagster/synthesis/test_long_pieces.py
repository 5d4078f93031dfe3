from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.synthesis.long_pieces import LongPieces, chunks, sentences

TEXTS = st.text(alphabet="aé. \n!?\u3002\"')", max_size=200)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(1, 60))
def test_chunks_are_the_text_and_none_could_take_the_next_sentence(text: str, size: int) -> None:
    cut = chunks(text, size)
    assert "".join(cut) == text
    assert all(each.strip() for each in cut) or not text.strip()
    assert all(
        len((before + sentences(after)[0]).encode()) > size for before, after in pairwise(cut)
    )
    assert all(len(each.strip().encode()) <= size or len(sentences(each)) == 1 for each in cut)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One. Two! \u201cThree?\u201d Four", ["One. ", "Two! ", "\u201cThree?\u201d ", "Four"]),
        ("A head\n\nSome text", ["A head\n\n", "Some text"]),
        ("\u6f22\u5b57\u3002\u300c\u6587\u3002\u300d\u7d42", None),
        ("e.g. 3.5 is one", ["e.g. ", "3.5 is one"]),
        ("", []),
        (" \n\n ", [" \n\n "]),
    ],
)
def test_sentences_end_where_they_do(text: str, found: list[str] | None) -> None:
    expected = ["\u6f22\u5b57\u3002", "\u300c\u6587\u3002\u300d", "\u7d42"]
    assert sentences(text) == (expected if found is None else found)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 900), max_size=12), st.integers(200, 700))
def test_pieces_are_whole_paragraphs_with_their_bytes(sizes: list[int], least: int) -> None:
    text = "\n\n".join("\u00e9" * size for size in sizes)
    config = LongPieces(minimum_bytes=least, maximum_bytes=1500)
    at = 0
    for piece in config.pieces(text):
        assert text.encode()[piece.start : piece.stop].decode() == piece.text
        assert least <= piece.stop - piece.start <= 1500
        assert piece.start >= at
        at = piece.stop
        assert piece.text.strip("\n").split("\n\n") == [
            each for each in piece.text.split("\n\n") if each
        ]


def test_hostile_texts_take_linear_time() -> None:
    for text in ("." * 200_000, "\n" * 200_000, ".'" * 100_000, "\n " * 100_000 + "x"):
        assert "".join(chunks(text, 100)) == text


def test_bounds_that_leave_no_room_are_refused() -> None:
    with pytest.raises(ValidationError, match="minimum_bytes is more than maximum_bytes"):
        LongPieces(minimum_bytes=900, maximum_bytes=800)
