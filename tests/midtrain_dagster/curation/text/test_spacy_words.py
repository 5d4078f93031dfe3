"""Against spaCy's own tokens, recorded for 200 real texts and for a few hundred hard strings."""

import json
from pathlib import Path

import polars as pl
import pytest

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.spacy_words import split

FIXTURES = Path(__file__).parents[1] / "fixtures"


def tokens(*texts: str) -> list[list[str]]:
    text = text_buffer(pl.Series(texts))
    words = split(text)
    whole = text.buffer.tobytes()
    spans = zip(words.starts, words.stops, strict=True)
    spelt = [whole[start:stop].decode() for start, stop in spans]
    bounds = zip(words.offsets, words.offsets[1:], strict=False)
    return [spelt[first:behind] for first, behind in bounds]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't can't cannot.", "I|do|n't|ca|n't|can|not|."),
        ("He said: “it's 10km, e.g. (or 5%).”", "He|said|:|“|it|'s|10|km|,|e.g.|(|or|5|%|)|.|”"),
        ("state-of-the-art x=1 a/b and/or", "state|-|of|-|the|-|art|x=1|a|/|b|and/or"),
        ("see https://example.com/a-b?c=d, or me@example.org!", None),
        ("end.Next U.S. Mr. Smith's :) o.O ...", "end|.|Next|U.S.|Mr.|Smith|'s|:)|o.O|..."),
        ("8.8.8.8:53/a-b 10.0.0.1/a-b", "8.8.8.8:53/a-b|10.0.0.1|/|a|-|b"),
        ("(''a'') 7a.m. $5 US$9", "(|''|a|''|)|7|a.m.|$|5|US$|9"),
        ("\u00a0\t \n", ""),
    ],
)
def test_words_of_some_texts(text: str, expected: str | None) -> None:
    if expected is None:
        expected = "see|https://example.com/a-b?c=d|,|or|me@example.org|!"
    assert tokens(text) == [expected.split("|") if expected else []]


def test_hard_strings_are_cut_as_by_spacy() -> None:
    """Random joins of exceptions, marks, units, letters of many scripts (`spacy_english`)."""
    recorded = json.loads((FIXTURES / "spacy_tokens.json").read_text(encoding="utf-8"))
    assert len(recorded) >= 400
    assert tokens(*map("".join, recorded)) == [
        [token for token in cut if not token.isspace()] for cut in recorded
    ]


def test_words_do_not_depend_on_the_texts_around() -> None:
    texts = ["e.g", "don", "'t can", "not", "", "a" * 9, "(b"]
    assert tokens(*texts) == [tokens(text)[0] for text in texts]


def test_what_is_known_of_words() -> None:
    text = text_buffer(pl.Series(["Ünïcode isn't 12 …"]))
    words = split(text)
    assert words.characters.tolist() == [7, 2, 3, 2, 1]
    assert words.alphabetic.tolist() == [True, True, True, False, False]
    assert words.symbolic.tolist() == [False, False, False, False, True]


def test_no_text() -> None:
    assert split(text_buffer(pl.Series([], dtype=pl.String))).offsets.tolist() == [0]
