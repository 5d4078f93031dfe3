import polars as pl

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.signals.profanity import OBSCENE_WORDS
from midtrain_dagster.curation.text.words import split


def test_each_is_one_word_in_lower_case_and_there_once() -> None:
    assert len(set(OBSCENE_WORDS)) == len(OBSCENE_WORDS)
    assert all(word == word.lower() for word in OBSCENE_WORDS)
    words = split(text_buffer(pl.Series(OBSCENE_WORDS)))
    assert words.offsets.tolist() == list(range(len(OBSCENE_WORDS) + 1))


def test_words_with_a_harmless_meaning_are_out() -> None:
    assert not {"organ", "kill", "len", "god", "sex", "hell", "fat"} & set(OBSCENE_WORDS)
