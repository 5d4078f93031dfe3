"""Attribute tables lie beside the documents: part for part, and one row for each document."""

import pytest

TABLES = {"language": "language", "signals": "signals", "ratings": "ratings"}


@pytest.mark.parametrize("asset", [*TABLES, "signatures"])
def test_a_table_has_the_documents_of_its_part(shards, asset: str) -> None:
    documents = shards.artifact("documents").parts("documents")
    tables = shards.artifact(asset).parts(TABLES.get(asset, "signatures"))
    assert [part.rows for part in tables] == [part.rows for part in documents]
    ids = shards.artifact(asset).read(TABLES.get(asset, "signatures"))["id"]
    assert ids.to_list() == shards.artifact("documents").read("documents")["id"].to_list()


def test_a_table_depends_on_its_own_method_and_on_nothing_beside_it(shards) -> None:
    documents = shards.artifact("documents").fingerprint
    assert shards.artifact("signals").manifest.upstream == {"documents": documents}
    rater = shards.artifact("rater/quality").fingerprint
    upstream = {"documents": documents, "rater_quality": rater, "external": {"quality": None}}
    assert shards.artifact("ratings").manifest.upstream == upstream
    assert set(shards.artifact("language").manifest.upstream) == {"documents", "external"}


def test_words_are_looked_for_by_language_and_their_list_is_a_cause(graph, folder) -> None:
    (folder / "words.txt").write_text("the\n")
    # Everything in English is dropped: that is what is asked, and no reason to stop.
    policy = {
        "prose": {"also": ["unwanted"], "thresholds": {"maximum_unwanted_word_ratio": 0}},
        "word_lists": {"unwanted": {"en": "words.txt"}},
        "removal_ceiling": 1.0,
    }
    made = graph(curation=policy)
    made.make("benchmark_items", "documents", "language", "signals")
    signals = made.artifact("signals")
    assert set(signals.manifest.upstream) == {"documents", "language", "external"}
    table = signals.read("signals").join(made.artifact("language").read("language"), on="id")
    share = table["unwanted_word_ratio"]
    assert (share.filter(table["language"] == "en") > 0).mean() > 0.9
    first = signals.fingerprint
    (folder / "words.txt").write_text("the\nof\n")
    made.make("signals")
    assert made.artifact("signals").fingerprint != first


def test_a_document_that_a_method_cannot_process_keeps_its_row(graph, folder) -> None:
    """An empty-looking page and a page of one letter: rows, not exceptions."""
    (folder / "odd.jsonl").write_text('{"text": "\\u00a0.\\u00a0"}\n{"text": "x"}\n')
    sources = {
        "web": {"reader": "json_lines", "domain": "web", "kind": "prose", "paths": ["odd.jsonl"]},
        "wikipedia": {
            "reader": "json_lines",
            "domain": "wikipedia",
            "kind": "prose",
            "paths": ["wikipedia.jsonl"],
        },
    }
    # Both are dropped for their language, which is no reason to stop here.
    made = graph(sources=sources, curation={"removal_ceilings": {"web": 1.0}})
    made.make("benchmark_items", "documents", "language", "signals", "signatures")
    documents = made.artifact("documents").read("documents")
    assert documents.height == 62
    for asset, table in (("language", "language"), ("signals", "signals"), ("signatures",) * 2):
        assert made.artifact(asset).rows(table) == 62
