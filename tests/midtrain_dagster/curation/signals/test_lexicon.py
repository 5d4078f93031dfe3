import polars as pl

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.signals.lexicon import COUNTS, count
from midtrain_dagster.curation.text.vocabulary import find
from midtrain_dagster.curation.text.words import split


def counts(text: str) -> dict[str, int]:
    words = split(text_buffer(pl.Series([text])))
    return dict(zip(COUNTS, count(words, find(words))[0].tolist(), strict=True))


def test_stop_words_in_any_case() -> None:
    assert counts("The the THE tHe of Have haves then") == {
        "stop_words": 3,
        "lower_stop_words": 2,
        "stop_word_count": 6,
        "obscene_words": 0,
    }


def test_obscene_words() -> None:
    assert counts("Shit, SHIT and shit; shiTty Scunthorpe")["obscene_words"] == 3


def test_without_words() -> None:
    assert set(counts("...").values()) == {0}
