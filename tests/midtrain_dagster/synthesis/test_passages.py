import json

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.schema import DOCUMENTS, document_id
from midtrain_dagster.synthesis.collector import Collector, FieldShown
from midtrain_dagster.synthesis.methods import rephrase
from midtrain_dagster.synthesis.passages import (
    PROMPTS,
    PassageConfig,
    Sorter,
    first_passages,
)
from midtrain_dagster.synthesis.tables import EXAMPLES, REJECTS


def config(**fields: object) -> PassageConfig:
    generator = {"engine": "transformers", "model": "m"}
    return rephrase.Config(
        **{"domains": ["web"], "documents": 10, "generator": generator, **fields}
    )


def test_choice_depends_on_ids_only(documents, castle) -> None:
    table = documents(*[f"{i} {castle}" for i in range(50)])
    chosen = config().choose(table)["id"].to_list()
    assert len(chosen) == 10
    assert config().choose(table.reverse())["id"].to_list() == chosen
    assert config(seed=1).choose(table)["id"].to_list() != chosen
    halves = [config().choose(table[:20]), config().choose(table[20:])]
    assert config().choose(pl.concat(halves))["id"].to_list() == chosen


def test_choice_is_by_domain_and_length(documents, castle) -> None:
    table = pl.concat([documents(castle, "short"), documents(castle, domain="code")])
    assert config().choose(table)["id"].to_list() == ["d0"]
    assert config(domains=["books"]).choose(table).is_empty()


SENTENCES = st.lists(
    st.tuples(st.text("aé “”", min_size=1, max_size=150), st.sampled_from([". ", "!\n", "\n\n"])),
    max_size=8,
).map(lambda parts: "".join(text + end for text, end in parts))


@settings(max_examples=80, deadline=None)
@given(SENTENCES, st.integers(1, 3))
def test_passages_are_spans_of_their_document(documents, text: str, passages: int) -> None:
    table = config(passages=passages, passage_bytes=100).ask(documents(text), str.upper)
    assert table.schema == PROMPTS
    assert table.height <= passages
    assert (table.height == 0) == (not text.strip())
    last = 0
    for row in table.iter_rows(named=True):
        passage = text.encode()[row["start"] : row["stop"]].decode()
        assert row["start"] >= last
        assert passage == passage.strip() != ""
        assert len(passage.encode()) <= 2 * 100
        assert row["prompt"] == passage.upper()
        last = row["stop"]


def test_passages_are_whole_sentences(documents, castle) -> None:
    assert [castle[a:b] for a, b in first_passages(castle, 9, 100)] == [
        castle[: castle.index(" It burned")],
        castle[castle.index("It burned") : castle.index(" Today")],
        castle[castle.index("Today") : castle.index(" The way")],
        "The way up is steep.",
    ]
    table = config(passage_bytes=100).ask(documents(castle), str)
    assert table["id"].to_list() == ["d0:0-93"]


def test_sorter_makes_documents_that_name_their_passage_and_their_author(documents, castle) -> None:
    sources = documents("x", castle)
    table = config(passages=2, passage_bytes=100).ask(sources, str).filter(document="d1")
    table = table.with_columns(completion=pl.Series(["one", "two"]))
    collector = Collector(config(domain="it"), source="synthetic_it", written_by="a model")
    sorter = Sorter(table, sources, collector)
    first, second = sorter.answers()
    assert (first.completion, second.passage) == ("one", "It burned down in 1702.")
    sorter.reject(first, "odd")
    shown = [FieldShown("Passage", second.passage, generated=False)]
    sorter.accept(second, "Two.", shown=shown, metadata={"a": 1})
    made = sorter.tables()
    assert made.rejects.schema == REJECTS
    assert made.rejects.rows() == [(first.id, "odd", "one")]
    assert made.documents.schema == DOCUMENTS
    (row,) = made.documents.rows(named=True)
    assert row["id"] == document_id("synthetic_it", second.id, "Two.")
    assert (row["source"], row["domain"], row["kind"]) == ("synthetic_it", "it", "prose")
    assert (row["language"], row["locator"]) == ("de", second.id)
    assert json.loads(row["metadata"]) == {
        "family": "distillation",
        "form": "rephrased",
        "thought": "none",
        "generator": "a model",
        "prompt_version": 2,
        "requests": [second.id],
        "seeds": [{"document": "d1", "start": second.start, "stop": second.stop}],
        "document": "d1",
        "passage": {"start": second.start, "stop": second.stop},
        "a": 1,
    }
    assert made.examples.schema == EXAMPLES
    assert made.examples.rows(named=True) == [
        {
            "id": row["id"],
            "fields": [{"label": "Passage", "text": second.passage, "generated": False}],
        }
    ]
