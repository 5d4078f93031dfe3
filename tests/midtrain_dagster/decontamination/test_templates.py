import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.decontamination.templates import (
    own_words,
    sharing_items,
    template_runs,
    windows_of,
)
from midtrain_dagster.decontamination.words import read_words

SENTENCE = st.lists(st.sampled_from("abc"), max_size=7)


@settings(max_examples=75, deadline=None)
@given(st.lists(st.tuples(SENTENCE, st.integers(0, 3), st.integers(0, 1)), min_size=1, max_size=8))
def test_items_that_share_a_window_are_counted(texts: list[tuple]) -> None:
    """A window is 4 words, or all of a text of 2 or 3."""
    words = read_words(pl.Series([" ".join(text) for text, _, _ in texts], dtype=pl.String))
    lengths = np.array([len(text) for text, _, _ in texts])
    windows = windows_of(np.where(lengths >= 2, np.minimum(lengths, 4), 0), lengths)
    item = np.array([2 * item + benchmark for _, item, benchmark in texts])
    found = sharing_items(words, windows, item, np.array([each for _, _, each in texts]))
    for text, position, size, items in zip(*windows, found, strict=True):
        wanted, _, mine = texts[text]
        wanted = wanted[position : position + size]
        holders = {
            number
            for other, number, benchmark in texts
            if benchmark == mine
            and any(other[at : at + size] == wanted for at in range(len(other) - size + 1))
        }
        assert items == len(holders)


FORM = "how many of the people in {} have ever used a {} in their life"
FILLED = [("peru", "boat"), ("chile", "kite"), ("ghana", "drum"), ("nepal", "bell")]


def test_what_is_filled_into_a_form_is_an_items_own() -> None:
    texts = [FORM.format(*gaps) for gaps in FILLED] + ["an item that has nothing to do with these"]
    words = read_words(pl.Series(texts))
    own = own_words(words, np.arange(5), np.zeros(5, np.int64))
    letters = words.letters.tobytes()
    said = [letters[a:b].decode() for a, b in zip(words.start, words.stop, strict=True)]
    kept = [word for word, mine in zip(said, own, strict=True) if mine]
    assert kept == [gap for gaps in FILLED for gap in gaps] + texts[-1].split()
    assert own_words(words, np.arange(5), np.arange(5)).all()  # in other benchmarks


def test_templates_are_listed_with_their_items() -> None:
    texts = pl.Series([f"{number} this is what they all say {number}" for number in range(3)])
    words = read_words(texts)
    lengths = np.diff(words.first)
    windows = windows_of(np.full(3, 4), lengths)
    sharing = sharing_items(words, windows, np.arange(3), np.zeros(3, np.int64))
    listed = template_runs(words, windows, sharing, pl.Series(["b"] * 3))
    assert listed.rows() == [("b", "this is what they all say", 3)]
