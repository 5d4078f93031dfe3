"""Keep or drop as datatrove 0.10.1 does: recorded decisions on 200 real texts.

Asked twice, of spaCy's words and sentences as they were recorded, and of our rewriting of them.

``python -m benchmarks.agreement_fixture`` recorded them; `texts` are the same texts as there.
"""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.core.text_buffer import Text, text_buffer
from midtrain_dagster.curation.signals.chunk import Columns
from midtrain_dagster.curation.signals.measure import MEASURES, measure
from midtrain_dagster.curation.signals.rules import asked, violation
from midtrain_dagster.curation.signals.signals import SIGNALS
from midtrain_dagster.curation.text.sentences import Sentences
from midtrain_dagster.curation.text.spacy_words import split
from midtrain_dagster.curation.text.words import Words, from_spans

FIXTURE = Path(__file__).parents[1] / "fixtures" / "datatrove.parquet"
RULES = [
    "gopher_quality_datatrove",
    "gopher_repetition_datatrove",
    "c4_datatrove",
    "c4_fineweb",
    "fineweb_datatrove",
]


@pytest.fixture(scope="module")
def recorded() -> pl.DataFrame:
    return pl.read_parquet(FIXTURE)


def texts(passages: pl.DataFrame, programs: pl.DataFrame) -> list[str]:
    """Passages of web text and Wikipedia, five of them in one, pages of lines, and programs."""
    some = [*passages["text"][:300], *passages["text"][1000:1300]]
    return [
        *some[::8],
        *("\n\n".join(some[at : at + 5]) for at in range(0, 250, 10)),
        *("\n".join(some[at].split(". ") * 2) for at in range(0, 600, 12)),
        *programs["text"][:50],
    ]


@pytest.fixture(scope="module")
def text(passages: pl.DataFrame, programs: pl.DataFrame) -> Text:
    return text_buffer(pl.Series(texts(passages, programs)))


@pytest.fixture(scope="module")
def given(recorded: pl.DataFrame, text: Text) -> tuple[Words, Sentences]:
    """The words and sentences by which datatrove decided."""

    def places(column: str) -> tuple[np.ndarray, np.ndarray]:
        lists = recorded[column]
        offsets = np.concatenate(([0], lists.list.len().cum_sum().to_numpy()))
        begins = np.repeat(text.offsets[:-1], np.diff(offsets))
        return offsets, begins + lists.explode(empty_as_null=False).to_numpy()

    offsets, starts = places("starts")
    words = from_spans(text, offsets, starts, places("stops")[1])
    return words, Sentences(*places("sentences"))


@pytest.fixture(scope="module", params=["given", "own"])
def measured(request, text: Text, given: tuple[Words, Sentences]) -> Columns:
    words, sentences = given if request.param == "given" else (None, None)
    return measure(text, words=words, sentences=sentences)


@pytest.mark.parametrize("rule", RULES)
def test_decisions_are_those_of_datatrove(
    recorded: pl.DataFrame, measured: Columns, rule: str
) -> None:
    signals = pl.DataFrame({name: measured[name] for name in SIGNALS}).cast(SIGNALS)
    ours = signals.select(violation(asked([rule], {}))).to_series().is_null()
    assert ours.to_list() == recorded[rule].is_null().to_list()
    assert 20 <= ours.sum() <= 190


def test_words_are_those_of_spacy(text: Text, given: tuple[Words, Sentences]) -> None:
    words, recorded = split(text), given[0]
    assert all((ours == theirs).all() for ours, theirs in zip(words, recorded, strict=True))


def test_every_signal_is_measured_and_no_other() -> None:
    assert set(MEASURES) == set(SIGNALS)
