import polars as pl
import pytest

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.characters import classify
from midtrain_dagster.curation.text.lines import find as find_lines
from midtrain_dagster.curation.text.sentences import count, find
from midtrain_dagster.curation.text.words import split


def starts(*texts: str) -> list[list[int]]:
    text = text_buffer(pl.Series(texts))
    classes = classify(text.buffer)
    found = find(text, classes, split(text, classes))
    bounds = zip(found.offsets, found.offsets[1:], strict=False)
    return [found.starts[first:behind].tolist() for first, behind in bounds]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", 3),
        ('He said "no." Then he left.', 2),
        ("By J. R. R. Tolkien. He wrote.", 2),
        ("Version 3.14 of example.com is out", 1),
        ("Wait... what? (Really.) Yes", 4),
        ("我是学生。你呢\uff1f好。", 3),
        ("First line\nsecond line.\n\n...\n", 2),
        ("one\rtwo\x0bthree\u2028four\x85five\r\nsix", 6),
        ("nothing\u00a0breaks\there", 1),
        ("", 0),
    ],
)
def test_sentences(text: str, sentences: int) -> None:
    assert len(starts(text)[0]) == sentences


def test_a_sentence_starts_at_its_first_word() -> None:
    assert starts("(One.) “Two”", "", "Three! 4.") == [[1, 10], [], [16, 23]]


def test_sentences_are_counted_by_line() -> None:
    text = text_buffer(pl.Series(["One. Two.\n\n- Three\n...", "Four! Five"]))
    classes = classify(text.buffer)
    words = split(text, classes)
    lines = find_lines(text, classes, words)
    assert count(find(text, classes, words), lines.begins, lines.ends).tolist() == [2, 0, 1, 0, 2]
