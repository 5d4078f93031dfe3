import json
import re
from collections import Counter
from hashlib import blake2b
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.synthesis.assembly import FILES, Assembly, outcomes
from midtrain_dagster.synthesis.methods.counting import VERSION, Config, word_counts
from midtrain_dagster.synthesis.tables import EXAMPLES

GOLDEN = (1, "82e0d04ad75a1249")

HARBOUR = (
    "The harbour was quiet. A captain's boat lay in the harbour, and the Captain slept; the "
    "harbour-master did not. Salt, salt and more salt: the captain woke. The harbour sang.\n\n"
)
GARDEN = (
    "A garden has roses. The garden of the gardener has tulips and roses, and no rose is a tulip. "
    "In the GARDEN stand roses, and the tulips stand by the wall of the garden.\n\n"
)


def config(**fields: Any) -> Config:
    small = {"minimum_bytes": 200, "maximum_bytes": 400, "words": 2, "least": 2, "letters": 4}
    asked = {"method": "counting", "domains": ["web"], "documents": 10}
    return Config(**{**asked, **small, **fields})


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet="abÉ'-_ .,9\u00df\n", max_size=60), max_size=4))
def test_counts_are_those_of_a_loop(texts: list[str]) -> None:
    naive = {
        (number, word): count
        for number, text in enumerate(texts)
        for word, count in Counter(re.findall(r"\w[\w'-]*", text.lower())).items()
    }
    assert {(n, word): count for n, word, count in word_counts(texts).iter_rows()} == naive


def test_what_is_asked_can_be_counted_in_the_text(documents) -> None:
    made = config().assemble(documents(HARBOUR * 2, GARDEN * 2), source="s")
    assert made.documents.height == 2
    for row in made.documents.iter_rows(named=True):
        text, _, asked = row["text"].rpartition("\n\n")
        metadata = json.loads(row["metadata"])
        counts = metadata["counts"]
        for word, count in counts.items():
            assert len(re.findall(rf"(?<![\w'-]){word}(?![\w'-])", text, re.I)) == count
        answer = asked.partition("\n")[2]
        if metadata["form"] == "counting_counts":
            assert dict(line.split(": ") for line in answer.split("\n")) == {
                word: str(count) for word, count in counts.items()
            }
        else:
            assert answer.split(", ") == sorted(counts, key=lambda word: -counts[word])
        (seed,) = metadata["seeds"]
        assert seed == {"document": seed["document"], "start": 0, "stop": len(text) + 2}
    assert made.examples.schema == EXAMPLES
    assert made.files.schema == FILES
    assert outcomes(made.files).rows() == [("joined", 2)]


def test_weight_and_ties(documents) -> None:
    sources = documents(HARBOUR * 2, GARDEN * 2)
    asked = [
        set(json.loads(each)["counts"])
        for each in config(seed=3).assemble(sources, source="s").documents["metadata"]
    ]
    # "captain's" and "harbour-master" are other words; "the" is too short, and stands in both.
    assert {"harbour", "salt"} in asked
    assert all("captain's" not in each for each in asked)
    tied = documents("salt and salt, iron and iron. " * 8)
    made = config(seed=1).assemble(tied, source="s").documents
    assert json.loads(made["metadata"][0])["form"] == "counting_counts"


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (("short",), "too_short"),
        (("a paragraph without an end " * 30,), "no_end_of_paragraph"),
        (("One word each: " + " ".join(f"w{n}" for n in range(90)),), "few_words"),
        ((HARBOUR * 2, GARDEN * 2), "not_drawn"),
    ],
)
def test_documents_that_are_not_asked_about_say_why(documents, texts, reason: str) -> None:
    made = config(documents=1).assemble(documents(*texts), source="s")
    assert reason in made.files["outcome"].to_list()
    assert made.files.height == len(texts)
    assert made.documents.schema == DOCUMENTS


def test_a_longer_document_gives_several_pieces(documents) -> None:
    assert isinstance(config(), Assembly)
    made = config(maximum_bytes=350).assemble(documents(HARBOUR * 6), source="s")
    assert made.documents.height == 3
    assert made.documents["id"].n_unique() == 3
    other = config(maximum_bytes=350, documents=2).assemble(documents(HARBOUR * 6), source="s")
    assert set(other.documents["id"]) < set(made.documents["id"])


def test_nothing_of_other_domains(documents) -> None:
    made = config().assemble(documents(HARBOUR * 2, domain="code"), source="s")
    assert made.documents.is_empty()
    assert made.files.is_empty()


def test_counts_that_no_word_has_are_refused() -> None:
    with pytest.raises(ValidationError, match="least is more than most"):
        config(least=9, most=8)


def test_golden(documents) -> None:
    """Bump VERSION when this changes: stored documents were made by the old method."""
    made = config().assemble(documents(HARBOUR * 2, GARDEN * 2), source="s")
    every = [pl.DataFrame(table).rows() for table in made]
    assert (VERSION, blake2b(repr(every).encode(), digest_size=8).hexdigest()) == GOLDEN
