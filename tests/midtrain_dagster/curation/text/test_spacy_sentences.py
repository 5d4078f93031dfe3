import polars as pl
import pytest

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.characters import classify
from midtrain_dagster.curation.text.citations import find as find_citations
from midtrain_dagster.curation.text.citations import without
from midtrain_dagster.curation.text.lines import find
from midtrain_dagster.curation.text.spacy_sentences import count
from midtrain_dagster.curation.text.spacy_words import split as split_as_spacy
from midtrain_dagster.curation.text.words import split


def counts(*texts: str) -> list[int]:
    text = text_buffer(pl.Series(texts))
    classes = classify(text.buffer)
    lines = find(text, classes, split(text, classes), every=True)
    uncited = without(text, lines, find_citations(text, lines))
    return count(text, split_as_spacy(text, classes), lines, uncited).tolist()


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("One. Two! Three?", 3),
        ('He said "no." Then he left.', 2),
        ("Wait . . . what", 2),
        ("The U.S. is big. 我。你", 2),
        ("So. ) (yes", 2),
        ("So.  ) (yes", 2),
        ("So.  ) yes", 2),
        ("So. ) yes", 2),
        ("So. )", 1),
        ("So.  )", 2),
        ("One fact.[1] Two facts[12].[edit] Three[citation needed].", 3),
        ("One.[x] Two", 1),
        ("...", 1),
    ],
)
def test_sentences_of_a_line(line: str, sentences: int) -> None:
    assert counts(line) == [sentences]


def test_each_line_is_a_text_of_its_own() -> None:
    assert counts("One\rtwo. Three\n\n[1]", "Four. [2] Five\n[3]\nsix.", "seven") == [
        *(1, 2, 0, 0),
        *(2, 0, 1),
        1,
    ]
