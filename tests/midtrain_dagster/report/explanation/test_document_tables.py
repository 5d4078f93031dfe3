from typing import Any

import pytest

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.report.explanation.document_search import find
from midtrain_dagster.report.explanation.document_tables import ATTRIBUTES, READ, DocumentTables


def tables(made: dict[str, Any], asked: str) -> DocumentTables:
    return DocumentTables(made, find(made, asked))


def test_every_attribute_has_the_row_of_its_document(made: dict[str, Any]) -> None:
    for place in ("web.jsonl:2", "books.jsonl:1"):
        each = tables(made, place)
        for name in ("language", "signals", "ratings", "curated_documents"):
            (row,) = each.rows(name)
            whole = made[name].read(ATTRIBUTES[name]).filter(id=each.found.id)
            assert row == whole.row(0, named=True)


def test_what_was_not_made_is_empty(made: dict[str, Any]) -> None:
    each = tables({"documents": made["documents"]}, "web.jsonl:1")
    assert each.document()["locator"] == "web.jsonl:1"
    assert all(each.rows(name) == [] for name in ATTRIBUTES)
    assert each.cluster() is None and each.hits() == () and each.made_of_it() == ()
    assert each.percentile("quality", 0.5) is None


def test_a_percentile_is_among_the_documents_of_the_same_source(made: dict[str, Any]) -> None:
    each = tables(made, "web.jsonl:2")
    assert each.percentile("quality", 0.4) == pytest.approx(2 / 4)
    assert tables(made, "books.jsonl:1").percentile("quality", 0.45) == pytest.approx(1 / 2)


def test_the_member_that_stays_comes_first_with_its_text(made: dict[str, Any]) -> None:
    for place in ("web.jsonl:1", "web.jsonl:2"):
        cluster = tables(made, place).cluster()
        assert cluster is not None and cluster.size == 2
        assert [each["locator"] for each in cluster.members] == ["web.jsonl:1", "web.jsonl:2"]
        assert "slate" in cluster.members[0]["text"] and "board" in cluster.members[1]["text"]
        assert [edge["jaccard"] for edge in cluster.edges] == [0.8125]
    assert tables(made, "web.jsonl:3").cluster() is None


def test_hits_come_with_the_question_of_the_item(made: dict[str, Any]) -> None:
    (hit,) = tables(made, "books.jsonl:1").hits()
    assert (hit["benchmark"], hit["item"], hit["question"]) == (
        "riddles",
        "7",
        "How many are left?",
    )
    assert tables(made, "books.jsonl:2").hits() == ()


def test_a_synthetic_document_knows_its_origin_and_the_origin_knows_it(made) -> None:
    each = tables(made, "5e5e5e5e")
    origin = each.origin(
        {"document": find(made, "web.jsonl:1").id, "passage": {"start": 0, "stop": 74}}
    )
    assert origin is not None
    assert origin["passage"].endswith("beside the door.")
    assert tables(made, "web.jsonl:1").made_of_it() == ("5e" * 16,)


def test_a_table_of_other_documents_is_looked_through_whole(made, store: ArtifactStore) -> None:
    """As many parts in another order, as after a source was added."""
    parts = made["language"].parts("language")
    frames = [
        made["language"].read("language").slice(0, 4),
        made["language"].read("language").slice(4),
    ]
    assert len(parts) == 2

    def build(fingerprint_: str) -> Any:
        return [
            write_output(store.storage, f"parts/{number}", "language", frame)
            for number, frame in enumerate(reversed(frames))
        ], {}

    moved = store.make("language", 1, None, {"documents": "others"}, build)
    each = tables({**made, "language": moved}, "books.jsonl:2")
    assert [row["id"] for row in each.rows("language")] == [each.found.id]


def test_everything_that_is_read_is_named() -> None:
    assert {"duplicate_edges", "contamination", *ATTRIBUTES} == set(READ)
